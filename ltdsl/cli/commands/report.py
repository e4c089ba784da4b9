"""`ltdsl report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ltdsl.cli.complete import run_folders
from ltdsl.cli.output import fail, misused, need
from ltdsl.system.terminal import say


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
) -> None:
    """Write a run's report, or compare runs, in one page of HTML.

    The page stands alone: it can be sent, kept and opened without a network. Runs whose recipes mean the same apart
    from the seed are one line of a comparison, with mean and standard deviation.
    """
    if card and len(runs) > 1:
        misused("a model card is of one run")
    if not card:
        need("`ltdsl report`", "report")
    from ltdsl.report import ReportError, write_card, write_report

    try:
        path = write_card(runs[0], out) if card else write_report(runs, out)
    except ReportError as error:
        fail(error.code, error.message, error.hint)
    say(path)
