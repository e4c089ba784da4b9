"""Statements found by brackets and separators only, so that a mistake stays in one of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from ltdsl.syntax.lalr import MAX_NESTING
from ltdsl.syntax.scanner import Lexeme, scan

_CLOSING = {"(": ")", "[": "]"}
_HEAD_MARKS = (":", "=")


@dataclass
class Chunk:
    """The text of about one statement.

    Attributes:
        first: Index of its first lexeme.
        last: Index after the last lexeme of its head, which is all but the block.
        inner: The statements of its block, if it has one.
        brace: The block's `{`.
        end: The block's `}`, or None where that is missing.
        unclosed: Opening brackets in the head that are never closed.
        missing: What would close those of them that nothing closed surrounds.
        mismatched: Opening brackets in the head that are closed by the wrong shape.
        too_deep: The bracket that is nested too deeply.
        nested: A `{` where no block can be.
        late: Whether the block begins on a later line than its stage ends.
        glued: Whether this stands behind a block's `}` without a separator.
        below: Statements that are indented below a head without anything behind its `:`.
    """

    first: int
    last: int
    inner: list[Chunk] | None = None
    brace: Lexeme | None = None
    end: Lexeme | None = None
    unclosed: list[Lexeme] = field(default_factory=list)
    missing: str = ""
    mismatched: list[tuple[Lexeme, Lexeme]] = field(default_factory=list)
    too_deep: Lexeme | None = None
    nested: Lexeme | None = None
    late: bool = False
    glued: bool = False
    below: list[Chunk] = field(default_factory=list)


class Splitter:
    """Splits a text into chunks.

    Attributes:
        lexemes: The scanned text.
        chunks: The statements, in order.
    """

    def __init__(self, text: str) -> None:
        self.lexemes = scan(text)
        self._closer: dict[int, int] = {}
        self._match_brackets()
        self._brace_ahead = self._braces_ahead()
        chunks, _ = self._statements(0, inside=False)
        self.chunks = self._nested_by_indentation(text, chunks)

    def kind(self, index: int) -> str:
        """The kind of a lexeme; empty outside the text."""
        return self.lexemes[index].kind if 0 <= index < len(self.lexemes) else ""

    def _begins_line(self, index: int) -> bool:
        return self.kind(index - 1) in ("", "newline")

    def _begins_statement_line(self, index: int) -> bool:
        return self._begins_line(index) and (self._is_stage_head(index) or self._is_use(index))

    def _is_stage_head(self, index: int) -> bool:
        return self.kind(index) == "name" and self.kind(index + 1) == ":"

    def _is_use(self, index: int) -> bool:
        return self.kind(index) == "name" and self.kind(index + 1) == "string"

    def _match_brackets(self) -> None:
        """Pairs the round and square brackets, giving up on those open where no bracket can be."""
        stack: list[int] = []
        closes = self._closers_ahead()
        for index, lexeme in enumerate(self.lexemes):
            kind = lexeme.kind
            if kind in _CLOSING:
                stack.append(index)
            elif kind in (")", "]"):
                self._close(stack, index)
            elif not stack:
                continue
            elif kind == ";":
                if not closes[index]:  # else it was written for a `,`, probably
                    stack.clear()
            elif kind in ("{", "}", "@", "unclosed") or self._begins_statement_line(index):
                stack.clear()

    def _close(self, stack: list[int], index: int) -> None:
        kinds = [_CLOSING[self.kind(i)] for i in stack[-2:]]
        if kinds and kinds[-1] != self.kind(index) and kinds[0] == self.kind(index):
            stack.pop()  # the inner one was forgotten
        if stack:
            self._closer[stack.pop()] = index

    def _closers_ahead(self) -> list[bool]:
        """For each index, whether a closing bracket comes on its line before anything else can."""
        result = [False] * (len(self.lexemes) + 1)
        for index in range(len(self.lexemes) - 1, -1, -1):
            kind = self.kind(index)
            if kind in (")", "]"):
                result[index] = True
            elif kind not in ("newline", "{", "}", "@"):
                ends = self._is_stage_head(index) or self._is_use(index)
                result[index] = result[index + 1] and not ends
        return result

    def _braces_ahead(self) -> list[str]:
        """For each index, the next brace at or after it; empty at the end."""
        result = [""] * (len(self.lexemes) + 1)
        for index in range(len(self.lexemes) - 1, -1, -1):
            kind = self.kind(index)
            result[index] = kind if kind in ("{", "}") else result[index + 1]
        return result

    def _statements(self, index: int, inside: bool) -> tuple[list[Chunk], int]:
        """The statements from ``index`` to the end of the text or, inside a block, of the block."""
        chunks: list[Chunk] = []
        while kind := self.kind(index):
            if kind in ("newline", ";"):
                index += 1
            elif inside and (kind == "}" or self._leaves_block(index)):
                break
            elif kind == "{" and chunks and not inside and self._takes_block(chunks[-1]):
                chunks[-1].late = True
                index = self._block(chunks[-1], index)
            else:
                glued = kind != "}" and self.kind(index - 1) == "}" and not inside
                chunk, index = self._statement(index, inside)
                chunk.glued = glued
                chunks.append(chunk)
        return chunks, index

    def _nested_by_indentation(self, text: str, chunks: list[Chunk]) -> list[Chunk]:
        """The statements, those that are indented below a head `name:` put under it, as YAML would have them."""

        def indent(chunk: Chunk) -> int:
            start = self.lexemes[chunk.first].start
            return start - text.rfind("\n", 0, start) - 1

        result: list[Chunk] = []
        for chunk in chunks:
            above = result[-1] if result else None
            is_head = above is not None and above.inner is None and above.last == above.first + 2
            if (
                above
                and is_head
                and self.kind(above.first + 1) == ":"
                and indent(chunk) > indent(above)
            ):
                above.below.append(chunk)
            else:
                result.append(chunk)
        return result

    def _takes_block(self, chunk: Chunk) -> bool:
        return chunk.inner is None and self._is_stage_head(chunk.first)

    def _leaves_block(self, index: int) -> bool:
        """Whether what begins here shows that the block's `}` was forgotten."""
        return self._is_stage_head(index) and self._brace_ahead[index] != "}"

    def _statement(self, first: int, inside: bool) -> tuple[Chunk, int]:
        chunk = Chunk(first, first)
        index = self._head(chunk, inside)
        chunk.last = index
        if self.kind(index) == "{":
            if inside:
                chunk.nested = self.lexemes[index]
                return chunk, self._skip_block(index)
            index = self._block(chunk, index)
        return chunk, index

    def _block(self, chunk: Chunk, index: int) -> int:
        chunk.brace = self.lexemes[index]
        chunk.inner, index = self._statements(index + 1, inside=True)
        if self.kind(index) == "}":
            chunk.end = self.lexemes[index]
            index += 1
        return index

    def _head(self, chunk: Chunk, inside: bool) -> int:
        """Walks to where the statement ends or its block begins."""
        index = chunk.first
        while kind := self.kind(index):
            if kind in ("{", ";"):
                break
            if kind == "}":
                # A stray one is a statement of its own.
                return index if inside or index > chunk.first else index + 1
            if kind == "newline":
                if self.kind(index - 1) != "+" or self._begins_statement(index + 1):
                    break
                while self.kind(index + 1) == "newline":
                    index += 1
            elif kind in _CLOSING:
                index = self._bracket(chunk, index)
            index += 1
        return index

    def _begins_statement(self, index: int) -> bool:
        while self.kind(index) == "newline":
            index += 1
        if self.kind(index) in ("", "}", "{"):
            return True
        return self.kind(index) == "name" and (
            self.kind(index + 1) in _HEAD_MARKS or self._is_use(index)
        )

    def _bracket(self, chunk: Chunk, index: int) -> int:
        """Notes what is wrong with a bracket and, where it is closed, goes to its end."""
        end = self._closer.get(index)
        if end is None:
            chunk.unclosed.append(self.lexemes[index])
            if len(chunk.missing) < MAX_NESTING:
                chunk.missing = _CLOSING[self.kind(index)] + chunk.missing
            else:
                chunk.too_deep = chunk.too_deep or self.lexemes[index]
            return index
        open_ends: list[int] = []
        for at in range(index, end + 1):
            while open_ends and open_ends[-1] <= at:
                open_ends.pop()
            if self.kind(at) not in _CLOSING:
                continue
            close = self._closer.get(at)
            if close is None:
                chunk.unclosed.append(self.lexemes[at])
                continue
            if self.kind(close) != _CLOSING[self.kind(at)]:
                chunk.mismatched.append((self.lexemes[at], self.lexemes[close]))
            open_ends.append(close)
            if len(open_ends) > MAX_NESTING and chunk.too_deep is None:
                chunk.too_deep = self.lexemes[at]
        return end

    def _skip_block(self, index: int) -> int:
        depth = 0
        while kind := self.kind(index):
            depth += {"{": 1, "}": -1}.get(kind, 0)
            index += 1
            if depth == 0:
                break
        return index
