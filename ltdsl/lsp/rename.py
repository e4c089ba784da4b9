"""Renaming a stage: at its head, and wherever a comment mentions it.

Nothing else in a recipe names a stage. Paths in quotes that contain its name are files that other runs wrote, and stay.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from lsprotocol import types as lsp

from ltdsl.lsp.text import Places
from ltdsl.recipe import Settings
from ltdsl.source import Source, Span
from ltdsl.syntax import Stage
from ltdsl.syntax.parser import parse_file
from ltdsl.syntax.scanner import comments
from ltdsl.syntax.tree import MAX_NAME, NAME, RESERVED

_WORD = re.compile(r"[^\W\d][\w-]*")


class RenameError(ValueError):
    """A name that no stage can have here."""


def renamed_stage(source: Source, position: lsp.Position, places: Places) -> Span | None:
    """The name at a position, where it is that of a stage, at its head or in a comment."""
    offset = places.offset(source, position)
    names = set(_stages(source))
    found = [span for span in _words(source) if span.start <= offset <= span.end]
    return next((span for span in found if span.text in names), None)


def rename(source: Source, position: lsp.Position, places: Places, to: str) -> list[lsp.TextEdit]:
    """The edits that rename the stage at a position; none where there is no stage.

    Raises:
        RenameError: The name is no name, or taken.
    """
    at = renamed_stage(source, position, places)
    if at is None or at.text == to:
        return []
    if problem := _problem(source, to):
        raise RenameError(problem)
    found = [span for span in _words(source) if span.text == at.text]
    return [lsp.TextEdit(places.range(span), to) for span in found]


def _stages(source: Source) -> Iterator[str]:
    tree, _ = parse_file(source)
    return (each.name.span.text for each in tree.statements if isinstance(each, Stage))


def _words(source: Source) -> Iterator[Span]:
    """Heads of stages, and the words of comments."""
    tree, _ = parse_file(source)
    for statement in tree.statements:
        if isinstance(statement, Stage):
            yield statement.name.span
    for comment in comments(source):
        for word in _WORD.finditer(source.text, comment.start, comment.end):
            yield Span(source, word.start(), word.end())


def _problem(source: Source, name: str) -> str:
    """Why a stage cannot be called so; empty where it can."""
    if len(name) > MAX_NAME or not NAME.fullmatch(name):
        return f"a stage's name is lower_snake_case: a-z, 0-9 and single underscores, at most {MAX_NAME} characters"
    if name in RESERVED:
        return f"`{name}` is reserved: no stage can be called so"
    if name in Settings.model_fields:
        return f"`{name}` is a setting: no stage can be called so"
    if name in _stages(source):
        return f"another stage is called `{name}`"
    return ""
