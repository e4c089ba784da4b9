"""The syntax tree: what was written, with the place of every piece.

Nothing here knows what a trick or a setting means.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from ltdsl.syntax.source import Span


@dataclass(frozen=True, slots=True)
class Node:
    """Anything that was written somewhere."""

    span: Span


@dataclass(frozen=True, slots=True)
class Identifier(Node):
    """A name where only a name can stand: before ``=``, ``:`` or ``(``, and after ``@``."""

    text: str


@dataclass(frozen=True, slots=True)
class Integer(Node):
    """``420``."""

    value: int


@dataclass(frozen=True, slots=True)
class Float(Node):
    """``0.1``, ``1e-4``."""

    value: float


@dataclass(frozen=True, slots=True)
class Percent(Node):
    """``80%``; ``value`` is 80.0."""

    value: float


@dataclass(frozen=True, slots=True)
class Boolean(Node):
    """``true`` or ``false``."""

    value: bool


@dataclass(frozen=True, slots=True)
class String(Node):
    """``"text"``; ``value`` has its escapes resolved."""

    value: str


@dataclass(frozen=True, slots=True)
class List(Node):
    """``[a, b]``."""

    items: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Argument(Node):
    """``key = value`` inside a call."""

    name: Identifier
    value: Value


@dataclass(frozen=True, slots=True)
class Call(Node):
    """``name`` or ``name(key = value)``; a bare name is a call without arguments."""

    name: Identifier
    arguments: tuple[Argument, ...] = ()


Value: TypeAlias = Integer | Float | Percent | Boolean | String | List | Call


@dataclass(frozen=True, slots=True)
class Setting(Node):
    """``name = value``."""

    name: Identifier
    value: Value


@dataclass(frozen=True, slots=True)
class Use(Node):
    """``use "path"``."""

    path: String


@dataclass(frozen=True, slots=True)
class Start(Node):
    """``@ epoch 160``, ``@ 80%``; ``unit`` is None where none was written."""

    unit: Identifier | None
    value: Integer | Float | Percent


@dataclass(frozen=True, slots=True)
class Stage(Node):
    """``name: trick + trick @ start { overrides }``."""

    name: Identifier
    tricks: tuple[Call, ...]
    start: Start | None = None
    overrides: tuple[Setting, ...] = ()


Statement: TypeAlias = Use | Setting | Stage


@dataclass(frozen=True, slots=True)
class File(Node):
    """A whole recipe file, in the order it was written."""

    statements: tuple[Statement, ...]
