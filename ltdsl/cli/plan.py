"""`ltdsl plan`."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import typer

from ltdsl.cli.options import Recipe, Seed, Set, Strict
from ltdsl.cli.shared import compiled, new_console, print_json


class Phase(str, Enum):
    """What `plan --emit` prints."""

    SYNTAX = "syntax"
    RECIPE = "recipe"
    PLAN = "plan"


def plan(
    recipe: Recipe,
    emit: Annotated[
        Phase | None,
        typer.Option(help="Print a phase of the compilation as JSON.", show_default=False),
    ] = None,
    changes: Set = None,
    seed: Seed = None,
    strict: Strict = False,
) -> None:
    """Show what a recipe means: its stages with every value resolved."""
    result = compiled(recipe, changes, seed, strict, quiet=emit is not None)
    if emit is Phase.SYNTAX:
        from ltdsl.syntax.emit import syntax_to_json

        print_json(syntax_to_json(result.tree))
    elif emit is Phase.RECIPE:
        assert result.recipe is not None
        print_json(result.recipe.model_dump(mode="json", by_alias=True))
    elif emit is Phase.PLAN:
        assert result.plan is not None
        typer.echo(result.plan.to_json(), nl=False)
    else:
        from ltdsl.tables import ENDS, headline, plan_table

        assert result.plan is not None
        console = new_console()
        console.print(headline(result.plan), highlight=False)
        console.print()
        console.print(plan_table(result.plan))
        console.print(f"\nthree figures are those of the {ENDS} class", style="dim")
