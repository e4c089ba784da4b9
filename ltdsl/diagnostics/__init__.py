"""Diagnostics: everything the compiler has to say about a recipe.

Codes are stable. Each belongs to one entry of :data:`CODES`, which is also what ``ltdsl explain`` and the
documentation print.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from ltdsl.syntax.source import Span


class Severity(str, Enum):
    """How much a diagnostic matters: only an error stops a run (``--strict`` stops on all)."""

    ERROR = "error"
    WARNING = "warning"
    ADVICE = "advice"


@dataclass(frozen=True)
class Label:
    """A second place a diagnostic points at, and why."""

    span: Span
    text: str


@dataclass(frozen=True)
class Edit:
    """A suggested replacement of the text of ``span``."""

    span: Span
    replacement: str


@dataclass(frozen=True)
class Diagnostic:
    """One problem, warning or piece of advice.

    Attributes:
        code: ``LT`` and three digits.
        severity: See :class:`Severity`.
        message: One sentence: what is wrong.
        span: The place; None where the problem has no place in a text (a missing file, say).
        label: A few words beside the carets.
        others: Further places that matter.
        help: What to do about it.
        note: Background, such as the published words behind an advice.
        edit: A replacement that would mend it.
    """

    code: str
    severity: Severity
    message: str
    span: Span | None
    label: str = ""
    others: tuple[Label, ...] = ()
    help: str = ""
    note: str = ""
    edit: Edit | None = None


@dataclass(frozen=True)
class Code:
    """The meaning of a code and its default severity."""

    severity: Severity
    title: str
    explanation: str


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name closest to a misspelt one, or None where nothing is close."""
    folded = name.lower().replace("-", "_")
    matches = difflib.get_close_matches(folded, list(known), n=1, cutoff=0.6)
    return matches[0] if matches else None
