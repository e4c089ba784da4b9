"""`ltdsl export`."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ltdsl.cli.options import Device
from ltdsl.cli.output import fail, misused, need
from ltdsl.cli.survey import Data, data_of_run
from ltdsl.cli.trained import Checkpoint, Run, plan_of
from ltdsl.system.terminal import say

if TYPE_CHECKING:
    from collections.abc import Mapping


class ExportFormat(str, Enum):
    """What `export` writes."""

    MINDIR = "mindir"
    ONNX = "onnx"
    CKPT = "ckpt"
    SAFETENSORS = "safetensors"


def export(
    run: Run,
    form: Annotated[
        ExportFormat | None,
        typer.Option(
            "--format",
            help="MindIR graph, ONNX graph, or weights alone, for MindSpore or PyTorch. Default: as --out ends, else "
            "mindir.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The file; FILE.json beside it describes it. Default: RUN.FORMAT in this folder.",
            show_default=False,
        ),
    ] = None,
    checkpoint: Checkpoint = None,
    batch_size: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=65536,
            metavar="N",
            help="Images of a call, fixed. Default: any number.",
            show_default=False,
        ),
    ] = None,
    training: Annotated[
        bool,
        typer.Option(
            "--training", help="Export the training step of the checkpoint's stage, as MindIR."
        ),
    ] = False,
    data: Data = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
    device: Annotated[Device, typer.Option(help="Where to build and check it.")] = Device.AUTO,
) -> None:
    """Write a run's network as a file that other programs run.

    Prediction takes pixels (uint8, 0 to 255, NCHW, resized but not normalised) and gives logits and probabilities. The
    file is read back and compared with the live network before it is kept.
    """
    form, out = _target(run, form, out)
    if training and form is not ExportFormat.MINDIR:
        misused("--training exports MindIR only")
    if training and batch_size is not None:
        misused("--training has the batch size of its stage")
    if data is not None and not training:
        misused("--data is for --training")
    need("`ltdsl export`", "train")
    plan = plan_of(run)
    from ltdsl_runtime.errors import RunError
    from ltdsl_runtime.use.export import export_run
    from ltdsl_runtime.use.trained import open_run

    try:
        trained = open_run(run, plan)
        images = data_of_run(run, data) if training else None
        facts = export_run(
            trained,
            form.value,
            out,
            checkpoint or trained.preferred,
            batch_size=batch_size,
            training=training,
            data=images,
            device=device.value,
            force=force,
        )
    except RunError as error:
        fail(error.code, error.message, error.hint)
    say(f"{out}: {_summary(facts)}")
    say(f"{out}.json: what it takes, gives and is made of")


def _target(run: Path, form: ExportFormat | None, out: Path | None) -> tuple[ExportFormat, Path]:
    """The format and the file."""
    endings = {f".{known.value}": known for known in ExportFormat}
    if out is None:
        form = form or ExportFormat.MINDIR
        return form, Path(f"{run.resolve().name or 'run'}.{form.value}")
    if form is None:
        form = endings.get(out.suffix, ExportFormat.MINDIR if not out.suffix else None)
        if form is None:
            misused(
                f"--format says what {out} is to be; only {', '.join(endings)} say it themselves"
            )
    elif endings.get(out.suffix, form) is not form:
        misused(f"{out} is called {out.suffix[1:]}, and --format says {form.value}")
    return form, out


def _summary(facts: Mapping[str, Any]) -> str:
    """One line on what was written."""
    epoch = "" if facts["epoch"] is None else f" of epoch {facts['epoch']}"
    if facts["purpose"] == "weights":
        names = facts["checked"].get("names")
        return f"{facts['checked']['weights']} weights{epoch}" + (
            f", named as by {names}" if names else ""
        )
    what = "training step" if facts["purpose"] == "training" else "network"
    difference = facts["checked"]["largest_difference"]
    return f"{what}{epoch}; checked, largest difference to the live one {difference:.1g}"
