"""Suppression: ``# ltdsl: ignore[LT201] reason`` silences a warning or a piece of advice on its line.

A comment that silences nothing, cannot, or does not say why is reported itself: nobody finds a stale one otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ltdsl.catalogue.names import nearest
from ltdsl.codes.table import CODES
from ltdsl.diagnostics import Diagnostic, Severity, report, severity_of

if TYPE_CHECKING:
    from ltdsl.source import Source, Span

_OURS = re.compile(r"#\s*ltdsl\s*:")
_IGNORE = re.compile(r"#\s*ltdsl\s*:\s*ignore\s*\[([^\[\]]*)\]\s*(.*)")
_HOW = "write `# ltdsl: ignore[LT201] reason`"


@dataclass(frozen=True)
class _Comment:
    """A comment that is meant for the compiler."""

    span: Span
    codes: tuple[str, ...]


def suppress(
    diagnostics: Iterable[Diagnostic], sources: Sequence[Source], complete: bool
) -> list[Diagnostic]:
    """Apply the suppression comments of all files.

    Args:
        diagnostics: Everything found.
        sources: Every file read.
        complete: Whether everything was looked for that there could be: after errors, advice was not.

    Returns:
        What is left, and what is wrong with the comments themselves.
    """
    diagnostics = list(diagnostics)
    left = diagnostics
    for source in dict.fromkeys(sources):
        if "ltdsl" not in source.text:
            continue
        comments, wrong = _read(source)
        for comment in comments:
            for code in comment.codes:
                silenced = [d for d in diagnostics if d.code == code and _on(d, comment.span)]
                left = [d for d in left if not any(d is gone for gone in silenced)]
                if complete and not silenced:
                    wrong.append(
                        report(
                            "LT120",
                            comment.span,
                            f"there is no {code} on this line to silence",
                            help="remove the comment, or move it to the line that the problem points at",
                        )
                    )
        left = left + wrong
    return left


def is_silenceable(diagnostic: Diagnostic) -> bool:
    """Whether a comment on its line can silence a diagnostic."""
    return diagnostic.severity is not Severity.ERROR and not _problem(diagnostic.code)


def _on(diagnostic: Diagnostic, comment: Span) -> bool:
    """True where a diagnostic that can be silenced is on the comment's line."""
    span = diagnostic.span
    return (
        diagnostic.severity is not Severity.ERROR
        and span is not None
        and span.source == comment.source
        and span.line == comment.line
    )


def _read(source: Source) -> tuple[list[_Comment], list[Diagnostic]]:
    """The suppression comments of a file, and what is wrong with any of them."""
    from ltdsl.syntax.scanner import comments

    found, wrong = [], []
    for span in comments(source):
        if not _OURS.match(span.text):
            continue
        match = _IGNORE.fullmatch(span.text.rstrip())
        codes = [code.strip() for code in match[1].split(",")] if match else []
        if not match or not all(codes):
            wrong.append(
                report("LT120", span, "this comment silences nothing: it is malformed", help=_HOW)
            )
            continue
        usable = []
        for code in codes:
            problem = _problem(code)
            if problem:
                wrong.append(report("LT120", span, problem[0], help=problem[1]))
            else:
                usable.append(code)
        if not any(char.isalnum() for char in match[2]):
            wrong.append(
                report(
                    "LT120",
                    span,
                    "this comment silences nothing: it gives no reason",
                    help=f"say why after the bracket: {_HOW}",
                )
            )
            continue
        if usable:
            found.append(_Comment(span, tuple(usable)))
    return found, wrong


def _problem(code: str) -> tuple[str, str] | None:
    """Why a code cannot be silenced, and what to do; None where it can."""
    if code not in CODES:
        close = nearest(code.upper(), CODES)
        return f"there is no code `{code}`", f"did you mean `{close}`?" if close else ""
    if severity_of(code) is Severity.ERROR:
        return f"{code} is an error, which cannot be silenced", "mend it, and remove the comment"
    if code == "LT120":
        return "LT120 cannot be silenced", "mend the comment that it points at"
    return None
