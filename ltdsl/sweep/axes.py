"""``--set address=1,2``: a setting, and the values that it takes in a sweep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ltdsl.analysis.assignments import read_assignments
from ltdsl.diagnostics import Diagnostic, Report, report
from ltdsl.source import Span
from ltdsl.syntax.scanner import Lexeme, scan

_DEPTH = {"(": 1, "[": 1, ")": -1, "]": -1}


@dataclass(frozen=True)
class Axis:
    """A setting and its values.

    Attributes:
        address: Such as ``dataset.imbalance``.
        values: Texts in the language's syntax, at least one.
    """

    address: str
    values: tuple[str, ...]


def split_values(text: str) -> list[tuple[int, int]]:
    """Where the values of a list are: it is split at commas outside brackets and strings.

    Returns:
        Start and end of each value, spaces left out; both are the same where nothing is written.
    """
    parts: list[list[Lexeme]] = [[]]
    depth = 0
    for piece in scan(text):
        depth = max(0, depth + _DEPTH.get(piece.kind, 0))
        if piece.kind == "," and depth == 0:
            parts.append([])
        else:
            parts[-1].append(piece)
    edges, end = [], 0
    for part in parts:
        start = part[0].start if part else end
        end = part[-1].end if part else end
        edges.append((start, end))
    return edges


def read_axes(texts: Sequence[str], problems: Report) -> list[Axis]:
    """The axes that ``--set`` options describe; reports those that describe none."""
    axes: dict[str, Axis] = {}
    for assignment in read_assignments(texts, problems):
        address = ".".join(part.text for part in assignment.path)
        source, offset = assignment.span.source, assignment.start_of_value
        edges = split_values(source.text[offset:])
        missing = [end for start, end in edges if start == end] if len(edges) > 1 else []
        if missing:
            at = offset + missing[0]
            problems(_empty(Span(source, at, at + 1)))
            continue
        if address in axes:
            problems(_twice(assignment.address, address))
            continue
        values = [source.text[offset + start : offset + end] for start, end in edges]
        axes[address] = Axis(address, tuple(values))
    return list(axes.values())


def _empty(span: Span) -> Diagnostic:
    return report(
        "LT460",
        span,
        "a value is missing beside a comma",
        help="write `--set a=1,2`; a comma within a value stands in brackets or quotes",
    )


def _twice(span: Span, address: str) -> Diagnostic:
    return report(
        "LT461",
        span,
        f"`{address}` is set more than once",
        help=f"write its values in one list: `--set {address}=A,B`",
    )
