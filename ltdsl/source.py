"""Source text and positions in it."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple


@dataclass(frozen=True)
class Source:
    r"""A piece of recipe text and where it came from.

    Attributes:
        name: What people call it: a path as it was typed, or ``--set``.
        text: The text itself, newlines normalised to ``\n``.
        path: The file it was read from; None for command-line text and built-in protocols.
        kind: Which layer it speaks for; decides how its values' origins read.
        shown: What a person typed, of the same length, where ``text`` blanks out a part of it.
    """

    name: str
    text: str = field(repr=False)
    path: Path | None = None
    kind: str = "file"
    shown: str | None = field(default=None, repr=False)

    def __hash__(self) -> int:
        return hash(self.text)  # which a string remembers

    @cached_property
    def line_starts(self) -> list[int]:
        """Offset of the first character of each line."""
        ends = accumulate(len(line) + 1 for line in self.text.split("\n"))
        return [0, *ends][:-1]

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column, both counted from 1, of a character offset."""
        line = bisect_right(self.line_starts, offset)
        return line, offset - self.line_starts[line - 1] + 1

    def line(self, number: int) -> str:
        """The text of line ``number`` (from 1), without its newline."""
        text = self.text if self.shown is None else self.shown
        start = self.line_starts[number - 1]
        end = text.find("\n", start)
        return text[start:] if end < 0 else text[start:end]


class Span(NamedTuple):
    """A half-open range of characters in a source."""

    source: Source
    start: int
    end: int

    @property
    def line(self) -> int:
        """Line of the first character, from 1."""
        return self.source.position(self.start)[0]

    @property
    def column(self) -> int:
        """Column of the first character, from 1."""
        return self.source.position(self.start)[1]

    @property
    def text(self) -> str:
        """The characters covered."""
        return self.source.text[self.start : self.end]

    def to(self, other: Span) -> Span:
        """The span from the start of this one to the end of ``other``."""
        return Span(self.source, self.start, other.end)

    def __str__(self) -> str:
        return f"{self.source.name}:{self.line}:{self.column}"


def texts(sources: Iterable[Source]) -> dict[str, str]:
    """The texts of a recipe and the files it uses, by paths relative to the nearest folder that holds all."""
    sources = list(sources)
    # a recipe that is a link keeps the name that it was called by
    paths = [source.path or Path("recipe.lt") for source in sources]
    paths = [path.parent.resolve() / path.name for path in paths]
    folder = Path(os.path.commonpath([path.parent for path in paths]))
    return {
        path.relative_to(folder).as_posix(): source.text
        for path, source in zip(paths, sources, strict=True)
    }
