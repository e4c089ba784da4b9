"""What commands print, and how they end."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any, NoReturn

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from ltdsl.diagnostics import Diagnostic


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


def need(what: str, extra: str, *names: str) -> None:
    """End with the line to type where a command lacks its part.

    Args:
        what: What needs it, as the subject of a sentence.
        extra: Of ltdsl, which brings it.
        *names: Packages of the extra; without any, all of it.
    """
    from ltdsl.system.packages import missing

    why = missing(what, extra, *names)
    if why is not None:
        fail("LT430", why)


def misused(message: str) -> NoReturn:
    """End with one sentence and exit code 2: the command was used wrongly."""
    typer.echo(f"error: {message}", err=True)
    raise typer.Exit(2)
