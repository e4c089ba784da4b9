"""A scanner that accepts any text: the ground that error recovery and messages stand on."""

from __future__ import annotations

import re
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from ltdsl.source import Source, Span
from ltdsl.syntax.lalr import terminal

if TYPE_CHECKING:
    from collections.abc import Iterator


class Lexeme(NamedTuple):
    """A piece of text.

    ``kind`` is ``name``, ``number``, ``string``, ``unclosed`` (a string without its end),
    ``quoted`` (in other quotes), ``slashes`` (a ``//`` comment), ``newline``, ``comment``, or the
    character itself.
    """

    kind: str
    start: int
    end: int


NOTHING = Lexeme("end", 0, 0)

_SHAPES = (
    ("space", "SPACE"),
    ("newline", "_NEWLINE"),
    ("comment", "COMMENT"),
    ("string", r'"(?:[^"\\\n]|\\[^\n])*"'),
    ("unclosed", "STRING"),
    ("number", "NUMBER"),
    ("name", "NAME"),
    ("quoted", r"'[^'\n]*'|[“”„«][^“”»\n]*[“”»]|[‘’‚][^‘’\n]*[‘’]"),
    ("slashes", r"//[^\n]*"),
    ("other", r"."),
)


@cache
def _pattern() -> re.Pattern[str]:
    shapes = ((kind, terminal(text) if text.isupper() else text) for kind, text in _SHAPES)
    return re.compile("|".join(f"(?P<{kind}>{shape})" for kind, shape in shapes))


def _scan(text: str) -> Iterator[Lexeme]:
    for match in _pattern().finditer(text):
        kind = match.lastgroup or "other"
        if kind != "space":
            yield Lexeme(match[0] if kind == "other" else kind, match.start(), match.end())


def scan(text: str) -> list[Lexeme]:
    """All of ``text`` but spaces and comments."""
    return [piece for piece in _scan(text) if piece.kind != "comment"]


def count(text: str, limit: int) -> int:
    """A bound on how many words, marks, comments and line ends a text has; over ``limit`` only if they are."""
    if len(text) <= limit:  # each has a character at least, and most texts are short
        return len(text)
    return sum(1 for _ in islice(_scan(text), limit + 1))


def comments(source: Source) -> list[Span]:
    """The comments of a source, in order, each from its ``#`` to the end of its line."""
    return [Span(source, p.start, p.end) for p in _scan(source.text) if p.kind == "comment"]


def shown(text: str) -> str:
    """Text as it may be quoted in a message: short and harmless."""
    if len(text) == 1 and not text.isprintable():
        return f"U+{ord(text):04X}"
    clipped = text if len(text) <= 40 else text[:39] + "…"
    return "".join(c if c.isprintable() else f"<U+{ord(c):04X}>" for c in clipped)
