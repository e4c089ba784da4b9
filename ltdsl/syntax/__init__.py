"""The syntax tree: what was written, with the place of every piece.

Nothing here knows what a trick or a setting means. Nodes are named tuples: cheap to make, and never changed.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from ltdsl.source import Span


class Identifier(NamedTuple):
    """A name where only a name can stand: before ``=``, ``:`` or ``(``, and after ``@``."""

    span: Span
    text: str


class Integer(NamedTuple):
    """``420``."""

    span: Span
    value: int


class Float(NamedTuple):
    """``0.1``, ``1e-4``."""

    span: Span
    value: float


class Percent(NamedTuple):
    """``80%``; ``value`` is 80.0."""

    span: Span
    value: float


class Boolean(NamedTuple):
    """``true`` or ``false``."""

    span: Span
    value: bool


class String(NamedTuple):
    """``"text"``; ``value`` has its escapes resolved."""

    span: Span
    value: str


class List(NamedTuple):
    """``[a, b]``."""

    span: Span
    items: tuple[Value, ...]


class Argument(NamedTuple):
    """``key = value`` inside a call."""

    span: Span
    name: Identifier
    value: Value


class Call(NamedTuple):
    """``name`` or ``name(key = value)``; a bare name is a call without arguments."""

    span: Span
    name: Identifier
    arguments: tuple[Argument, ...] = ()


Value: TypeAlias = Integer | Float | Percent | Boolean | String | List | Call


class Setting(NamedTuple):
    """``name = value``."""

    span: Span
    name: Identifier
    value: Value


class Use(NamedTuple):
    """``use "path"``."""

    span: Span
    path: String


class Start(NamedTuple):
    """``@ epoch 160``, ``@ 80%``; ``unit`` is None where none was written."""

    span: Span
    unit: Identifier | None
    value: Integer | Float | Percent


class Stage(NamedTuple):
    """``name: trick + trick @ start { overrides }``."""

    span: Span
    name: Identifier
    tricks: tuple[Call, ...]
    start: Start | None = None
    overrides: tuple[Setting, ...] = ()


Statement: TypeAlias = Use | Setting | Stage


class File(NamedTuple):
    """A whole recipe file, in the order it was written."""

    span: Span
    statements: tuple[Statement, ...]


Node: TypeAlias = (
    Identifier
    | Integer
    | Float
    | Percent
    | Boolean
    | String
    | List
    | Argument
    | Call
    | Setting
    | Use
    | Start
    | Stage
    | File
)
"""Anything that was written somewhere."""
