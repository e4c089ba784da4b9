"""`ltdsl diff`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ltdsl.cli.complete import plan_files
from ltdsl.cli.inputs import STDIN, name_of, read_stdin
from ltdsl.cli.options import AllowOutside, Form, Format, StdinFilename
from ltdsl.cli.output import misused, new_console, print_json, show

if TYPE_CHECKING:
    from ltdsl.plan import Plan


def diff(
    old: Annotated[
        Path,
        typer.Argument(
            metavar="OLD",
            help="A recipe, a run directory, a plan's JSON, or - for standard input.",
            autocompletion=plan_files,
            show_default=False,
        ),
    ],
    new: Annotated[
        Path,
        typer.Argument(
            metavar="NEW", help="Another one.", autocompletion=plan_files, show_default=False
        ),
    ],
    form: Form = Format.TEXT,
    allow_outside: AllowOutside = False,
    stdin_filename: StdinFilename = None,
) -> None:
    """Show what differs in meaning between two recipes or runs.

    Exit codes: 0 they mean the same, 1 they differ, 2 one of them cannot be read or has errors.
    """
    from ltdsl.compare import compare
    from ltdsl.compare.render import as_data, lines

    if old == new == STDIN:
        misused("standard input can be one side only")
    plans = [_plan(path, allow_outside, stdin_filename) for path in (old, new)]
    result = compare(*plans)
    if form is Format.JSON:
        sides = zip(("old", "new"), (old, new), plans, strict=True)
        facts = {side: {"path": str(path), "digest": plan.digest()} for side, path, plan in sides}
        print_json(facts | as_data(result))
    else:
        console = new_console()
        for line in lines(result):
            console.print(line, soft_wrap=True)
    if not result.same:
        raise typer.Exit(1)


def _plan(path: Path, allow_outside: bool, stdin_filename: Path | None) -> Plan:
    from ltdsl.compare.read import plan_from_bytes, read_plan
    from ltdsl.runs.errors import UnreadableError
    from ltdsl.system.opening import PLAN as MAX_PLAN_BYTES

    try:
        if path == STDIN:
            data, name = read_stdin(MAX_PLAN_BYTES), name_of(path, stdin_filename)
            plan = plan_from_bytes(data, name, stdin_filename, allow_outside=allow_outside)
        else:
            plan = read_plan(path, allow_outside=allow_outside)
    except UnreadableError as error:
        misused(str(error))
    if isinstance(plan, list):
        show(plan)
        raise typer.Exit(2)
    return plan
