"""`ltdsl report`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ltdsl.cli.complete import run_folders
from ltdsl.cli.output import fail, misused, need
from ltdsl.cli.survey import Data
from ltdsl.cli.trained import plan_of
from ltdsl.system.terminal import say

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ltdsl.report.run_page import Pictures


def report(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN", help="Run directories.", show_default=False, autocompletion=run_folders
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The page. Default: report.html in the run directory; comparison.html for several runs.",
            show_default=False,
        ),
    ] = None,
    card: Annotated[
        bool, typer.Option("--card", help="Write a model card in Markdown: card.md in the run.")
    ] = False,
    thumbnails: Annotated[
        bool,
        typer.Option(
            "--thumbnails",
            help="Show the test images that the run was wrong about and surest of, small, in the page of one run.",
        ),
    ] = False,
    data: Data = None,
) -> None:
    """Write a run's report, or compare runs, in one page of HTML.

    The page stands alone: it can be sent, kept and opened without a network. Runs whose recipes mean the same apart
    from the seed are one line of a comparison, with mean and standard deviation.
    """
    if card and len(runs) > 1:
        misused("a model card is of one run")
    if thumbnails and (card or len(runs) > 1):
        misused("--thumbnails are in the page of one run")
    if not card:
        need("`ltdsl report`", "report")
    from ltdsl.report import ReportError, write_card, write_report

    try:
        path = (
            write_card(runs[0], out)
            if card
            else write_report(runs, out, _pictures(runs[0], data, thumbnails))
        )
    except ReportError as error:
        fail(error.code, error.message, error.hint)
    say(path)


def _pictures(path: Path, data: Path | None, asked: bool) -> Pictures | None:
    """Where a run's test images are from; None where nobody asked for them."""
    if not asked:
        return None
    need("`ltdsl report --thumbnails`", "train", "numpy", "PIL")
    from ltdsl_runtime.errors import RunError
    from ltdsl_runtime.use.thumbnails import thumbnails
    from ltdsl_runtime.use.trained import open_run

    try:
        run = open_run(path, plan_of(path))
    except RunError as error:
        fail(error.code, error.message, error.hint)

    def pictures(images: Collection[int]) -> Mapping[int, bytes]:
        try:
            return thumbnails(run, data, images)
        except RunError as error:
            fail(error.code, error.message, error.hint)

    return pictures
