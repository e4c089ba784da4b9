"""Parsing that goes on after errors: statement by statement where the whole did not parse."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lark import UnexpectedInput

from ltdsl import syntax
from ltdsl.builder import build, unclosed_string
from ltdsl.chunks import Chunk, Splitter
from ltdsl.codes import report
from ltdsl.diagnostics import Diagnostic, Edit, Label
from ltdsl.faults import Fault, explain, wrong_mark
from ltdsl.lalr import MAX_NESTING, TooDeepError, parse_text
from ltdsl.scanner import Lexeme, shown
from ltdsl.source import Source, Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_ERRORS = 100
"""How many errors of a text are reported."""


class _EnoughError(Exception):
    """So many errors that the rest is not worth reading."""


@dataclass(frozen=True)
class _Repair:
    """Text that was put into a statement so that it parses."""

    at: int
    text: str

    def original(self, offset: int) -> int:
        """Where an offset of the repaired text is in the original one."""
        return offset if offset <= self.at else max(self.at, offset - len(self.text))


class Recovery:
    """One text with errors in it.

    Attributes:
        problems: The diagnostics so far.
    """

    def __init__(self, source: Source, whole: bool = True) -> None:
        self.problems: list[Diagnostic] = []
        self._source = source
        self._whole = whole
        self._splitter = Splitter(source.text)
        self._lexemes = self._splitter.lexemes
        self._starts = [lexeme.start for lexeme in self._lexemes]

    # Whole texts

    def file(self, error: UnexpectedInput | TooDeepError) -> list[syntax.Statement]:
        """The well-formed statements of a file that as a whole ends in ``error``."""
        statements: list[syntax.Statement] = []
        try:
            # One by one, so that those before the error that ends it all are kept.
            for statement in self._run(self._splitter.chunks, inside=False):
                statements.append(statement)  # noqa: PERF402
        except _EnoughError:
            self.problems = self.problems[:MAX_ERRORS]
            self.problems.append(
                report("LT015", None, f"{self._source.name} has over {MAX_ERRORS} syntax errors")
            )
        if not self.problems:  # it must not look fine
            self._whole_fault(error)
        return statements

    def piece(self, error: UnexpectedInput | TooDeepError) -> None:
        """Explains why a text from the command line is no value, chain or start."""
        chunks = self._splitter.chunks
        if chunks and self._has_own_fault(chunks[0]):
            self._own_faults(chunks[0])
        else:
            self._whole_fault(error)

    def _whole_fault(self, error: UnexpectedInput | TooDeepError) -> None:
        if isinstance(error, UnexpectedInput):
            self._fault(error, 0, len(self._lexemes), inside=False)
        else:
            self._too_deep(Span(self._source, 0, len(self._source.text)))

    # Runs of statements

    def _run(self, chunks: list[Chunk], inside: bool) -> Iterator[syntax.Statement]:
        """Parses as many statements at once as go together, and the others alone."""
        starts = [self._lexemes[chunk.first].start for chunk in chunks]
        special = [i for i, chunk in enumerate(chunks) if self._is_special(chunk)]
        position = 0
        while position < len(chunks):
            following = bisect_left(special, position)
            stop = special[following] if following < len(special) else len(chunks)
            if stop > position:
                stop = self._good_until(chunks, starts, position, stop)
            if stop > position:
                end = self._end(chunks[stop - 1])
                yield from self._fitting(self._parse(starts[position], end), inside)
            if stop < len(chunks):
                yield from self._alone(chunks, stop, inside)
            position = stop + 1

    def _is_special(self, chunk: Chunk) -> bool:
        """Whether a chunk shows without parsing that something is wrong with it."""
        if self._has_own_fault(chunk) or self._splitter.kind(chunk.last - 1) == "+":
            return True
        if chunk.late or chunk.glued:
            return True
        if chunk.inner is None:
            return False
        if chunk.end is None or chunk.first == chunk.last:
            return True
        return any(self._is_special(inner) for inner in chunk.inner)

    def _has_own_fault(self, chunk: Chunk) -> bool:
        if chunk.unclosed or chunk.mismatched or chunk.too_deep or chunk.nested:
            return True
        return self._unclosed_string(chunk) is not None

    def _unclosed_string(self, chunk: Chunk) -> Lexeme | None:
        pieces = self._lexemes[chunk.first : chunk.last]
        return next((p for p in pieces if p.kind == "unclosed"), None)

    def _good_until(self, chunks: list[Chunk], starts: list[int], first: int, stop: int) -> int:
        """Index of the first chunk from ``first`` on that does not parse, or ``stop``.

        The parser stops at the first token that no valid text could go on with, so whatever was
        complete before that token is fine.
        """
        end = self._end(chunks[stop - 1])
        try:
            parse_text(self._source.text[starts[first] : end], "file")
        except UnexpectedInput as error:
            offset = self._offset(error, starts[first], end)
            return max(first, bisect_right(starts, offset, first, stop) - 1)
        except TooDeepError:
            return first
        return stop

    def _parse(self, start: int, end: int, repair: _Repair | None = None) -> list[syntax.Statement]:
        text = self._source.text[start:end]
        if repair:
            cut = repair.at - start
            text = text[:cut] + repair.text + text[cut:]

        def place(first: int, last: int) -> Span:
            first, last = first + start, last + start
            if repair:
                first, last = repair.original(first), repair.original(last)
            return Span(self._source, first, last)

        statements: list[syntax.Statement]
        statements, problems = build(parse_text(text, "file"), place)
        self._add(*problems)
        return statements

    def _add(self, *problems: Diagnostic) -> None:
        self.problems += problems
        if len(self.problems) > MAX_ERRORS:
            raise _EnoughError

    def _end(self, chunk: Chunk) -> int:
        if chunk.end is not None:
            return chunk.end.end
        if chunk.inner:
            return self._end(chunk.inner[-1])
        if chunk.brace is not None:
            return chunk.brace.end
        return self._lexemes[max(chunk.first, chunk.last - 1)].end

    def _offset(self, error: UnexpectedInput, start: int, end: int) -> int:
        token = getattr(error, "token", None)
        if getattr(token, "type", "") == "$END" or error.pos_in_stream is None:
            return end
        return start + error.pos_in_stream

    # One statement

    def _alone(self, chunks: list[Chunk], index: int, inside: bool) -> Iterator[syntax.Statement]:
        chunk = chunks[index]
        if chunk.glued and not self._glued(chunk):
            return
        statements = [] if chunk.first == chunk.last else self._head(chunk, inside)
        if chunk.inner is None or chunk.brace is None:
            yield from statements
            return
        overrides = tuple(
            s for s in self._run(chunk.inner, inside=True) if isinstance(s, syntax.Setting)
        )
        self._block_faults(chunk, chunk.brace)
        for statement in statements:
            if isinstance(statement, syntax.Stage):
                span = Span(self._source, statement.span.start, self._end(chunk))
                yield replace(statement, span=span, overrides=overrides)
            else:
                self._misplaced(chunk.brace, "only a stage has a `{ }` block")
                yield statement

    def _head(self, chunk: Chunk, inside: bool) -> Iterable[syntax.Statement]:
        """The statement without its block: none or one."""
        own = self._has_own_fault(chunk)
        if own:
            self._own_faults(chunk)
        if chunk.nested or chunk.mismatched or chunk.too_deep or self._unclosed_string(chunk):
            return []
        start, end = self._lexemes[chunk.first].start, self._lexemes[chunk.last - 1].end
        repair = self._repair(chunk) if chunk.missing else None
        try:
            statements = self._parse(start, end, repair)
        except UnexpectedInput as error:
            # What follows an open bracket follows from it.
            if not own or self._offset(error, start, end) < chunk.unclosed[0].start:
                self._fault(error, chunk.first, chunk.last, inside)
            return []
        return self._fitting(statements, inside)

    def _fitting(
        self, statements: list[syntax.Statement], inside: bool
    ) -> Iterator[syntax.Statement]:
        """The statements, of which a block keeps the settings only."""
        for statement in statements:
            if not inside or isinstance(statement, syntax.Setting):
                yield statement
                continue
            if isinstance(statement, syntax.Stage) and len(statement.tricks) == 1:
                # `optimizer: sgd(…)` was meant as a setting.
                head, value = statement.name, statement.tricks[0]
                first = bisect_left(self._starts, head.span.start)
                mark = self._lexemes[first + 1]
                self._add(wrong_mark(self._source, self._lexemes[first], mark, " =", "a setting"))
                yield syntax.Setting(head.span.to(value.span), head, value)
            else:
                self._add(
                    report("LT013", statement.span, "only settings stand inside a stage's `{ }`")
                )

    def _repair(self, chunk: Chunk) -> _Repair:
        """Closes what was left open, where the next trick or the start begins."""
        pieces = self._lexemes[chunk.first : chunk.last]
        opened = chunk.unclosed[-1].start
        end = pieces[0].end
        for piece in pieces:
            if piece.start > opened and piece.kind in ("+", "@"):
                break
            end = piece.end
        return _Repair(end, chunk.missing)

    def _fault(self, error: UnexpectedInput, first: int, last: int, inside: bool) -> None:
        pieces = [p for p in self._lexemes[first:last] if p.kind != "newline"]
        start = pieces[0].start if pieces and self._whole else 0
        end = pieces[-1].end if pieces else len(self._source.text)
        offset = self._offset(error, start, end)
        index = next((i for i, p in enumerate(pieces) if p.end > offset), len(pieces))
        parser = getattr(error, "interactive_parser", None)
        accepts = frozenset(parser.accepts()) if parser else frozenset()
        self._add(explain(Fault(self._source, pieces, index, accepts, inside, self._whole)))

    # Faults that show without parsing

    def _span(self, lexeme: Lexeme) -> Span:
        return Span(self._source, lexeme.start, lexeme.end)

    def _own_faults(self, chunk: Chunk) -> None:
        if chunk.too_deep:
            self._too_deep(self._span(chunk.too_deep))
            return
        if string := self._unclosed_string(chunk):
            self._add(unclosed_string(self._span(string)))
            return
        if chunk.nested:
            self._misplaced(chunk.nested, "only a stage has a `{ }` block")
        for opening, closing in chunk.mismatched:
            right = ")" if opening.kind == "(" else "]"
            self._add(
                report(
                    "LT002",
                    self._span(closing),
                    f"`{opening.kind}` is closed by `{closing.kind}`",
                    label=f"should be `{right}`",
                    others=(Label(self._span(opening), "opened here"),),
                    edit=Edit(self._span(closing), right),
                )
            )
        if chunk.unclosed:
            *others, last = chunk.unclosed
            self._add(
                report(
                    "LT002",
                    self._span(last),
                    f"`{last.kind}` is never closed",
                    others=tuple(
                        Label(self._span(other), "nor is this one") for other in others[:3]
                    ),
                )
            )

    def _too_deep(self, span: Span) -> None:
        self._add(report("LT006", span, f"brackets are nested more than {MAX_NESTING} levels deep"))

    def _misplaced(self, brace: Lexeme, message: str) -> None:
        self._add(report("LT013", self._span(brace), message))

    def _block_faults(self, chunk: Chunk, brace: Lexeme) -> None:
        if chunk.end is None:
            self._add(report("LT002", self._span(brace), "`{` is never closed"))
        if chunk.late:
            before = Span(self._source, self._lexemes[chunk.last - 1].end, brace.start)
            self._add(
                report(
                    "LT013",
                    self._span(brace),
                    "a stage's `{` stands on the line where its tricks or its `@` end",
                    edit=None if before.text.strip() else Edit(before, " "),
                )
            )
        elif chunk.first == chunk.last:
            self._misplaced(brace, "a `{ }` block belongs to a stage")

    def _glued(self, chunk: Chunk) -> bool:
        """Reports what stands right behind a block; whether it is a statement."""
        kinds = [self._splitter.kind(chunk.first + i) for i in range(2)]
        span = self._span(self._lexemes[chunk.first])
        if kinds[0] == "name" and kinds[1] in ("=", ":", "string"):
            point = Span(self._source, self._lexemes[chunk.first - 1].end, span.start)
            self._add(
                report(
                    "LT012",
                    span,
                    "two statements on a line are separated by `;`",
                    label="a new one begins here",
                    edit=Edit(point, "; "),
                )
            )
            return True
        if kinds[0] == "@":
            self._add(report("LT013", span, "a stage's `@` stands before its `{ }`"))
        else:
            message = f"expected the end of the line after `}}` but found `{shown(span.text)}`"
            self._add(report("LT001", span, message))
        return False
