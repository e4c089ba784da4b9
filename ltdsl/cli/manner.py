"""Options that every command has, before its name and after it: how much is said, and in which colours."""

from __future__ import annotations

import os
from enum import Enum
from functools import cache
from typing import Annotated, Any

import typer

from ltdsl.system.terminal import verbosity


class When(str, Enum):
    """When output has colours."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


def _quiet(wanted: bool) -> None:
    if wanted:
        verbosity.quiet = True
        _not_both()


def _verbose(wanted: bool) -> None:
    if wanted:
        verbosity.verbose = True
        _not_both()


def _not_both() -> None:
    if verbosity.quiet and verbosity.verbose:
        from ltdsl.cli.output import misused

        misused("--quiet and --verbose are opposites: use one of them")


def _color(when: When | None) -> None:
    """Say it in the words that other programs know, so that processes of this one do the same."""
    if when is None:
        return
    for name in ("NO_COLOR", "FORCE_COLOR"):
        os.environ.pop(name, None)
    if when is not When.AUTO:
        os.environ["FORCE_COLOR" if when is When.ALWAYS else "NO_COLOR"] = "1"


def _options(
    quiet: Annotated[
        bool,
        typer.Option(
            "--quiet",
            "-q",
            help="Print results, warnings and errors only.",
            callback=_quiet,
            is_eager=True,
            expose_value=False,
        ),
    ] = False,
    verbose: Annotated[
        bool,
        typer.Option(
            "--verbose",
            "-v",
            help="Tell what is read and done, too.",
            callback=_verbose,
            is_eager=True,
            expose_value=False,
        ),
    ] = False,
    color: Annotated[
        When | None,
        typer.Option(
            help="When to use colours. Default: on terminals, unless NO_COLOR or FORCE_COLOR is set.",
            callback=_color,
            is_eager=True,
            expose_value=False,
            show_default=False,
        ),
    ] = None,
) -> None:
    pass


@cache
def options() -> tuple[Any, ...]:
    """The options, as typer makes them."""
    app = typer.Typer(add_completion=False)
    app.command()(_options)
    return tuple(typer.main.get_command(app).params)


def with_options(params: list[Any]) -> list[Any]:
    """A command's parameters and these, before the last one, which is `--help`."""
    return [*params[:-1], *options(), *params[-1:]]
