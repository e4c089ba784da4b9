"""Reports on what brackets and separators alone show to be wrong."""

from __future__ import annotations

from collections.abc import Iterator

from ltdsl.diagnostics import Diagnostic, Edit, Label, report
from ltdsl.source import Source, Span
from ltdsl.syntax.lalr import MAX_NESTING
from ltdsl.syntax.recovery.chunks import Chunk
from ltdsl.syntax.scanner import Lexeme, shown
from ltdsl.syntax.tree import unclosed_string


class Structure:
    """The reports on the chunks of one source."""

    def __init__(self, source: Source, lexemes: list[Lexeme]) -> None:
        self._source = source
        self._lexemes = lexemes

    def span(self, lexeme: Lexeme) -> Span:
        """Where a lexeme is."""
        return Span(self._source, lexeme.start, lexeme.end)

    def unclosed_string(self, chunk: Chunk) -> Lexeme | None:
        """A string without its end in a chunk's head."""
        pieces = self._lexemes[chunk.first : chunk.last]
        return next((piece for piece in pieces if piece.kind == "unclosed"), None)

    def head_is_bad(self, chunk: Chunk) -> bool:
        """Whether a chunk's head is wrong whatever its words are."""
        if chunk.unclosed or chunk.mismatched or chunk.too_deep or chunk.nested:
            return True
        return self.unclosed_string(chunk) is not None

    def is_bad(self, chunk: Chunk) -> bool:
        """Whether a chunk, its block included, is wrong whatever its words are."""
        if self.head_is_bad(chunk) or chunk.late or chunk.glued or chunk.below:
            return True
        if self._lexemes[chunk.first].kind == "}":
            return True  # a stray one; nothing need separate it from what stands before
        if chunk.last > chunk.first and self._lexemes[chunk.last - 1].kind == "+":
            return True  # the newline after it means nothing, so it would take in what follows
        if chunk.inner is None:
            return False
        if chunk.end is None or chunk.first == chunk.last:
            return True
        return any(self.is_bad(inner) for inner in chunk.inner)

    def head(self, chunk: Chunk) -> Iterator[Diagnostic]:
        """What is wrong with a chunk's head; a string or a depth gone wrong explains the rest."""
        if chunk.too_deep:
            yield too_deep(self.span(chunk.too_deep))
            return
        if string := self.unclosed_string(chunk):
            yield unclosed_string(self.span(string))
            return
        if chunk.nested:
            yield self.no_stage(chunk.nested)
        for opening, closing in chunk.mismatched:
            right = ")" if opening.kind == "(" else "]"
            yield report(
                "LT002",
                self.span(closing),
                f"`{opening.kind}` is closed by `{closing.kind}`",
                label=f"should be `{right}`",
                others=(Label(self.span(opening), "opened here"),),
                edit=Edit(self.span(closing), right),
            )
        if chunk.unclosed:
            *others, last = chunk.unclosed
            yield report(
                "LT002",
                self.span(last),
                f"`{last.kind}` is never closed",
                others=tuple(Label(self.span(other), "nor is this one") for other in others[:3]),
            )

    def block(self, chunk: Chunk, brace: Lexeme) -> Iterator[Diagnostic]:
        """What is wrong with the braces of a chunk's block."""
        if chunk.end is None:
            yield report("LT002", self.span(brace), "`{` is never closed")
        if chunk.first == chunk.last:
            yield report("LT013", self.span(brace), "a `{ }` block belongs to a stage")
        elif chunk.late:
            before = Span(self._source, self._lexemes[chunk.last - 1].end, brace.start)
            yield report(
                "LT013",
                self.span(brace),
                "a stage's `{` stands on the line where its tricks or its `@` end",
                others=(Label(self.span(self._lexemes[chunk.last - 1]), "which is here"),),
                edit=None if before.text.strip() else Edit(before, " "),
            )

    def no_stage(self, brace: Lexeme) -> Diagnostic:
        """The report on a block behind something that is no stage."""
        return report("LT013", self.span(brace), "only a stage has a `{ }` block")

    def glued(self, chunk: Chunk) -> tuple[Diagnostic, bool]:
        """The report on what stands right behind a block, and whether it is a statement."""
        first, *more = self._lexemes[chunk.first : chunk.first + 2]
        span = self.span(first)
        if first.kind == "name" and more and more[0].kind in ("=", ":", "string"):
            point = Span(self._source, self._lexemes[chunk.first - 1].end, first.start)
            return missing_separator("statements", span, Edit(point, "; ")), True
        if first.kind == "@":
            return report("LT013", span, "a stage's `@` stands before its `{ }`"), False
        message = f"expected the end of the line after `}}` but found `{shown(span.text)}`"
        return report("LT001", span, message), False


def too_deep(span: Span) -> Diagnostic:
    """The report on a bracket inside too many others."""
    return report("LT006", span, f"brackets are nested more than {MAX_NESTING} levels deep")


def missing_separator(what: str, span: Span, edit: Edit) -> Diagnostic:
    """The report on two statements side by side."""
    return report(
        "LT012",
        span,
        f"two {what} on a line are separated by `;`",
        label="a new one begins here",
        edit=edit,
    )
