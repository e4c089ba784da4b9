"""The pieces of a recipe with what is known of each: walked once for colours, links and hints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ltdsl.catalogue import INDEXES, TRICKS, Entry
from ltdsl.catalogue.fields import Field, fields_of
from ltdsl.recipe import Overrides, Settings
from ltdsl.source import Source, Span
from ltdsl.syntax import Boolean, Call, List, Setting, Stage, String, Use, Value
from ltdsl.syntax.parser import parse_file


class Piece(NamedTuple):
    """A word of a recipe whose meaning is known.

    Attributes:
        span: Its place.
        kind: ``keyword``, ``setting``, ``stage``, ``trick``, ``entry`` (a model, a data set, …), ``parameter``,
            ``choice``, ``number`` or ``string``.
        text: What a string says.
        used: Whether a string is the path of a `use`.
    """

    span: Span
    kind: str
    text: str = ""
    used: bool = False


def pieces(source: Source) -> Iterator[Piece]:
    """All of them, in order, of what is well formed; words that mean nothing are left out."""
    tree, _ = parse_file(source)
    for statement in tree.statements:
        if isinstance(statement, Use):
            start = statement.span.start
            yield Piece(Span(source, start, start + len("use")), "keyword")
            yield Piece(statement.path.span, "string", statement.path.value, used=True)
        elif isinstance(statement, Setting):
            yield from _setting(statement, Settings)
        else:
            yield from _stage(statement)


def _setting(setting: Setting, owner: type[Entry]) -> Iterator[Piece]:
    field = fields_of(owner).get(setting.name.text)
    if field is not None:
        yield Piece(setting.name.span, "setting")
    yield from _value(setting.value, field)


def _stage(stage: Stage) -> Iterator[Piece]:
    yield Piece(stage.name.span, "stage")
    for call in stage.tricks:
        yield from _call(call, TRICKS, "trick")
    if stage.start is not None:
        if stage.start.unit is not None and stage.start.unit.text == "epoch":
            yield Piece(stage.start.unit.span, "keyword")
        yield Piece(stage.start.value.span, "number")
    for own in stage.overrides:
        yield from _setting(own, Overrides)


def _call(call: Call, known: Mapping[str, type[Entry]], kind: str) -> Iterator[Piece]:
    entry = known.get(call.name.text)
    if entry is not None:
        yield Piece(call.name.span, kind)
    fields = fields_of(entry) if entry else {}
    for argument in call.arguments:
        field = fields.get(argument.name.text)
        if field is not None:
            yield Piece(argument.name.span, "parameter")
        yield from _value(argument.value, field)


def _value(value: Value, field: Field | None) -> Iterator[Piece]:
    if isinstance(value, List):
        for item in value.items:
            yield from _value(item, field)
    elif isinstance(value, Call):
        if field is not None and value.name.text in field.choices and not value.arguments:
            yield Piece(value.span, "choice")
        else:
            known = INDEXES[field.base] if field is not None and field.base else {}
            yield from _call(value, known, "entry")
    elif isinstance(value, String):
        yield Piece(value.span, "string", value.value)
    else:
        yield Piece(value.span, "keyword" if isinstance(value, Boolean) else "number")
