"""`ltdsl eval`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ltdsl.cli.options import Device, Format
from ltdsl.cli.output import fail, misused, need, new_console, print_json
from ltdsl.cli.survey import Data
from ltdsl.cli.trained import Run, plan_of
from ltdsl.system.terminal import say

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ltdsl.plan import Plan


def eval(  # noqa: A001 - the command's name
    run: Run,
    data: Data = None,
    checkpoint: Annotated[
        str | None,
        typer.Option(
            metavar="last|best|PATH",
            help="Whose weights to take. Default: last and best.",
            show_default=False,
        ),
    ] = None,
    other_data: Annotated[
        bool,
        typer.Option(
            "--other-data", help="Allow other test images than the run's, of the same classes."
        ),
    ] = False,
    images: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Evaluate on the images in DIR/CLASS/... instead, of classes that the model knows.",
            show_default=False,
        ),
    ] = None,
    predictions: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Write the predictions for each image there. DIR may be the run itself.",
            show_default=False,
        ),
    ] = None,
    form: Annotated[
        Format, typer.Option("--format", help="For people, or for programs.")
    ] = Format.TEXT,
    device: Annotated[Device, typer.Option(help="Where to evaluate.")] = Device.AUTO,
) -> None:
    """Evaluate a run again: its test images, its figures.

    JSON has the form of the run's evaluation.json, and on the same images its numbers. The run directory is only read,
    unless --predictions names it.
    """
    if other_data and data is None:
        misused("--other-data needs --data")
    if images is not None and data is not None:
        misused("--images and --data both say what to evaluate on")
    need("`ltdsl eval`", "train")
    plan = plan_of(run)
    from ltdsl_runtime.errors import RunError
    from ltdsl_runtime.use.reevaluate import evaluate_run
    from ltdsl_runtime.use.trained import open_run

    try:
        trained = open_run(run, plan)
        figures = evaluate_run(
            trained,
            checkpoint,
            device=device.value,
            data=data,
            other_data=other_data,
            images=images,
            predictions=predictions,
        )
    except RunError as error:
        fail(error.code, error.message, error.hint)
    if not trained.finished:
        say(f"note: {run} is not finished{_progress(figures, plan)}", err=True)
    if "other_data" in figures:
        say("note: these are not the test images of the run", err=True)
    for note in figures.get("notes", ()):
        say(f"note: {note}", err=True)
    if form is Format.JSON:
        print_json(figures)
        return
    from ltdsl.display.tables import result_table

    new_console().print(result_table(figures))


def _progress(figures: Mapping[str, Any], plan: Plan) -> str:
    """How far the run has got, as far as the figures show it."""
    if "last" not in figures:
        return ""
    return f": it has got to the end of epoch {figures['last']['epoch']}, of 0 to {plan.epochs - 1}"
