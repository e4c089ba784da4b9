"""`ltdsl tricks`, `ltdsl explain` and `ltdsl advise`: what is known about tricks."""

from __future__ import annotations

from typing import Annotated

import typer

from ltdsl.cli.compiling import compiled
from ltdsl.cli.complete import names
from ltdsl.cli.options import AllowOutside, Recipe, Seed, Set, StdinFilename, Strict
from ltdsl.cli.output import misused, new_console
from ltdsl.cli.survey import Data, surveyor
from ltdsl.system.terminal import say_lines


def advise(
    recipe: Recipe,
    data: Data = None,
    changes: Set = None,
    seed: Seed = None,
    rows: Annotated[
        int, typer.Option(min=1, metavar="N", help="Published rows to show of each split.")
    ] = 5,
    strict: Strict = False,
    allow_outside: AllowOutside = False,
    stdin_filename: StdinFilename = None,
) -> None:
    """Show what was published nearest to a recipe.

    And what those rows would change about it first.
    """
    result = compiled(
        recipe,
        changes,
        seed,
        strict,
        allow_outside=allow_outside,
        stdin_filename=stdin_filename,
        survey=surveyor(stdin_filename or recipe, data),
    )
    assert result.recipe is not None
    from ltdsl.evidence.tables import advice

    console = new_console()
    for part in advice(result.recipe, rows, result.counts):
        console.print(part)


def tricks() -> None:
    """List all tricks, by kind."""
    from rich.table import Table

    from ltdsl.catalogue import TRICKS

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("kind")
    table.add_column("trick", min_width=max(map(len, TRICKS)))  # a name that is cut is no name
    table.add_column()
    for name, entry in TRICKS.items():
        table.add_row(entry.kind, name, entry.summary())
    new_console().print(table)


def explain(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="A trick, setting, parameter, kind, code such as LT201, or word of the field.",
            autocompletion=names,
        ),
    ],
) -> None:
    """Explain a name or a diagnostic code."""
    from ltdsl.catalogue.names import nearest
    from ltdsl.reference.explained import explained, known

    text = explained(name)
    if not text:
        close = nearest(name, known()) or nearest(name.upper(), known())
        hint = f"; did you mean `{close}`?" if close else "; see `ltdsl tricks`"
        misused(f"nothing is called `{name}`{hint}")
    console = new_console()
    if console.is_terminal:
        from rich.markdown import Markdown

        console.print(Markdown(text))
    else:
        say_lines(text)
