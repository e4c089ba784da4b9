"""A trained run as a file for other programs: `model.onnx` and, beside it, `model.onnx.json`, which describes it."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ltdsl.system.files import json_text
from ltdsl_runtime.errors import RunError
from ltdsl_runtime.machine.device import prepare
from ltdsl_runtime.machine.packages import need
from ltdsl_runtime.rundir.versions import versions

if TYPE_CHECKING:
    from ltdsl_runtime.use.trained import Trained

#: What the files of a format end in.
ENDINGS = {"mindir": ".mindir", "onnx": ".onnx", "ckpt": ".ckpt", "safetensors": ".safetensors"}


def export_run(
    run: Trained,
    form: str,
    out: Path,
    checkpoint: str,
    *,
    batch_size: int | None = None,
    training: bool = False,
    data: Path | None = None,
    device: str = "auto",
    force: bool = False,
) -> dict[str, Any]:
    """Write a run's network, compare what the file computes with the live network, and describe it.

    Args:
        run: The run.
        form: A name of :data:`ENDINGS`.
        out: The file; its description is ``OUT.json``.
        checkpoint: ``last``, ``best`` or a path.
        batch_size: Images of a call; None for any number.
        training: Write the training step of the checkpoint's stage instead of prediction; as MindIR only.
        data: Folder of the data set's files, for a training step.
        device: ``auto``, or a name of :data:`ltdsl_runtime.machine.device.TARGETS`.
        force: Replace files that are there.

    Returns:
        The description.

    Raises:
        RunError: LT401 to LT403, LT411 to LT413: the data or the checkpoint cannot be used; LT430, a package is
            missing; LT432, the file cannot be written; LT433, the format cannot hold the network. Nothing is
            written then.
    """
    run.checkpoint(checkpoint)
    if form == "onnx":
        need("an ONNX file", "onnx")
    description = out.with_name(f"{out.name}.json")
    for path in (out, description):
        _must_be_free(path, force)
    try:
        with tempfile.TemporaryDirectory(prefix=".export-", dir=out.parent) as folder:
            place = Path(folder) / f"model{ENDINGS[form]}"
            prepare(device, run.plan.precision if training else "fp32", portable=True)
            if training:
                facts = _training(run, checkpoint, place, data)
            else:
                facts = _prediction(run, form, checkpoint, place, batch_size)
            facts = _origin(run, form, out) | facts
            beside = Path(folder) / "model.json"
            beside.write_text(json_text(facts), encoding="utf-8")
            for written, target in ((beside, description), (place, out)):
                written.chmod(0o644)  # MindSpore's own are for their owner alone
                written.replace(target)
    except OSError as error:
        why = error.strerror or error
        raise RunError(
            "LT432", f"cannot write {out}: {why}", "choose another place with --out"
        ) from error
    return facts


def _must_be_free(path: Path, force: bool) -> None:
    if path.is_dir():
        raise RunError("LT432", f"{path} is a folder", "choose another name with --out")
    if os.path.lexists(path) and not force:
        hint = "choose another name with --out, or --force"
        raise RunError("LT432", f"{path} is there already", hint)


def _origin(run: Trained, form: str, out: Path) -> dict[str, Any]:
    """Where an exported file is from."""
    return {
        "file": out.name,
        "format": form,
        "run": {
            "plan_sha256": run.plan.digest(),
            "data_sha256": run.facts.data_sha256,
            "versions": run.facts.versions,
        },
        "exported_with": versions(),
    }


def _prediction(
    run: Trained, form: str, checkpoint: str, place: Path, batch_size: int | None
) -> dict[str, Any]:
    """Write the network for prediction, and say what it takes and gives."""
    # they import mindspore, which must find the environment prepared
    from ltdsl_runtime.use.export.prediction import WRITERS, describe
    from ltdsl_runtime.use.inference import load_model

    model = load_model(run, checkpoint)
    checked = WRITERS[form](model, run.data, place, batch_size)
    return describe(run, model, form, batch_size) | {"checked": checked}


def _training(run: Trained, checkpoint: str, place: Path, data: Path | None) -> dict[str, Any]:
    """Write a training step, and say what it takes and gives."""
    from ltdsl_runtime.use.export.training import write_step

    return write_step(run, checkpoint, place, data)
