"""Diagnostics as SARIF 2.1.0, the format of code scanning services."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ltdsl import __version__
from ltdsl.codes.table import CODES
from ltdsl.diagnostics import Diagnostic, Severity, severity_of
from ltdsl.diagnostics.plain import in_file, paragraphs

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ltdsl.source import Span

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.ADVICE: "note"}


def log(findings: Iterable[tuple[str, Diagnostic]]) -> dict[str, Any]:
    """A SARIF log with one run.

    Args:
        findings: Diagnostics, each with the file it belongs to where it has no place in one.
    """
    driver = {"name": "ltdsl", "version": __version__, "rules": [_rule(code) for code in CODES]}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(diagnostic, file) for file, diagnostic in findings],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(code: str) -> dict[str, Any]:
    entry = CODES[code]
    title = entry.title[0].upper() + entry.title[1:]
    return {
        "id": code,
        "shortDescription": {"text": title},
        "fullDescription": {"text": entry.explanation.split("\n\n", 1)[0]},
        "help": {"text": entry.explanation, "markdown": entry.explanation},
        "defaultConfiguration": {"level": _LEVELS[severity_of(code)]},
    }


def _result(diagnostic: Diagnostic, file: str) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": diagnostic.code,
        "level": _LEVELS[diagnostic.severity],
        "message": {"text": "\n".join(paragraphs(diagnostic))},
        "locations": [_location(diagnostic.span, file)],
    }
    if diagnostic.code in CODES:
        result["ruleIndex"] = list(CODES).index(diagnostic.code)
    related = [
        {"id": number, **_location(other.span, file), "message": {"text": other.text}}
        for number, other in enumerate(diagnostic.others)
    ]
    if related:
        result["relatedLocations"] = related
    edit = diagnostic.edit
    if edit and in_file(edit.span):
        replacement = {
            "deletedRegion": _region(edit.span),
            "insertedContent": {"text": edit.replacement},
        }
        change = {
            "artifactLocation": _artifact(edit.span.source.name),
            "replacements": [replacement],
        }
        text = diagnostic.help or f"write `{edit.replacement}`"
        result["fixes"] = [{"description": {"text": text}, "artifactChanges": [change]}]
    return result


def _location(span: Span | None, file: str) -> dict[str, Any]:
    if not in_file(span):
        return {"physicalLocation": {"artifactLocation": _artifact(file)}}
    place = {"artifactLocation": _artifact(span.source.name), "region": _region(span)}
    return {"physicalLocation": place}


def _artifact(name: str) -> dict[str, Any]:
    path = Path(name)
    return {"uri": path.as_uri() if path.is_absolute() else quote(path.as_posix())}


def _region(span: Span) -> dict[str, int]:
    end_line, end_column = span.source.position(span.end)
    return {
        "startLine": span.line,
        "startColumn": span.column,
        "endLine": end_line,
        "endColumn": end_column,
    }
