"""`ltdsl runs`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ltdsl.cli.options import Form, Format
from ltdsl.cli.output import fail, new_console, print_json


def runs(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="DIR",
            help="Folders of runs, such as a sweep's, or runs. Default: runs.",
            show_default=False,
        ),
    ] = None,
    form: Form = Format.TEXT,
) -> None:
    """List runs: how they stand, and what came of them.

    Figures are those of the last epoch on the test images, in percent; `few` is the accuracy of the classes with the
    fewest training images. Time is that of the epochs that the run trained itself.
    """
    from ltdsl.display.runs import run_facts, runs_table
    from ltdsl.runs import Run, found_runs, is_run

    asked = folders or [Path("runs")]
    missing = next((path for path in asked if not path.is_dir()), None)
    if missing is not None:
        fail("LT413", f"{missing} is no folder", "name a folder with runs, or a run")
    paths = [path for path in found_runs(asked) if is_run(path)]
    facts = [run_facts(Run(path)) for path in paths]
    if form is Format.JSON:
        print_json({"runs": facts})
        return
    console = new_console()
    if not facts:
        console.say(f"no runs in {', '.join(map(str, asked))}")
        return
    console.print(runs_table(facts, console.width), crop=False)
