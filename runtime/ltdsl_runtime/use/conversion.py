"""Published weights, listed and made into checkpoints."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ltdsl.wording import counted
from ltdsl_runtime.errors import RunError
from ltdsl_runtime.machine.device import prepare

if TYPE_CHECKING:
    from pathlib import Path

    from ltdsl.catalogue import Model


def contents(path: Path) -> dict[str, Any]:
    """What a file of weights holds, JSON-able.

    Returns:
        ``form``, in words; ``numbers``, how many in all; ``tensors``, each with ``name``, ``type`` and ``shape``.

    Raises:
        RunError: LT411, it cannot be read.
    """
    prepare("cpu", "fp32")
    import numpy as np

    # they import mindspore, which must find the environment prepared
    from ltdsl_runtime.weights import checkpoints
    from ltdsl_runtime.weights.foreign.reading import read_foreign

    foreign = read_foreign(path)
    if foreign is not None:
        form, arrays = foreign.form, foreign.arrays
    else:
        form, saved = "MindSpore", checkpoints.load(path)
        arrays = {name: value for name, value in saved.items() if isinstance(value, np.ndarray)}
    return {
        "form": form,
        "numbers": sum(value.size for value in arrays.values()),
        "tensors": [
            {"name": name, "type": str(value.dtype), "shape": list(value.shape)}
            for name, value in arrays.items()
        ],
    }


def convert(path: Path, model: Model, out: Path, force: bool) -> list[str]:
    """Make a checkpoint of another program's weights.

    Args:
        path: The file.
        model: Whose weights they are.
        out: The checkpoint; its classifier has the file's classes, and is missing where the file has none.
        force: Replace what is there.

    Returns:
        A table of what became of the tensors, as lines.

    Raises:
        RunError: LT411, the file cannot be read; LT412, it is that of another model; LT431, there is no such model;
            LT432, the checkpoint cannot be written.
    """
    prepare("cpu", "fp32")
    from ltdsl_runtime.models import build_network
    from ltdsl_runtime.weights import checkpoints
    from ltdsl_runtime.weights.foreign.fitting import fit
    from ltdsl_runtime.weights.foreign.reading import read_foreign

    foreign = read_foreign(path)
    if foreign is None:
        raise RunError("LT411", f"{path} is neither PyTorch's nor safetensors", "check the path")
    if os.path.lexists(out) and not force:
        raise RunError("LT432", f"{out} is there already", "choose another name, or --force")
    arguments = model.model_dump(by_alias=True)["arguments"]
    # that of the first convolution
    channels = next((a.shape[1] for a in foreign.arrays.values() if a.ndim == 4), 3)
    network = build_network(model.name, arguments, 2, channels)
    classes = fit(network, model.name, foreign, path).classes or 2
    if classes != 2:
        network = build_network(model.name, arguments, classes, channels)
    found = fit(network, model.name, foreign, path)
    kept = checkpoints.as_parameters(found.arrays)
    try:
        checkpoints.save(out, kept)
    except OSError as error:
        raise RunError(
            "LT432", f"cannot write {out}: {error.strerror or error}", "choose another place"
        ) from error
    return [f"{path}: {foreign.form}, {counted(foreign.numbers, 'number')}", *found.lines(classes)]
