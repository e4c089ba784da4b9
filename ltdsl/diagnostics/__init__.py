"""Diagnostics: everything the compiler has to say about a recipe.

Codes are stable. Each belongs to one entry of :data:`CODES`, which is also what ``ltdsl explain`` and the
documentation print.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from textwrap import indent
from typing import NamedTuple, TypeAlias

from ltdsl.source import Span


class Severity(str, Enum):
    """How much a diagnostic matters: only an error stops a run (``--strict`` stops on all)."""

    ERROR = "error"
    WARNING = "warning"
    ADVICE = "advice"


class Label(NamedTuple):
    """A second place a diagnostic points at, and why."""

    span: Span
    text: str


class Edit(NamedTuple):
    """A suggested replacement of the text of ``span``."""

    span: Span
    replacement: str


class Diagnostic(NamedTuple):
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


#: What problems are told to.
Report: TypeAlias = Callable[[Diagnostic], None]


class Code(NamedTuple):
    """The meaning of a code.

    Attributes:
        title: A few words.
        text: What it means, in paragraphs.
        bad: A recipe, or a part of one, with the mistake; empty where none can show it.
        good: The same without it.
        says: A message as it is printed, with its code and help, where no recipe can show it.
    """

    title: str
    text: str
    bad: str = ""
    good: str = ""
    says: str = ""

    @property
    def explanation(self) -> str:
        """The text with its examples, as Markdown."""
        examples = (("Says:", self.says), ("Wrong:", self.bad), ("Right:", self.good))
        parts = [f"{heading}\n\n{indent(text, '    ')}" for heading, text in examples if text]
        return "\n\n".join([self.text, *parts])


#: Codes that warn. Those of the LT2xx family advise; all others are errors.
WARNINGS = frozenset(
    {
        "LT120",
        "LT140",
        "LT141",
        "LT142",
        "LT143",
        "LT144",
        "LT306",
        "LT307",
        "LT308",
        "LT603",
        "LT604",
    }
)

#: Those of data that a run goes on with.
DATA_WARNINGS = frozenset({"LT405", "LT406", "LT407", "LT408"})


def severity_of(code: str) -> Severity:
    """The severity of a code."""
    if code.startswith("LT2"):
        return Severity.ADVICE
    return Severity.WARNING if code in WARNINGS | DATA_WARNINGS else Severity.ERROR


def report(
    code: str,
    span: Span | None,
    message: str,
    *,
    label: str = "",
    others: tuple[Label, ...] = (),
    help: str = "",  # noqa: A002 - named like the attribute it fills
    note: str = "",
    edit: Edit | None = None,
    severity: Severity | None = None,
) -> Diagnostic:
    """A diagnostic with the severity of its code.

    Args:
        code: A key of :data:`ltdsl.codes.CODES`.
        span: The place, if there is one.
        message: One sentence without a full stop.
        label: A few words beside the carets.
        others: Further places that matter.
        help: What to do about it.
        note: Background.
        edit: A replacement that would mend it.
        severity: Instead of the code's own.

    Returns:
        The diagnostic.
    """
    return Diagnostic(
        code=code,
        severity=severity or severity_of(code),
        message=message,
        span=span,
        label=label,
        others=others,
        help=help,
        note=note,
        edit=edit,
    )
