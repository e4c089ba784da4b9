"""Parsing that goes on after errors: statement by statement where the whole did not parse."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from itertools import takewhile

from ltdsl import syntax
from ltdsl.diagnostics import Diagnostic, Edit, report
from ltdsl.source import Source, Span
from ltdsl.syntax.lalr import TooDeepError, UnexpectedError
from ltdsl.syntax.recovery.chunks import Chunk, Splitter
from ltdsl.syntax.recovery.draft import Draft
from ltdsl.syntax.recovery.fault import Fault
from ltdsl.syntax.recovery.foreign import json, nested
from ltdsl.syntax.recovery.mistakes import explain, wrong_mark
from ltdsl.syntax.recovery.structure import Structure, too_deep
from ltdsl.syntax.scanner import scan
from ltdsl.syntax.tree import Place, build

MAX_ERRORS = 100
"""How many errors of a text are reported."""

_MAX_REPAIRS = 8  # of one statement


class _EnoughError(Exception):
    """So many errors that the rest is not worth reading."""


class Recovery:
    """One text with errors in it.

    Attributes:
        problems: The diagnostics so far.
    """

    def __init__(self, source: Source, whole: bool = True) -> None:
        self.problems: list[Diagnostic] = []
        self._source = source
        self._whole = whole
        splitter = Splitter(source.text)
        self._chunks = splitter.chunks
        self._lexemes = splitter.lexemes
        self._starts = [lexeme.start for lexeme in self._lexemes]
        self._structure = Structure(source, self._lexemes)

    # Whole texts

    def file(self, error: UnexpectedError | TooDeepError) -> list[syntax.Statement]:
        """The well-formed statements of a file that as a whole ends in ``error``."""
        statements: list[syntax.Statement] = []
        if found := json(self._source, self._lexemes):
            self._add([found])
            return statements
        try:
            # One by one, so that those before the error that ends it all are kept.
            for statement in self._run(self._chunks, inside=False):
                statements.append(statement)  # noqa: PERF402
        except _EnoughError:
            self.problems = self.problems[:MAX_ERRORS]
            message = f"there are over {MAX_ERRORS} errors; what follows is not looked at"
            self.problems.append(report("LT015", self.problems[-1].span, message))
        if not self.problems:  # it must not look fine
            self._whole_fault(error)
        return statements

    def piece(self, error: UnexpectedError | TooDeepError) -> None:
        """Explains why a text from the command line is no value, chain or start."""
        if self._chunks and self._structure.head_is_bad(self._chunks[0]):
            self._add(self._structure.head(self._chunks[0]))
        else:
            self._whole_fault(error)

    def _whole_fault(self, error: UnexpectedError | TooDeepError) -> None:
        end = len(self._source.text)
        if isinstance(error, UnexpectedError):
            draft = Draft(self._source, 0, end)
            self._add([draft.moved(explain(self._fault(error, draft, inside=False)))])
        else:
            self._add([too_deep(Span(self._source, 0, end))])

    def _add(self, problems: Iterable[Diagnostic]) -> None:
        self.problems += problems
        if len(self.problems) > MAX_ERRORS:
            raise _EnoughError

    # Runs of statements

    def _run(self, chunks: list[Chunk], inside: bool) -> Iterator[syntax.Statement]:
        """Parses as many statements at once as go together, and the others alone."""
        starts = [self._lexemes[chunk.first].start for chunk in chunks]
        bad = [i for i, chunk in enumerate(chunks) if self._structure.is_bad(chunk)]
        position = 0
        while position < len(chunks):
            following = bisect_left(bad, position)
            stop = bad[following] if following < len(bad) else len(chunks)
            if stop > position:
                stop = self._good_until(chunks, starts, position, stop)
            if stop > position:
                start, end = starts[position], self._end(chunks[stop - 1])
                text = self._source.text[start:end]
                yield from self._fitting(self._parse(text, self._shifted(start)), inside)
            if stop < len(chunks):
                yield from self._alone(chunks[stop], inside)
            position = stop + 1

    def _good_until(self, chunks: list[Chunk], starts: list[int], first: int, stop: int) -> int:
        """Index of the first chunk from ``first`` on that does not parse, or ``stop``.

        The parser stops at the first token that no valid text could go on with, so whatever was
        complete before that token is fine.
        """
        text = self._source.text[starts[first] : self._end(chunks[stop - 1])]
        try:
            build(text, "file", self._shifted(starts[first]))
        except UnexpectedError as error:
            offset = starts[first] + error.offset
            return max(first, bisect_right(starts, offset, first, stop) - 1)
        except TooDeepError:
            return first
        return stop

    def _parse(self, text: str, place: Place) -> list[syntax.Statement]:
        statements: list[syntax.Statement]
        statements, problems = build(text, "file", place)
        self._add(problems)
        return statements

    def _shifted(self, by: int) -> Place:
        return lambda start, end: Span(self._source, start + by, end + by)

    def _end(self, chunk: Chunk) -> int:
        if chunk.below:
            return self._end(chunk.below[-1])
        if chunk.end is not None:
            return chunk.end.end
        if chunk.inner:
            return self._end(chunk.inner[-1])
        if chunk.brace is not None:
            return chunk.brace.end
        return self._lexemes[max(chunk.first, chunk.last - 1)].end

    def _fitting(
        self, statements: list[syntax.Statement], inside: bool
    ) -> Iterator[syntax.Statement]:
        """The statements, of which a block keeps the settings only."""
        for statement in statements:
            if not inside or isinstance(statement, syntax.Setting):
                yield statement
            elif isinstance(statement, syntax.Stage) and len(statement.tricks) == 1:
                # `optimizer: sgd(…)` was meant as a setting.
                head, value = statement.name, statement.tricks[0]
                first = bisect_left(self._starts, head.span.start)
                name, mark = self._lexemes[first : first + 2]
                self._add([wrong_mark(self._source, name, mark, " =", "a setting")])
                yield syntax.Setting(head.span.to(value.span), head, value)
            else:
                message = "only settings stand inside a stage's `{ }`"
                self._add([report("LT013", statement.span, message)])

    # One statement

    def _alone(self, chunk: Chunk, inside: bool) -> Iterator[syntax.Statement]:
        if chunk.below:
            self._add([nested(self._source, self._lexemes, chunk)])
            return
        if chunk.glued:
            problem, is_statement = self._structure.glued(chunk)
            self._add([problem])
            if not is_statement:
                return
        statements = [] if chunk.first == chunk.last else list(self._head(chunk, inside))
        if chunk.inner is None or chunk.brace is None:
            yield from statements
            return
        overrides = tuple(
            s for s in self._run(chunk.inner, inside=True) if isinstance(s, syntax.Setting)
        )
        self._add(self._structure.block(chunk, chunk.brace))
        for statement in statements[:-1]:
            yield statement
        for statement in statements[-1:]:
            if isinstance(statement, syntax.Stage):
                span = Span(self._source, statement.span.start, self._end(chunk))
                yield statement._replace(span=span, overrides=overrides)
            else:
                self._add([self._structure.no_stage(chunk.brace)])
                yield statement

    def _head(self, chunk: Chunk, inside: bool) -> Iterable[syntax.Statement]:
        """The statement without its block, as far as the suggested edits make it one."""
        bad = self._structure.head_is_bad(chunk)
        if bad:
            self._add(self._structure.head(chunk))
        if chunk.nested or chunk.mismatched or chunk.too_deep:
            return []
        if self._structure.unclosed_string(chunk):
            return []
        start, end = self._lexemes[chunk.first].start, self._lexemes[chunk.last - 1].end
        draft = Draft(self._source, start, end)
        closed = self._close(draft, chunk) if chunk.missing else end
        before = -1
        for _ in range(_MAX_REPAIRS):
            text = draft.source.text
            try:
                return self._fitting(self._parse(text, draft.place), inside)
            except UnexpectedError as error:
                offset = error.offset
                if offset <= before:
                    break
                before = offset
                # What follows an open bracket follows from it.
                if bad and chunk.unclosed[0].start <= draft.place(offset, offset).start <= closed:
                    break
                problem = explain(self._fault(error, draft, inside))
                self._add([draft.moved(problem)])
                if problem.edit is None:
                    break
                draft.apply(problem.edit)
            except TooDeepError:
                self._add([too_deep(draft.place(0, len(text)))])
                break
        return []

    def _close(self, draft: Draft, chunk: Chunk) -> int:
        """Closes what was left open, where the next trick or the start begins."""
        pieces = [
            p
            for p in self._lexemes[chunk.first : chunk.last]
            if p.start >= chunk.unclosed[-1].start
        ]
        end = list(takewhile(lambda piece: piece.kind not in ("+", "@"), pieces))[-1].end
        local = end - self._lexemes[chunk.first].start
        draft.apply(Edit(Span(draft.source, local, local), chunk.missing))
        return end

    def _fault(self, error: UnexpectedError, draft: Draft, inside: bool) -> Fault:
        text = draft.source.text
        pieces = [p for p in scan(text) if p.kind != "newline"]
        index = next((i for i, p in enumerate(pieces) if p.end > error.offset), len(pieces))
        return Fault(draft.source, pieces, index, error.accepts, inside, self._whole)
