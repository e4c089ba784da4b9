"""The command line. Whatever a command needs is imported when it runs: `check` must start quickly."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from ltdsl.cli.check import check
from ltdsl.cli.diff import diff
from ltdsl.cli.explain import advise, explain, tricks
from ltdsl.cli.plan import plan
from ltdsl.cli.run import run

# no plugin has a part in a command, and pydantic's search for them costs a quarter of its start-up
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

app = typer.Typer(
    name="ltdsl",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from ltdsl import __version__

        typer.echo(f"ltdsl {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Recipes for training on long-tailed image data.

    A recipe says in a line or a page which tricks are used when:

        stage1: input_mixup; stage2: cam_bs + cs_ce @ epoch 160

    Check it, look at its plan, run it. Exit codes: 0 fine, 1 problems found or the run failed, 2 wrong use of the
    command.
    """


for command in (check, plan, diff, run, advise, tricks, explain):
    app.command()(command)


def main() -> None:
    """Entry point of the `ltdsl` command."""
    for stream in (sys.stdout, sys.stderr):
        # a terminal that cannot show a character shows another one, never a traceback
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    app()
