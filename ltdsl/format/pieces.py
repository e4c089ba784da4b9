"""What the formatter sees of a recipe: statements and values as written, with the comments that belong to them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TypeAlias

from ltdsl.source import Source
from ltdsl.syntax.scanner import Lexeme, comments, scan

_BLANK_LINE = re.compile(r"\n[ \t\r]*\n")
_END = Lexeme("end", 0, 0)


@dataclass
class Atom:
    """A name, a number or a string, as it was written."""

    text: str


@dataclass
class Bracket:
    """A list, or a call with what stands in its parentheses.

    Attributes:
        name: That of the call; empty for a list.
        items: What stands inside.
        opening: The comment on the line of the opening bracket.
        closing: The comments between the last item and the closing bracket.
    """

    name: str
    items: list[Item] = field(default_factory=list)
    opening: str = ""
    closing: list[str] = field(default_factory=list)


Value: TypeAlias = Atom | Bracket


@dataclass
class Item:
    """An item of a list, an argument, or a trick of a stage.

    Attributes:
        value: The value.
        key: An argument's name.
        before: Comments on lines of their own before it, and those within it that have no line.
        after: The comment behind it.
    """

    value: Value
    key: str = ""
    before: list[str] = field(default_factory=list)
    after: str = ""


@dataclass
class Statement:
    """A statement or a comment on a line of its own.

    Attributes:
        kind: ``use``, ``setting``, ``stage`` or ``comment``.
        start, end: Where it was written; ``end`` includes the comment behind it.
        head: Its first word; for a comment, all of it.
        blank: Whether a blank line stood before it.
        joined: Whether it stood on the line where the statement before it ends.
        items: The value of a setting, the path of a ``use``, the tricks of a stage.
        at: What stood after a stage's ``@``.
        block: What stood in a stage's braces; None without braces.
        opening: The comment behind the opening brace.
        after: The comment behind the statement.
    """

    kind: str
    start: int
    end: int
    head: str
    blank: bool = False
    joined: bool = False
    items: list[Item] = field(default_factory=list)
    at: str = ""
    block: list[Statement] | None = None
    opening: str = ""
    after: str = ""


class Reader:
    """Reads the lexemes of a text that is known to parse."""

    def __init__(self, source: Source) -> None:
        self._text = source.text
        remarks = (Lexeme("comment", span.start, span.end) for span in comments(source))
        self._lexemes = sorted((*scan(source.text), *remarks), key=lambda piece: piece.start)
        self._index = 0
        self._end = 0  # of the last lexeme taken, newlines aside

    # Lexemes

    def _peek(self) -> Lexeme:
        return self._lexemes[self._index] if self._index < len(self._lexemes) else _END

    def _take(self) -> Lexeme:
        lexeme = self._peek()
        self._index += 1
        if lexeme.kind != "newline":
            self._end = lexeme.end
        return lexeme

    def _word(self) -> str:
        lexeme = self._take()
        return self._text[lexeme.start : lexeme.end]

    def _comment(self) -> str:
        return self._word().rstrip()

    def _same_line(self) -> bool:
        """Whether the next lexeme is on the line on which the last one ended."""
        return "\n" not in self._text[self._end : self._peek().start]

    def _skip(self, remarks: list[str]) -> Lexeme:
        """The next lexeme that is neither a newline nor a comment; the comments are kept."""
        while self._peek().kind in ("newline", "comment"):
            if self._peek().kind == "comment":
                remarks.append(self._comment())
            else:
                self._take()
        return self._peek()

    # Statements

    def statements(self) -> list[Statement]:
        """All statements and comments up to the end of the file or the block."""
        found: list[Statement] = []
        while (kind := self._peek().kind) not in ("end", "}"):
            if kind in ("newline", ";"):
                self._take()
                continue
            last = found[-1] if found else None
            start = self._peek().start
            joined = last is not None and "\n" not in self._text[last.end : start]
            if kind == "comment" and joined and last and not last.after:
                last.after = self._comment()
                last.end = self._end
                continue
            blank = bool(_BLANK_LINE.search(self._text, self._end, start))
            if kind == "comment":
                text = self._comment()
                found.append(Statement("comment", start, self._end, text, blank))
                continue
            statement = self._statement()
            statement.blank, statement.joined = blank, joined
            statement.start, statement.end = start, self._end
            found.append(statement)
        return found

    def _statement(self) -> Statement:
        head = self._word()
        if self._peek().kind == "string":
            return Statement("use", 0, 0, head, items=[Item(Atom(self._word()))])
        if self._take().kind == "=":
            return Statement("setting", 0, 0, head, items=[Item(self._value([], inside=False))])
        stage = Statement("stage", 0, 0, head, items=self._chain())
        if self._peek().kind == "@":
            self._take()
            words = []
            while self._peek().kind in ("name", "number"):
                words.append(self._word())
            stage.at = " ".join(words)
        if self._peek().kind == "{":
            self._take()
            while self._peek().kind == ";":
                self._take()
            if self._peek().kind == "comment":
                stage.opening = self._comment()
            stage.block = self.statements()
            self._take()
        return stage

    def _chain(self) -> list[Item]:
        tricks = [Item(self._value([], inside=False))]
        while self._peek().kind == "+":
            self._take()
            if self._peek().kind == "comment":
                tricks[-1].after = self._comment()
            before: list[str] = []
            self._skip(before)
            tricks.append(Item(self._value([], inside=False), before=before))
        return tricks

    # Values

    def _value(self, remarks: list[str], inside: bool) -> Value:
        """A value; comments before its bracket go to ``remarks``."""
        if self._skip(remarks).kind == "[":
            self._take()
            return self._bracket("")
        word = self._word()
        ahead = self._index
        if inside:
            while self._lexemes[ahead].kind in ("newline", "comment"):
                ahead += 1
        if ahead < len(self._lexemes) and self._lexemes[ahead].kind == "(":
            self._skip(remarks)
            self._take()
            return self._bracket(word)
        return Atom(word)

    def _bracket(self, name: str) -> Bracket:
        bracket = Bracket(name)
        items = bracket.items
        waiting: list[str] = []
        while (kind := self._peek().kind) not in (")", "]"):
            if kind == "comment":
                beside = self._same_line() and not waiting
                if beside and items and not items[-1].after:
                    items[-1].after = self._comment()
                elif beside and not items and not bracket.opening:
                    bracket.opening = self._comment()
                else:
                    waiting.append(self._comment())
            elif kind in ("newline", ","):
                self._take()
            else:
                item = Item(Atom(""), before=waiting)
                waiting = []
                if name:
                    item.key = self._word()
                    self._skip(item.before)
                    self._take()
                item.value = self._value(item.before, inside=True)
                items.append(item)
        self._take()
        bracket.closing = waiting
        return bracket
