"""`ltdsl eval`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ltdsl.cli.options import Device, Form, Format
from ltdsl.cli.output import fail, misused, need, new_console, print_json
from ltdsl.cli.survey import Data, data_of_run
from ltdsl.cli.trained import Run, plan_of
from ltdsl.system.terminal import say

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ltdsl.catalogue import Posthoc
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
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="posthoc=TRICK",
            help="Try other posthoc tricks on the logits that the run keeps, such as "
            "posthoc='tau_norm(tau = [0, 0.5, 1])' or posthoc=none. Repeatable.",
            show_default=False,
        ),
    ] = None,
    prior: Annotated[
        str | None,
        typer.Option(
            metavar="uniform|train|reversed|forward(F)|backward(F)|FILE",
            help="Ask the logits that the run keeps how right it is where test classes have these shares.",
            show_default=False,
        ),
    ] = None,
    form: Form = Format.TEXT,
    device: Annotated[Device, typer.Option(help="Where to evaluate.")] = Device.AUTO,
) -> None:
    """Evaluate a run again: its test images, its figures.

    Images of --images that cannot be read are named, and make the exit code 1; the others are evaluated all the same.

    JSON has the form of the run's evaluation.json, and on the same images its numbers. The run directory is only read,
    unless --predictions names it.
    """
    if other_data and data is None:
        misused("--other-data needs --data")
    if images is not None and data is not None:
        misused("--images and --data both say what to evaluate on")
    if changes and prior is not None:
        misused("--set and --prior are two questions: ask one at a time")
    if (changes or prior is not None) and (other_data or data or images or predictions):
        misused("--set and --prior work on the logits that the run keeps, and take no other images")
    tricks = _posthoc(changes or ())
    need("`ltdsl eval`", "train")
    plan = plan_of(run)
    from ltdsl_runtime.errors import RunError
    from ltdsl_runtime.use.afterwards import try_posthoc, try_prior
    from ltdsl_runtime.use.reevaluate import evaluate_run
    from ltdsl_runtime.use.trained import open_run

    damaged = 0

    def unread(why: str) -> None:
        nonlocal damaged
        damaged += 1
        say(f"error[LT402]: {why}", err=True)

    try:
        trained = open_run(run, plan)
        if tricks or prior is not None:
            tried = (
                try_posthoc(trained, tricks, checkpoint)
                if prior is None
                else try_prior(trained, prior, checkpoint)
            )
            _print_tried(tried, form)
            return
        figures = evaluate_run(
            trained,
            checkpoint,
            device=device.value,
            data=data if images is not None else data_of_run(run, data),
            other_data=other_data,
            images=images,
            predictions=predictions,
            unread=unread,
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
    else:
        from ltdsl.display.tables import show_results

        show_results(new_console(), figures)
    if damaged:
        raise typer.Exit(1)


def _posthoc(changes: Sequence[str]) -> list[Posthoc | None]:
    """What `--set posthoc=…` names; ends the command where it is something else."""
    from ltdsl.analysis.variants import posthoc_variants

    tricks: list[Posthoc | None] = []
    for change in changes:
        name, _, text = change.partition("=")
        if name.strip() != "posthoc":
            misused(
                f"--set {change}: a run is trained already, and only posthoc=… may still change"
            )
        if text.strip() == "none":
            tricks.append(None)
            continue
        found, problems = posthoc_variants(text)
        if problems:
            misused(f"--set {change}: {problems[0]}")
        tricks += found
    return tricks


def _print_tried(found: Mapping[str, Any], form: Format) -> None:
    """Print what the kept logits say."""
    if form is Format.JSON:
        print_json(found)
        return
    from ltdsl.display.afterwards import posthoc_table, prior_table

    new_console().print(posthoc_table(found) if "rows" in found else prior_table(found))


def _progress(figures: Mapping[str, Any], plan: Plan) -> str:
    """How far the run has got, as far as the figures show it."""
    if "last" not in figures:
        return ""
    return f": it has got to the end of epoch {figures['last']['epoch']}, of 0 to {plan.epochs - 1}"
