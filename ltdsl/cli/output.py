"""What commands print, and how they end."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any, NoReturn

import typer

from ltdsl.system.terminal import data as print_data
from ltdsl.system.terminal import json_shown, say, say_lines

if TYPE_CHECKING:
    from ltdsl.diagnostics import Diagnostic
    from ltdsl.display.console import Console


def show(problems: list[Diagnostic], to_stderr: bool = False) -> None:
    """Print diagnostics, a blank line after each; in colour on a terminal."""
    from ltdsl.diagnostics.render import render, render_rich

    if problems and _coloured(to_stderr):
        from ltdsl.display.console import Console

        console = Console(err=to_stderr, soft_wrap=True)
        for problem in problems:
            console.print(render_rich(problem), end="\n\n")
        return
    for problem in problems:
        say_lines(render(problem) + "\n", err=to_stderr)


def _coloured(to_stderr: bool) -> bool:
    stream = sys.stderr if to_stderr else sys.stdout
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return stream.isatty()


def new_console(quiet: bool = False, err: bool = False) -> Console:
    """A console on standard output or standard error; or one that shows nothing."""
    from ltdsl.display.console import Console

    return Console(err=err, quiet=quiet)


def print_json(data: Any, err: bool = False) -> None:
    """Print data alone, for other programs."""
    print_json_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", err)


def print_json_text(text: str, err: bool = False) -> None:
    """Print JSON, whatever it is about."""
    print_data(json_shown(text), err)


def fail(code: str, message: str, hint: str | None = None) -> NoReturn:
    """End with one sentence and exit code 1."""
    say(f"error[{code}]: {message}", err=True)
    if hint:
        say(f"  = help: {hint}", err=True)
    raise typer.Exit(1)


def need(what: str, extra: str, *names: str) -> None:
    """End with the line to type where a command lacks its part.

    Args:
        what: What needs it, as the subject of a sentence.
        extra: Of ltdsl, which brings it.
        *names: Packages of the extra; without any, all of it.
    """
    from ltdsl.system.memory import must_be_enough
    from ltdsl.system.packages import missing

    why = missing(what, extra, *names)
    if why is not None:
        fail("LT430", why)
    if extra == "train":
        must_be_enough()


def misused(message: str) -> NoReturn:
    """End with one sentence and exit code 2: the command was used wrongly."""
    say(f"error: {message}", err=True)
    raise typer.Exit(2)
