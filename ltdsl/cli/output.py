"""What commands print, and how they end."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, NoReturn

import typer

from ltdsl.system.terminal import coloured, json_shown, raw, say, say_lines, verbosity
from ltdsl.system.terminal import data as print_data

if TYPE_CHECKING:
    from ltdsl.diagnostics import Diagnostic
    from ltdsl.display.console import Console


#: What a shell makes of a program that SIGINT ended.
INTERRUPTED = 130


def show(problems: list[Diagnostic], err: bool = True) -> None:
    """Print diagnostics, a blank line after each; in colour on a terminal.

    Args:
        problems: What was found.
        err: Print to standard error, as all commands do but `check`, whose output they are.
    """
    from ltdsl.diagnostics.render import render, render_rich

    if problems and coloured(raw(sys.stderr if err else sys.stdout)):
        from ltdsl.display.console import Console

        console = Console(err=err, soft_wrap=True)
        for problem in problems:
            console.print(render_rich(problem), end="\n\n")
        return
    for problem in problems:
        say_lines(render(problem) + "\n", err=err)


def new_console(mute: bool = False, err: bool = False) -> Console:
    """A console for what a command is there for, on standard output or standard error; or one that shows nothing."""
    from ltdsl.display.console import Console

    return Console(err=err, mute=mute)


def progress_console(mute: bool = False, err: bool = False, events: bool = False) -> Console:
    """A console for how things go on: with `--quiet`, it has nothing but warnings.

    Args:
        mute: Show nothing at all.
        err: On standard error.
        events: Likewise, and print events as JSON on standard output.
    """
    from ltdsl.display.console import Console, EventConsole

    if events:
        return EventConsole(quiet=verbosity.quiet)
    return Console(err=err, mute=mute, quiet=verbosity.quiet)


def print_json(data: Any, err: bool = False) -> None:
    """Print data alone, for other programs."""
    print_json_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", err)


def print_json_text(text: str, err: bool = False) -> None:
    """Print JSON, whatever it is about."""
    print_data(json_shown(text), err)


def fail(code: str, message: str, hint: str | None = None, exit_code: int = 1) -> NoReturn:
    """End with one sentence."""
    say(f"error[{code}]: {message}", err=True)
    if hint:
        say(f"  = help: {hint}", err=True)
    raise typer.Exit(exit_code)


def interrupted(code: str, message: str, hint: str | None = None) -> NoReturn:
    """End with one sentence, and the exit code of a program that Ctrl-C ended."""
    fail(code, message, hint, INTERRUPTED)


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
