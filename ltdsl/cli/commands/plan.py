"""`ltdsl plan`."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Annotated

import typer

from ltdsl.cli.compiling import compiled
from ltdsl.cli.options import AllowOutside, Format, Recipe, Seed, Set, StdinFilename, Strict
from ltdsl.cli.output import misused, new_console, print_json, print_json_text
from ltdsl.cli.survey import Data, surveyor
from ltdsl.system.terminal import say

if TYPE_CHECKING:
    from ltdsl.plan import Plan
    from ltdsl.recipe import Recipe as ResolvedRecipe


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
    form: Annotated[
        Format,
        typer.Option("--format", help="For people, or for programs: the same as --emit plan."),
    ] = Format.TEXT,
    details: Annotated[
        bool,
        typer.Option("--details", help="Add steps, learning-rate curve and what each class gets."),
    ] = False,
    origins: Annotated[
        bool, typer.Option("--origins", help="Add every resolved value with where it was written.")
    ] = False,
    data: Data = None,
    changes: Set = None,
    seed: Seed = None,
    strict: Strict = False,
    allow_outside: AllowOutside = False,
    stdin_filename: StdinFilename = None,
) -> None:
    """Show what a recipe means: its stages with every value resolved."""
    if form is Format.JSON:
        if emit is not None or details or origins:
            misused("--format json is the plan as data: without --emit, --details and --origins")
        emit = Phase.PLAN
    result = compiled(
        recipe,
        changes,
        seed,
        strict,
        quiet=emit is not None,
        allow_outside=allow_outside,
        stdin_filename=stdin_filename,
        survey=surveyor(stdin_filename or recipe, data, allow_outside=allow_outside),
    )
    if emit is Phase.SYNTAX:
        from ltdsl.syntax.emit import syntax_to_json

        print_json(syntax_to_json(result.tree))
        return
    assert result.recipe is not None
    assert result.plan is not None
    if emit is Phase.RECIPE:
        print_json(result.recipe_to_json())
    elif emit is Phase.PLAN:
        print_json_text(result.plan.to_json())
    else:
        _tables(result.plan, details)
        if origins:
            _origins(result.recipe, result.origins)
        say()
        say(f"hash {result.plan.digest()}")


def _tables(plan: Plan, details: bool) -> None:
    """What people read."""
    from ltdsl.display.stages import ENDS, about_augment, headline
    from ltdsl.display.tables import plan_table, showable

    console = new_console()
    for line in headline(plan):
        console.print(line)
    console.print()
    console.print(plan_table(plan))
    ends = showable(ENDS, console)
    console.print()
    console.print(f"three figures are those of the {ends} class", style="dim")
    used = [type(each) for stage in plan.stages for each in stage.augment]
    for line in about_augment(plan.dataset, used):
        console.say(line)
    if details:
        from ltdsl.display.details import details as lines
        from ltdsl.display.plots import ink

        console.print()
        for line in lines(plan, console.text_width, ink(console.encoding)):
            console.say(line)


def _origins(recipe: ResolvedRecipe, origins: dict[str, str]) -> None:
    """Every value, with where it was written."""
    from ltdsl.display.written import origins_table

    console = new_console()
    console.print()
    console.print(origins_table(recipe, origins))
