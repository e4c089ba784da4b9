"""Checkpoints that a recipe names: where they may be. Whether they are there is asked when a run needs them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ltdsl.analysis.resolve import Resolved
from ltdsl.analysis.values import Report
from ltdsl.diagnostics import report
from ltdsl.paths import PathError, locate
from ltdsl.recipe import Recipe
from ltdsl.syntax.source import Source, Span


def check_checkpoints(recipe: Recipe, resolved: Resolved, source: Source, problems: Report) -> None:
    """Report checkpoints outside the recipe's folder."""
    for written, span in _named(recipe, resolved):
        root = source.path.parent if source.path else Path()
        try:
            locate(written, root, root)
        except PathError as error:
            problems(report("LT127", span, error.message, help=error.hint))


def _named(recipe: Recipe, resolved: Resolved) -> Iterator[tuple[str, Span]]:
    """Each checkpoint with its place: `init`, and the teachers of stages."""
    if recipe.settings.init is not None:
        yield recipe.settings.init, resolved.settings["init"].value.span
    for stage, written in zip(recipe.stages, resolved.stages, strict=True):
        for call in written.tricks:
            if stage.teacher is not None and call.name.text == stage.teacher.name:
                argument = next(a for a in call.arguments if a.name.text == "teacher")
                yield stage.teacher.teacher, argument.value.span
