"""What can stand at the cursor, judged by what is left of it: the text need not be complete, or right.

The walk below follows brackets and separators as the parser does, and gives a bracket up for lost where the next line
begins a statement.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto

from ltdsl.catalogue import INDEXES, TRICKS, Entry
from ltdsl.lsp.fields import base_of, fields_of
from ltdsl.recipe import Overrides, Settings
from ltdsl.source import Source
from ltdsl.syntax.scanner import NOTHING, Lexeme, comments, scan


class Place(Enum):
    """The kinds of place in a recipe."""

    NOTHING = auto()
    STATEMENT = auto()
    STAGE_SETTING = auto()
    TRICK = auto()
    PARAMETER = auto()
    VALUE = auto()
    UNIT = auto()
    PATH = auto()


@dataclass(frozen=True)
class Context:
    """What can stand at a place.

    Attributes:
        place: The kind of place.
        start: Where the word begins that is being written there.
        owner: What the parameter or setting at or around the place belongs to, if it is known.
        key: The parameter or setting whose value is written.
        listed: Whether the value stands inside `[ ]`.
        written: The tricks, parameters or settings that are already there.
        stages: The stages so far.
        call: What the innermost brackets belong to that hold parameters, if it is known.
        parameter: The one of its parameters whose value is written.
        begun: Its parameters that are already there.
        in_block: Whether the place is in a stage's braces.
    """

    place: Place
    start: int
    owner: type[Entry] | None = None
    key: str = ""
    listed: bool = False
    written: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()
    call: type[Entry] | None = None
    parameter: str = ""
    begun: tuple[str, ...] = ()
    in_block: bool = False


@dataclass
class _Bracket:
    """An open bracket: a call's, or a list's that belongs to a parameter."""

    owner: type[Entry] | None
    is_list: bool = False
    key: str = ""
    written: list[str] = field(default_factory=list)


def context_at(text: str, offset: int) -> Context:
    """What can stand at an offset of a text."""
    left = text[:offset]
    for comment in comments(Source("", left))[-1:]:
        if comment.end == offset:
            return Context(Place.NOTHING, offset)
    return _Walk(left).context()


class _Walk:
    """A walk over all that is left of the cursor."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._lexemes = scan(text)
        self._start = len(text)
        last = self._lexemes[-1] if self._lexemes else NOTHING
        self._last_word = last if last.kind != "newline" and last.end == len(text) else NOTHING
        if self._last_word.kind in ("name", "unclosed"):
            self._lexemes.pop()
            self._start = last.start
        self._settings: list[str] = []
        self._overrides: list[str] = []
        self._stages: list[str] = []
        self._in_block = False
        self._new_statement()
        for index, lexeme in enumerate(self._lexemes):
            self._step(lexeme, index)

    def _new_statement(self, mark: str = "") -> None:
        self._before = NOTHING
        self._head = ""
        self._mark = mark  # "", "=", ":", "@", or "done" where nothing more can stand
        self._tricks: list[str] = []
        self._brackets: list[_Bracket] = []

    # One lexeme after the other

    def _step(self, lexeme: Lexeme, index: int) -> None:
        kind = lexeme.kind
        if kind == "newline":
            if self._ends_statement(index):
                self._new_statement()
            return
        if kind == ";":
            self._new_statement()
            return
        if kind in ("{", "}"):
            self._in_block = kind == "{"
            self._overrides = []
            self._new_statement("" if self._in_block else "done")
            return
        if kind in ("(", "["):
            self._open(kind)
        elif kind in (")", "]"):
            del self._brackets[-1:]
        elif kind == "=":
            self._assign()
        elif kind == "," and self._brackets and not self._brackets[-1].is_list:
            self._brackets[-1].key = ""
        elif kind == ":" and not self._brackets and not self._mark and self._before.kind == "name":
            self._head, self._mark, self._in_block = self._word(self._before), ":", False
            self._stages.append(self._head)
        elif kind == "@":
            self._brackets, self._mark = [], "@"
        elif kind == "name" and self._awaits_trick():
            self._tricks.append(self._word(lexeme))
        self._before = lexeme

    def _word(self, lexeme: Lexeme) -> str:
        return self._text[lexeme.start : lexeme.end]

    def _kind(self, index: int) -> str:
        return self._lexemes[index].kind if index < len(self._lexemes) else ""

    def _ends_statement(self, index: int) -> bool:
        """Whether the newline at an index ends the statement that is open there."""
        while self._kind(index) == "newline":
            index += 1
        first, second = self._kind(index), self._kind(index + 1)
        begins = first == "name" and second in (":", "string")
        if self._brackets:
            complete = self._before.kind not in ("(", "[", ",", "=")
            return begins or (complete and first in ("name", ""))
        if self._before.kind == "+":
            return begins or (first == "name" and second == "=")
        return True

    def _open(self, kind: str) -> None:
        owner, key = self._slot()
        if kind == "[":
            self._brackets.append(_Bracket(owner, is_list=True, key=key))
            return
        name = self._word(self._before) if self._before.kind == "name" else ""
        called: type[Entry] | None = None
        if self._mark == ":" and not self._brackets:
            called = TRICKS.get(name)
        elif owner and key in fields_of(owner):
            base = base_of(fields_of(owner)[key])
            called = INDEXES[base].get(name) if base else None
        self._brackets.append(_Bracket(called))

    def _slot(self) -> tuple[type[Entry] | None, str]:
        """The parameter or setting whose value is being written."""
        if self._brackets:
            return self._brackets[-1].owner, self._brackets[-1].key
        return (self._scope(), self._head) if self._mark == "=" else (None, "")

    def _scope(self) -> type[Entry]:
        return Overrides if self._in_block else Settings

    def _assign(self) -> None:
        name = self._word(self._before) if self._before.kind == "name" else ""
        if self._brackets:
            if not self._brackets[-1].is_list:
                self._brackets[-1].key = name
                self._brackets[-1].written.append(name)
        elif not self._mark:
            self._head, self._mark = name, "="
            (self._overrides if self._in_block else self._settings).append(name)

    def _awaits_trick(self) -> bool:
        return self._mark == ":" and not self._brackets and self._before.kind in (":", "+")

    # The end

    def context(self) -> Context:
        """What can stand where the walk has ended."""
        before = self._before.kind
        if self._last_word.kind == "unclosed":
            is_path = before == "name" and not self._mark and self._word(self._before) == "use"
            return self._context(Place.PATH if is_path else Place.NOTHING)
        if self._last_word.kind in ("number", "string", "quoted", "slashes"):
            return self._context(Place.NOTHING)
        if self._brackets:
            bracket = self._brackets[-1]
            if before in ("=", "[") or (before == "," and bracket.is_list):
                owner, key, is_list = bracket.owner, bracket.key, bracket.is_list
                return self._context(Place.VALUE, owner=owner, key=key, listed=is_list)
            if before in ("(", ",") and bracket.owner:
                written = tuple(bracket.written)
                return self._context(Place.PARAMETER, owner=bracket.owner, written=written)
            return self._context(Place.NOTHING)
        if self._awaits_trick():
            return self._context(Place.TRICK, written=tuple(self._tricks))
        if self._mark == "=" and before == "=":
            return self._context(Place.VALUE, owner=self._scope(), key=self._head)
        if self._mark == "@" and before == "@":
            return self._context(Place.UNIT)
        if not self._mark and self._before is NOTHING:
            if self._in_block:
                written = tuple(self._overrides)
                return self._context(Place.STAGE_SETTING, owner=Overrides, written=written)
            return self._context(Place.STATEMENT, owner=Settings, written=tuple(self._settings))
        return self._context(Place.NOTHING)

    def _context(
        self,
        place: Place,
        owner: type[Entry] | None = None,
        key: str = "",
        listed: bool = False,
        written: tuple[str, ...] = (),
    ) -> Context:
        call = next((each for each in reversed(self._brackets) if not each.is_list), _Bracket(None))
        return Context(
            place,
            self._start,
            owner,
            key,
            listed,
            written,
            tuple(self._stages),
            call.owner,
            call.key,
            tuple(call.written),
            self._in_block,
        )
