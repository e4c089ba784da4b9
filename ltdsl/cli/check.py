"""`ltdsl check`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ltdsl.cli.options import Set, Strict
from ltdsl.cli.shared import blocking, compile_path, misused, show

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ltdsl.compiler import Compilation
    from ltdsl.diagnostics import Diagnostic


def check(
    recipes: Annotated[
        list[Path], typer.Argument(help="Recipes, or folders with .lt files.", show_default=False)
    ],
    changes: Set = None,
    strict: Strict = False,
) -> None:
    """Find every problem in recipes, without training anything."""
    from ltdsl.diagnostics.render import summary

    found: list[Diagnostic] = []
    results = {path: compile_path(path, changes) for path in recipes_in(recipes)}
    parts = used_parts(results, recipes)
    files = len(results) - len(parts)
    for path, result in results.items():
        if path in parts:
            continue
        problems = result if isinstance(result, list) else result.diagnostics
        show(problems)
        found += problems
    noun = "recipe" if files == 1 else "recipes"
    typer.echo(summary(found) if found else f"{files} {noun} checked: no problems")
    if blocking(found, strict):
        raise typer.Exit(1)


def recipes_in(paths: list[Path]) -> list[Path]:
    """The recipes that paths stand for: files as they are, folders with all .lt files below them."""
    files: list[Path] = []
    for path in paths:
        below = sorted(path.rglob("*.lt")) if path.is_dir() else [path]
        if not below:
            misused(f"there is no .lt file in {path}")
        files += below
    return files


def used_parts(
    results: Mapping[Path, Compilation | list[Diagnostic]], named: list[Path]
) -> set[Path]:
    """Files found in folders that hold settings for other recipes: checked where they are used, not as recipes."""
    from ltdsl.syntax import Stage

    compiled = {path: result for path, result in results.items() if not isinstance(result, list)}
    used = {
        source.path.resolve()
        for result in compiled.values()
        for source in result.sources[1:]
        if source.path
    }
    return {
        path
        for path, result in compiled.items()
        if path not in named
        and path.resolve() in used
        and not any(isinstance(statement, Stage) for statement in result.tree.statements)
    }
