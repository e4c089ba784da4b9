"""From a recipe's file and what the command line changes to a compilation without problems in the way."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ltdsl.cli.inputs import STDIN, configured, read_input
from ltdsl.cli.output import misused, show

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ltdsl.compiler import Compilation, Survey
    from ltdsl.diagnostics import Diagnostic


def all_changes(changes: list[str] | None, seed: int | None) -> tuple[str, ...]:
    """What `--set` and `--seed` change together; ends the command where both name the seed."""
    if seed is not None and any(re.match(r"\s*seed\s*=", change) for change in changes or ()):
        misused("--seed and --set seed=… both name the seed: use one of them")
    return (*(changes or []), *([] if seed is None else [f"seed={seed}"]))


def compiled(
    path: Path,
    changes: list[str] | None,
    seed: int | None,
    strict: bool,
    *,
    quiet: bool = False,
    allow_outside: bool = False,
    stdin_filename: Path | None = None,
    survey: Survey | None = None,
) -> Compilation:
    """Compile a file or standard input, show its problems, and stop where they are in the way.

    Args:
        path: The recipe.
        changes: ``--set``.
        seed: ``--seed``.
        strict: Stop on warnings and advice too.
        quiet: Show only what is in the way.
        allow_outside: ``--allow-outside``.
        stdin_filename: ``--stdin-filename``.
        survey: Counts the images of data sets whose files alone know.
    """
    from ltdsl.compiler import compile_recipe
    from ltdsl.source import Source as Read

    source = read_input(path, stdin_filename)
    assignments = all_changes(changes, seed)
    result = (
        compile_recipe(source, assignments, allow_outside=allow_outside, survey=survey)
        if isinstance(source, Read)
        else [source]
    )
    folder = ((stdin_filename or Path("x")) if path == STDIN else path).parent
    problems = heard(result if isinstance(result, list) else result.diagnostics, folder)
    stop = blocking(problems, strict)
    if stop or not quiet:
        show(problems)
    if stop or isinstance(result, list):
        raise typer.Exit(1)
    return result


def heard(problems: Iterable[Diagnostic], *folders: Path) -> list[Diagnostic]:
    """All errors, and of the rest what the settings for one of the folders do not leave out."""
    from ltdsl.codes.select import Selection
    from ltdsl.configuration import Configurations
    from ltdsl.diagnostics import Severity

    settings = Configurations()
    found = [configured(folder, settings) for folder in folders]
    wanted = [Selection(there.select, there.ignore) for there in found]
    return [
        each
        for each in problems
        if each.severity is Severity.ERROR or any(each in selection for selection in wanted)
    ]


def blocking(problems: list[Diagnostic], strict: bool) -> bool:
    """True where something is in the way: an error, or with `strict` anything."""
    from ltdsl.diagnostics import Severity

    return any(strict or problem.severity is Severity.ERROR for problem in problems)
