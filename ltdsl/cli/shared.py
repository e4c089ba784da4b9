"""What commands share: compiling, showing problems, ending."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from ltdsl.compiler import Compilation, Survey
    from ltdsl.diagnostics import Diagnostic


def all_changes(changes: list[str] | None, seed: int | None) -> tuple[str, ...]:
    """What `--set` and `--seed` change together."""
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
        quiet: Show only what is in the way, on standard error: standard output is for data.
        allow_outside: ``--allow-outside``.
        stdin_filename: ``--stdin-filename``.
        survey: Counts the images of data sets whose files alone know.
    """
    from ltdsl.cli.inputs import read_input
    from ltdsl.compiler import compile_recipe
    from ltdsl.source import Source as Read

    source = read_input(path, stdin_filename)
    assignments = all_changes(changes, seed)
    result = (
        compile_recipe(source, assignments, allow_outside=allow_outside, survey=survey)
        if isinstance(source, Read)
        else [source]
    )
    problems = result if isinstance(result, list) else result.diagnostics
    stop = blocking(problems, strict)
    if stop or not quiet:
        show(problems, to_stderr=quiet)
    if stop or isinstance(result, list):
        raise typer.Exit(1)
    return result


def blocking(problems: list[Diagnostic], strict: bool) -> bool:
    """True where something is in the way: an error, or with `strict` anything."""
    from ltdsl.diagnostics import Severity

    return any(strict or problem.severity is Severity.ERROR for problem in problems)


def show(problems: list[Diagnostic], to_stderr: bool = False) -> None:
    """Print diagnostics, a blank line after each; in colour on a terminal."""
    from ltdsl.diagnostics.render import render, render_rich

    if problems and _coloured(to_stderr):
        from rich.console import Console

        console = Console(stderr=to_stderr, soft_wrap=True, highlight=False)
        for problem in problems:
            console.print(render_rich(problem), end="\n\n")
        return
    for problem in problems:
        typer.echo(render(problem) + "\n", err=to_stderr)


def _coloured(to_stderr: bool) -> bool:
    stream = sys.stderr if to_stderr else sys.stdout
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return stream.isatty()


def new_console(quiet: bool = False) -> Console:
    """A console on standard output; or one that shows nothing."""
    from rich.console import Console

    return Console(quiet=quiet)


def print_json(data: Any, err: bool = False) -> None:
    """Print data alone, for other programs."""
    typer.echo(json.dumps(data, indent=2, ensure_ascii=False), err=err)


def fail(code: str, message: str, hint: str | None = None) -> NoReturn:
    """End with one sentence and exit code 1."""
    typer.echo(f"error[{code}]: {message}", err=True)
    if hint:
        typer.echo(f"  = help: {hint}", err=True)
    raise typer.Exit(1)


def misused(message: str) -> NoReturn:
    """End with one sentence and exit code 2: the command was used wrongly."""
    typer.echo(f"error: {message}", err=True)
    raise typer.Exit(2)
