"""What commands that use a run share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ltdsl.cli.complete import run_folders
from ltdsl.cli.output import fail

if TYPE_CHECKING:
    from ltdsl.plan import Plan

Run = Annotated[
    Path,
    typer.Argument(
        metavar="RUN", help="A run directory.", show_default=False, autocompletion=run_folders
    ),
]
Checkpoint = Annotated[
    str | None,
    typer.Option(
        metavar="last|best|PATH",
        help="Whose weights to take. Default: best where the run chose one, else last.",
        show_default=False,
    ),
]


def plan_of(run: Path) -> Plan:
    """The plan of a run directory, which may be a stranger's; ends the command where there is none."""
    from ltdsl.runs.errors import UnreadableError
    from ltdsl.runs.plan import read_plan

    if not run.is_dir():
        fail("LT413", f"{run} is no folder", "name the folder of a run")
    try:
        return read_plan(run)
    except UnreadableError as error:
        fail("LT413", str(error), "name a run, made by this version of ltdsl")
