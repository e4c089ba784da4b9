"""Checkpoints and data that a recipe names: where they may be. Whether they are there is asked when they are needed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ltdsl.analysis.resolve import Resolved
from ltdsl.catalogue.models import PRETRAINED
from ltdsl.diagnostics import Report, report
from ltdsl.recipe import Recipe
from ltdsl.source import Source, Span
from ltdsl.syntax import Call, String
from ltdsl.system.paths import PathError, locate


def check_checkpoints(recipe: Recipe, resolved: Resolved, source: Source, problems: Report) -> None:
    """Report checkpoints and data outside the recipe's folder."""
    for written, span in named(recipe, resolved):
        root = source.path.parent if source.path else Path()
        try:
            locate(written, root, root)
        except PathError as error:
            problems(report("LT127", span, error.message, help=error.hint))


def check_folders(recipe: Recipe, resolved: Resolved, source: Source, problems: Report) -> None:
    """Report paths that a used file seems to count from its own folder."""
    root, shown = source.path.parent if source.path else Path(), Path(source.name).parent
    where = f", {shown}" if shown.parts else ""
    for written, span in named(recipe, resolved):
        beside = span.source.path.parent if span.source.path else root
        if _is_there(root / written) or not _is_there(beside / written):
            continue
        problems(
            report(
                "LT141",
                span,
                f"`{written}` counts from the recipe's folder{where}, and is not there",
                label=f"it is beside {span.source.name}",
                help=f'write `"{Path(os.path.relpath(beside / written, root)).as_posix()}"`',
            )
        )


def check_present(recipe: Recipe, resolved: Resolved, source: Source, problems: Report) -> None:
    """Report checkpoints that are not there, and weights that nobody has published."""
    model, init = recipe.settings.model, recipe.settings.init
    if init == PRETRAINED and model.published is None:
        message = f"no package brings weights for the model `{model}`"
        span = resolved.settings["init"].value.span
        problems(report("LT411", span, message, help=model.to_get))
    root = source.path.parent if source.path else Path()
    for written, span in _checkpoints(recipe, resolved):
        if not _is_there(root / written):
            problems(
                report(
                    "LT411",
                    span,
                    f"there is no checkpoint {root / written}",
                    help="paths count from the recipe's folder",
                )
            )


def _is_there(path: Path) -> bool:
    """False too where the system does not look."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def named(recipe: Recipe, resolved: Resolved) -> Iterator[tuple[str, Span]]:
    """Each with its place: `init`, the teachers of stages, and the files of the data set."""
    dataset = resolved.settings.get("dataset")
    if dataset is not None and isinstance(dataset.value, Call):
        texts = (argument.value for argument in dataset.value.arguments)
        yield from ((text.value, text.span) for text in texts if isinstance(text, String))
    yield from _checkpoints(recipe, resolved)


def _checkpoints(recipe: Recipe, resolved: Resolved) -> Iterator[tuple[str, Span]]:
    """`init`, and the teachers of stages."""
    if recipe.settings.init not in (None, PRETRAINED):
        yield recipe.settings.init, resolved.settings["init"].value.span
    for stage, written in zip(recipe.stages, resolved.stages, strict=True):
        for call in written.tricks:
            if stage.teacher is not None and call.name.text == stage.teacher.name:
                argument = next(a for a in call.arguments if a.name.text == "teacher")
                yield stage.teacher.teacher, argument.value.span
