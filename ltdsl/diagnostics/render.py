"""Diagnostics as people read them, and as programs do."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from ltdsl.diagnostics import Diagnostic, Severity
from ltdsl.diagnostics.snippet import Mark, Piece, excerpt, harmless

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.text import Text

    from ltdsl.source import Source, Span

_STYLES = {
    "error": "bold red",
    "warning": "bold yellow",
    "advice": "bold cyan",
    "title": "bold",
    "gutter": "blue",
    "second": "blue",
    "text": "",
}
_NAMES = {
    Severity.ERROR: ("error", "errors"),
    Severity.WARNING: ("warning", "warnings"),
    Severity.ADVICE: ("piece of advice", "pieces of advice"),
}


def render(diagnostic: Diagnostic) -> str:
    """A diagnostic as plain text with its lines underlined; ends without a newline."""
    return "\n".join("".join(text for text, _ in line).rstrip() for line in _lines(diagnostic))


def render_rich(diagnostic: Diagnostic) -> Text:
    """The same as :func:`render`, in colour."""
    from rich.text import Text  # only where colour is asked for: it takes long to import

    result = Text()
    for number, line in enumerate(_lines(diagnostic)):
        result.append("\n" if number else "")
        for style, pieces in groupby(line, key=lambda piece: piece[1]):
            result.append("".join(text for text, _ in pieces), _STYLES[style])
    return result


def _lines(diagnostic: Diagnostic) -> list[list[Piece]]:
    severity = diagnostic.severity.value
    lines: list[list[Piece]] = [
        [
            (f"{severity}[{diagnostic.code}]", severity),
            (f": {harmless(diagnostic.message)}", "title"),
        ]
    ]
    marks = _marks(diagnostic)
    width = max((len(str(line)) for mark in marks for line in mark.lines), default=0)
    margin = " " * width
    for number, (source, group) in enumerate(_by_source(marks)):
        line, column = source.position(group[0].span.start)
        arrow = ":::" if number else "-->"
        if number:
            lines.append([(f"{margin}  |", "gutter")])
        lines.append(
            [(f"{margin} {arrow} ", "gutter"), (f"{harmless(source.name)}:{line}:{column}", "text")]
        )
        lines.append([(f"{margin}  |", "gutter")])
        lines += excerpt(source, group, width, severity)
    footers = [(name, text) for name in ("help", "note") if (text := getattr(diagnostic, name))]
    if marks and footers:
        lines.append([(f"{margin}  |", "gutter")])
    for name, text in footers:
        first, *more = text.split("\n")
        lines.append(
            [(f"{margin}  = ", "gutter"), (f"{name}: ", "title"), (harmless(first), "text")]
        )
        indent = " " * (width + 4 + len(name) + 2)
        lines += [[(indent + harmless(line), "text")] for line in more]
    return lines


def _marks(diagnostic: Diagnostic) -> list[Mark]:
    if diagnostic.span is None:
        first: list[Mark] = []
    else:
        first = [Mark(diagnostic.span, diagnostic.label, True)]
    return first + [Mark(other.span, other.text, False) for other in diagnostic.others]


def _by_source(marks: Sequence[Mark]) -> list[tuple[Source, list[Mark]]]:
    groups: list[tuple[Source, list[Mark]]] = []
    for mark in marks:
        for source, group in groups:
            if source is mark.span.source:
                group.append(mark)
                break
        else:
            groups.append((mark.span.source, [mark]))
    return groups


def to_json(diagnostic: Diagnostic) -> dict[str, Any]:
    """A diagnostic as plain data; lines and columns count from 1, ends are exclusive."""
    edit = diagnostic.edit
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity.value,
        "message": diagnostic.message,
        **_place(diagnostic.span),
        "label": diagnostic.label,
        "help": diagnostic.help,
        "note": diagnostic.note,
        "related": [{**_place(other.span), "message": other.text} for other in diagnostic.others],
        "edit": {**_place(edit.span), "replacement": edit.replacement} if edit else None,
    }


def _place(span: Span | None) -> dict[str, Any]:
    if span is None:
        return dict.fromkeys(("file", "line", "column", "end_line", "end_column"))
    end_line, end_column = span.source.position(span.end)
    return {
        "file": span.source.name,
        "line": span.line,
        "column": span.column,
        "end_line": end_line,
        "end_column": end_column,
    }


def summary(diagnostics: Iterable[Diagnostic]) -> str:
    """``2 errors, 1 warning``; empty where there is nothing."""
    severities = [diagnostic.severity for diagnostic in diagnostics]
    counts = [(severities.count(severity), names) for severity, names in _NAMES.items()]
    return ", ".join(f"{count} {names[count > 1]}" for count, names in counts if count)


def in_order(
    diagnostics: Iterable[Diagnostic], files: Sequence[str] | None = None
) -> list[Diagnostic]:
    """Diagnostics by file, then by position; those without a place come first.

    Args:
        diagnostics: What to sort.
        files: The names of the sources in the order wanted; otherwise as they first appear.
    """
    diagnostics = list(diagnostics)
    order = {name: number for number, name in enumerate(files or ())}
    for diagnostic in diagnostics:
        if diagnostic.span:
            order.setdefault(diagnostic.span.source.name, len(order))

    def key(diagnostic: Diagnostic) -> tuple[int, int, int]:
        span = diagnostic.span
        return (order[span.source.name], span.start, span.end) if span else (-1, 0, 0)

    return sorted(diagnostics, key=key)
