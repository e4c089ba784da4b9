"""Folding: brackets over several lines, and comments of several lines."""

from __future__ import annotations

from collections.abc import Iterator

from lsprotocol import types as lsp

from ltdsl.source import Source
from ltdsl.syntax.scanner import comments, scan

_CLOSES = {"}": "{", ")": "(", "]": "["}


def folds(source: Source) -> list[lsp.FoldingRange]:
    """What can be folded away, in order; the line of a closing bracket stays."""
    found = [*_brackets(source), *_comments(source)]
    return sorted(found, key=lambda fold: (fold.start_line, -fold.end_line))


def _brackets(source: Source) -> Iterator[lsp.FoldingRange]:
    opened: list[tuple[str, int]] = []
    for lexeme in scan(source.text):
        if lexeme.kind in _CLOSES.values():
            opened.append((lexeme.kind, source.position(lexeme.start)[0] - 1))
        elif lexeme.kind in _CLOSES and opened and opened[-1][0] == _CLOSES[lexeme.kind]:
            _, first = opened.pop()
            last = source.position(lexeme.start)[0] - 2
            if last > first:
                yield lsp.FoldingRange(first, last, kind=lsp.FoldingRangeKind.Region)


def _comments(source: Source) -> Iterator[lsp.FoldingRange]:
    """Lines that hold a comment alone, two at least."""
    lines = []
    for span in comments(source):
        line, column = source.position(span.start)
        if not source.text[span.start - column + 1 : span.start].strip():
            lines.append(line - 1)
    first = 0
    for place in range(1, len(lines) + 1):
        if place == len(lines) or lines[place] != lines[place - 1] + 1:
            if place - 1 > first:
                yield lsp.FoldingRange(
                    lines[first], lines[place - 1], kind=lsp.FoldingRangeKind.Comment
                )
            first = place
