"""Checkpoints and data that a recipe names: where they may be. Whether they are there is asked when they are needed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ltdsl.analysis.resolve import Resolved
from ltdsl.diagnostics import Report, report
from ltdsl.recipe import Recipe
from ltdsl.source import Source, Span
from ltdsl.syntax import Call, String
from ltdsl.system.paths import PathError, locate


def check_checkpoints(recipe: Recipe, resolved: Resolved, source: Source, problems: Report) -> None:
    """Report checkpoints and data outside the recipe's folder."""
    for written, span in _named(recipe, resolved):
        root = source.path.parent if source.path else Path()
        try:
            locate(written, root, root)
        except PathError as error:
            problems(report("LT127", span, error.message, help=error.hint))


def _named(recipe: Recipe, resolved: Resolved) -> Iterator[tuple[str, Span]]:
    """Each with its place: `init`, the teachers of stages, and the files of the data set."""
    dataset = resolved.settings.get("dataset")
    if dataset is not None and isinstance(dataset.value, Call):
        texts = (argument.value for argument in dataset.value.arguments)
        yield from ((text.value, text.span) for text in texts if isinstance(text, String))
    if recipe.settings.init is not None:
        yield recipe.settings.init, resolved.settings["init"].value.span
    for stage, written in zip(recipe.stages, resolved.stages, strict=True):
        for call in written.tricks:
            if stage.teacher is not None and call.name.text == stage.teacher.name:
                argument = next(a for a in call.arguments if a.name.text == "teacher")
                yield stage.teacher.teacher, argument.value.span
