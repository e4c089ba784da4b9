"""``--set address=value``: changes from the command line, in the language's own syntax."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ltdsl.diagnostics import Diagnostic, Report, report
from ltdsl.source import Source, Span
from ltdsl.syntax import Argument, Call, Identifier, Start, String, Value
from ltdsl.syntax.parser import parse_chain, parse_start, parse_value

_ADDRESS = re.compile(r"\s*([a-z_][a-z0-9_]*(?:\.[a-z_][a-z0-9_]*)*)\s*=")


@dataclass(frozen=True)
class Assignment:
    """One ``--set``: an address and text that is parsed once it is known what stands there.

    Attributes:
        path: The address, split at its dots; at least one name.
        span: The whole text.
        start_of_value: Offset of the value.
        problems: Receives what is wrong with the value.
    """

    path: tuple[Identifier, ...]
    span: Span
    start_of_value: int
    problems: Report

    @property
    def address(self) -> Span:
        """The place of the address."""
        return self.path[0].span.to(self.path[-1].span)

    def argument(self) -> Argument:
        """The assignment as an argument, for those who only ask what a plain name is set to."""
        value, _ = parse_value(self._source())
        empty = String(self.span, "")
        return Argument(self.span, self.path[0], value if value and len(self.path) == 1 else empty)

    def value(self) -> Value | None:
        """The value; None, after a report, where it is not one."""
        value, found = parse_value(self._source())
        self._report(found)
        return value

    def start(self) -> Start | None:
        """The value as a stage's start."""
        start, found = parse_start(self._source())
        self._report(found)
        return start

    def chain(self) -> Sequence[Call] | None:
        """The value as a chain of tricks, with or without quotes around it."""
        chain, found = parse_chain(self._source(unquote=True))
        self._report(found)
        return chain

    def _report(self, found: list[Diagnostic]) -> None:
        for problem in found:
            self.problems(problem)

    def _source(self, unquote: bool = False) -> Source:
        """The text with the address blanked out, so that places in the value stay right."""
        text = self.span.source.text
        value = text[self.start_of_value :]
        if unquote and re.fullmatch(r'\s*".*"\s*', value):
            value = value.replace('"', " ")
        blanked = " " * self.start_of_value + value
        return Source(self.span.source.name, blanked, kind="set", shown=text)


def read_assignments(texts: Sequence[str], problems: Report) -> list[Assignment]:
    """Split each ``address=value``; reports those that are not of this form."""
    assignments = []
    for text in texts:
        source = Source("--set", text, kind="set")
        span = Span(source, 0, len(text))
        match = _ADDRESS.match(text)
        if not match:
            problems(_malformed(span))
            continue
        path, offset = [], match.start(1)
        for part in match.group(1).split("."):
            path.append(Identifier(Span(source, offset, offset + len(part)), part))
            offset += len(part) + 1
        assignments.append(Assignment(tuple(path), span, match.end(), problems))
    return assignments


def _malformed(span: Span) -> Diagnostic:
    return report(
        "LT116",
        span,
        "`--set` takes an address, `=` and a value",
        help="for example `--set epochs=400`, `--set stage2.cs_ce.gamma=0.5` or `--set stage2.at=80%`",
    )
