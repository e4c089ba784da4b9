"""Diagnostics for programs that show lines of files themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeGuard

if TYPE_CHECKING:
    from ltdsl.diagnostics import Diagnostic
    from ltdsl.source import Span


def in_file(span: Span | None) -> TypeGuard[Span]:
    """Whether a place is in a file, not in a built-in protocol or on the command line."""
    return span is not None and span.source.kind == "file"


def paragraphs(diagnostic: Diagnostic) -> list[str]:
    """All that a diagnostic says, without the lines that it points at."""
    span = diagnostic.span
    message = diagnostic.message
    if span and not in_file(span):
        message += f" ({span.source.name}: `{span.text}`)"
    footers = (("help", diagnostic.help), ("note", diagnostic.note))
    return [
        message,
        *filter(None, [diagnostic.label]),
        *(f"{name}: {text}" for name, text in footers if text),
    ]
