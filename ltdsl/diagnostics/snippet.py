"""Source lines with underlines, whatever the lines hold."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ltdsl.source import Source, Span

Piece = tuple[str, str]
"""Text and the name of its style."""

MAX_WIDTH = 100
"""Cells of a source line that are shown."""

_MAX_DRAWN = 8 * MAX_WIDTH  # characters of a line that are looked at: some take no cell
_TAB = 4


def harmless(text: str) -> str:
    """Text that cannot steer a terminal or reorder what stands beside it."""
    return text if text.isprintable() else "".join(_drawn(char)[0] for char in text)


def _drawn(char: str) -> tuple[str, int]:
    """How a character is shown, and how many cells that takes."""
    if " " <= char <= "~":
        return char, 1
    if char == "\t":
        return " " * _TAB, _TAB
    if char < " ":
        return chr(0x2400 + ord(char)), 1
    if char == "\x7f":
        return "␡", 1
    category = unicodedata.category(char)
    if category in ("Mn", "Me"):
        return char, 0
    if category == "Zs":
        return " ", 1
    if category[0] in "CZ":
        name = f"<U+{ord(char):04X}>"
        return name, len(name)
    return char, 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _cells(char: str) -> int:
    return _drawn(char)[1]


@dataclass(frozen=True)
class Mark:
    """A span to underline, and what to write beside it."""

    span: Span
    text: str
    primary: bool

    @cached_property
    def first_line(self) -> int:
        """The line it begins on."""
        return self.span.line

    @cached_property
    def last_line(self) -> int:
        """The line of its last character."""
        return self.span.source.position(max(self.span.start, self.span.end - 1))[0]

    @property
    def lines(self) -> tuple[int, ...]:
        """The lines that are shown of it: its first and its last."""
        first, last = self.first_line, self.last_line
        return (first,) if first == last else (first, last)


@dataclass(frozen=True)
class _Underline:
    """A mark on one line: columns are cells from 0, half open."""

    start: int
    end: int
    text: str
    primary: bool


def excerpt(source: Source, marks: list[Mark], width: int, severity: str) -> list[list[Piece]]:
    """The marked lines of a source with underlines.

    Args:
        source: Where all the marks are.
        marks: What to underline.
        width: Cells of the widest line number.
        severity: The style of the primary mark.

    Returns:
        Lines of styled pieces.
    """
    wanted: dict[int, list[Mark]] = defaultdict(list)
    for mark in marks:
        for number in mark.lines:
            wanted[number].append(mark)
    result: list[list[Piece]] = []
    before = None
    for number in sorted(wanted):
        if before is not None and number == before + 2:
            result.append(_source_line(source, before + 1, width))
        elif before is not None and number > before + 2:
            result.append([("...", "gutter")])
        text, underlines = _fit(source, number, wanted[number])
        result.append([(f" {number:>{width}} | ", "gutter"), (text, "text")])
        margin = (f" {'':>{width}} | ", "gutter")
        result += [[margin, *row] for row in _rows(underlines, severity)]
        before = number
    return result


def _source_line(source: Source, number: int, width: int) -> list[Piece]:
    text, _ = _fit(source, number, [])
    return [(f" {number:>{width}} | ", "gutter"), (text, "text")]


def _fit(source: Source, number: int, marks: list[Mark]) -> tuple[str, list[_Underline]]:
    """A line as it is drawn, clipped around its marks, and the marks in its cells."""
    line = source.line(number)
    base = source.line_starts[number - 1]
    ranges = []
    for mark in sorted(marks, key=lambda m: not m.primary):
        start = max(0, mark.span.start - base)
        end = min(len(line), mark.span.end - base)
        if mark.first_line < number:  # the end of a longer span: not its indentation
            start = len(line) - len(line.lstrip())
        text = mark.text if number == mark.last_line else ""
        ranges.append((min(start, len(line)), max(start, end), text, mark.primary))
    first, last = _window(line, ranges)
    drawn = [_drawn(char) for char in line[first:last]]
    cells = [0]
    for _, size in drawn:
        cells.append(cells[-1] + size)
    lead, trail = ("…" if first else ""), ("…" if last < len(line) else "")

    def cell(index: int) -> int:
        return cells[min(max(index, first), last) - first] + len(lead)

    underlines = [
        _Underline(cell(start), max(cell(end), cell(start) + 1), text, primary)
        for start, end, text, primary in ranges
    ]
    return lead + "".join(text for text, _ in drawn) + trail, underlines


def _window(line: str, ranges: list[tuple[int, int, str, bool]]) -> tuple[int, int]:
    """The part of a line that is shown: all of it, or as much as fits around the marks."""
    short = len(line) <= _MAX_DRAWN
    if len(line) <= MAX_WIDTH // 2 or (short and sum(map(_cells, line)) <= MAX_WIDTH):
        return 0, len(line)
    first = min((r[0] for r in ranges), default=0)
    last = max((r[1] for r in ranges), default=0)
    if ranges and last - first > MAX_WIDTH // 2:
        first, last = ranges[0][0], min(ranges[0][1], ranges[0][0] + MAX_WIDTH // 2)
    # Grow on both sides by turns, first where the mark is.
    first, last = min(first, len(line)), min(last, len(line))
    room = MAX_WIDTH - 2 - sum(map(_cells, line[first:last]))
    while room > 0 and last - first < min(len(line), _MAX_DRAWN):
        for index in (first - 1, last):
            if 0 <= index < len(line) and room > 0:
                room -= _cells(line[index])
                first, last = min(first, index), max(last, index + 1)
    return first, last


def _rows(underlines: list[_Underline], severity: str) -> list[list[Piece]]:
    """The rows below a line: the underlines, then the labels that do not fit beside them."""
    underlines = sorted(underlines, key=lambda u: (u.start, u.end))
    end = max(u.end for u in underlines)
    canvas: list[Piece] = [(" ", "text")] * end
    for underline in sorted(underlines, key=lambda u: u.primary):
        piece = ("^", severity) if underline.primary else ("-", "second")
        canvas[underline.start : underline.end] = [piece] * (underline.end - underline.start)
    beside = [u for u in underlines if u.text and u.end == end][-1:]
    below = [u for u in underlines if u.text and u not in beside]
    first = canvas + [(f" {harmless(u.text)}", _style(u, severity)) for u in beside]
    rows = [first]
    if below:
        rows.append(_bars(below, severity))
    while below:
        label = below.pop()
        row = _bars([u for u in below if u.start < label.start], severity)
        row += [(" ", "text")] * (label.start - len(row))
        rows.append([*row, (harmless(label.text), _style(label, severity))])
    return rows


def _bars(underlines: list[_Underline], severity: str) -> list[Piece]:
    row: list[Piece] = []
    for underline in underlines:
        row += [(" ", "text")] * (underline.start - len(row))
        if len(row) == underline.start:
            row.append(("|", _style(underline, severity)))
    return row


def _style(underline: _Underline, severity: str) -> str:
    return severity if underline.primary else "second"
