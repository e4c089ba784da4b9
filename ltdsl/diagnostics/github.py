"""Diagnostics as workflow commands, which GitHub shows beside the lines of a pull request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ltdsl.diagnostics import Diagnostic, Severity
from ltdsl.diagnostics.plain import in_file, paragraphs
from ltdsl.diagnostics.snippet import harmless

if TYPE_CHECKING:
    from ltdsl.source import Span

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.ADVICE: "notice"}


def command(diagnostic: Diagnostic, file: str) -> str:
    """A diagnostic as a workflow command.

    Args:
        diagnostic: The diagnostic.
        file: The file it belongs to where it has no place in one.
    """
    properties = {"file": file, **_place(diagnostic.span)}
    properties["title"] = f"ltdsl {diagnostic.code}"
    lines = [line for part in paragraphs(diagnostic) for line in part.split("\n")]
    message = "\n".join(map(harmless, lines))
    written = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    return f"::{_COMMANDS[diagnostic.severity]} {written}::{_data(message)}"


def _place(span: Span | None) -> dict[str, str]:
    if not in_file(span):
        return {}
    end_line, end_column = span.source.position(span.end)
    place = {"file": span.source.name, "line": str(span.line), "endLine": str(end_line)}
    if end_line == span.line:  # columns are shown within one line only
        place |= {"col": str(span.column), "endColumn": str(end_column)}
    return place


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
