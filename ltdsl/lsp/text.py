"""Places in a text as editors count them: lines from zero, and code units within a line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lsprotocol import types as lsp

from ltdsl.diagnostics import Diagnostic
from ltdsl.source import Source, Span
from ltdsl.syntax.parser import source_from_bytes

_UNIT_BYTES = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}


def source_of(text: str, name: str, path: Path | None = None) -> Source | Diagnostic:
    """The source that an editor's text is, or why it is none.

    Newlines of any kind count as one, for editors too, and a byte-order mark gives way to a space: so line and column
    of the source are those of the editor.
    """
    if text.startswith("\ufeff"):
        text = " " + text[1:]
    return source_from_bytes(text.encode("utf-8", "replace"), name, path)


@dataclass(frozen=True)
class Places:
    """Translates between characters of sources and positions of an editor.

    Attributes:
        encoding: The code units that the editor counts, as agreed on with it.
    """

    encoding: str = "utf-16"

    def position(self, source: Source, offset: int) -> lsp.Position:
        """The position of a character."""
        line, column = source.position(offset)
        return lsp.Position(line - 1, self.units(source.text[offset - column + 1 : offset]))

    def range(self, span: Span | None) -> lsp.Range:
        """The range of a span; the very beginning where there is none."""
        if span is None:
            return lsp.Range(lsp.Position(0, 0), lsp.Position(0, 0))
        return lsp.Range(
            self.position(span.source, span.start), self.position(span.source, span.end)
        )

    def offset(self, source: Source, position: lsp.Position) -> int:
        """The character at a position; one that is beyond the line or the text stands for its end."""
        starts = source.line_starts
        if position.line >= len(starts):
            return len(source.text)
        start = starts[position.line]
        last = position.line + 1 == len(starts)
        end = len(source.text) if last else starts[position.line + 1] - 1
        left = position.character
        for offset in range(start, end):
            if left <= 0:
                return offset
            left -= self.units(source.text[offset])
        return end

    def units(self, text: str) -> int:
        """How many code units a text has."""
        codec, size = _UNIT_BYTES.get(self.encoding, _UNIT_BYTES["utf-16"])
        return len(text.encode(codec, "replace")) // size


def short(text: str, most: int = 40) -> str:
    """A text on one line, cut where it is long."""
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 1] + "…"
