"""The parser: the grammar's tables, and the lexer in front of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache, cached_property
from typing import Any, Literal, NamedTuple, TypeAlias

from ltdsl.syntax.tables import tables

StartRule: TypeAlias = Literal["file", "value", "chain", "start"]

MAX_NESTING = 32
"""How deep brackets may stand inside each other."""

END = "$END"
"""The terminal after the last one, as Lark calls it."""


class TooDeepError(Exception):
    """Brackets are nested deeper than :data:`MAX_NESTING`."""


class UnexpectedError(Exception):
    """A token cannot stand where it stands.

    Attributes:
        offset: Where it begins; the text's length where this ends too early.
    """

    def __init__(self, offset: int, states: list[int]) -> None:
        super().__init__(offset)
        self.offset = offset
        self._states = states

    @cached_property
    def accepts(self) -> frozenset[str]:
        """The terminals that could stand here."""
        found = tables()
        choices = (name for name in found.states[self._states[-1]] if name.isupper())
        return frozenset(name for name in choices if _fits(list(self._states), name))


class Token(NamedTuple):
    """A terminal and its place."""

    type: str
    text: str
    start_pos: int
    end_pos: int


Nodes: TypeAlias = Mapping[str, Callable[[list[Any]], Any]]
"""What is made of a rule's pieces, by its name."""

Leaves: TypeAlias = Mapping[str, Callable[[Token], Any]]
"""What is made of a token, by its terminal; others stay as they are."""


@cache
def _pattern() -> re.Pattern[str]:
    """The next terminal, after what means nothing: one pattern for all states, as no two of them begin alike.

    A character that begins none is a token of its own, which fits nowhere.
    """
    _, _, _, _, terminals, ignored = tables()
    between = "|".join(terminals[name] for name in ignored)
    shapes = [f"(?P<{name}>{terminals[name]})" for name in terminals if name not in ignored]
    return re.compile(rf"(?:{between})*(?:{'|'.join(shapes)}|(?P<UNKNOWN>(?s:.))|(?P<END>\Z))")


@cache
def _words() -> frozenset[str]:
    """The terminals that nodes keep."""
    return frozenset(name for rule in tables().rules for name in rule.words)


def parse(text: str, start: StartRule, nodes: Nodes, leaves: Leaves) -> Any:
    """Parses a text as one rule of the grammar, making what it stands for from the leaves up, from left to right.

    Newlines mean nothing inside ( ) and [ ], and after a ``+``.

    Args:
        text: The text.
        start: The rule.
        nodes: Make the nodes. Optional pieces that were left out are None.
        leaves: Make what stands for a token.

    Raises:
        UnexpectedError: At the first token that cannot stand where it stands.
        TooDeepError: See there.
    """
    states, first, last, rules, _, _ = tables()
    words, path, end = _words(), [first[start]], last[start]
    values: list[Any] = []
    depth, kind = 0, ""
    for match in _pattern().finditer(text):
        before, kind = kind, match.lastgroup or ""
        if kind == "_NEWLINE":
            if depth or before == "PLUS":
                kind = before
                continue
        elif kind in ("LPAR", "LSQB"):
            depth += 1
            if depth > MAX_NESTING:
                raise TooDeepError
        elif kind in ("RPAR", "RSQB"):
            depth -= 1
        elif kind == "END":
            kind = END
        while True:
            step = states[path[-1]].get(kind)
            if step is None:
                raise UnexpectedError(match.start(match.lastgroup or 0), path)
            if step >= 0:
                path.append(step)
                if kind in words:
                    token = Token(kind, match[kind], *match.span(kind))
                    values.append(leaves[kind](token) if kind in leaves else token)
                else:
                    values.append(None)
                break
            name, size, kept, missing, _ = rules[~step]
            pieces: list[Any] = []
            if size:
                for place, spliced, gap in kept:
                    if gap:
                        pieces += [None] * gap
                    piece = values[place - size]
                    if not spliced:
                        pieces.append(piece)
                    elif pieces:
                        pieces += piece
                    else:  # a list that grows to the right is not copied each time
                        pieces = piece
                del values[-size:], path[-size:]
            if missing:
                pieces += [None] * missing
            values.append(pieces if name[0] == "_" else nodes[name](pieces))
            path.append(states[path[-1]][name])
            if kind == END and path[-1] == end:
                return values[-1]
    raise AssertionError(text)  # the end either fits or does not


def _fits(path: list[int], kind: str) -> bool:
    """Whether a terminal can come after what led to these states."""
    states, _, last, rules, _, _ = tables()
    while (step := states[path[-1]].get(kind)) is not None:
        if step >= 0:
            return True
        name, size, *_ = rules[~step]
        if size:
            del path[-size:]
        path.append(states[path[-1]][name])
        if kind == END and path[-1] in last.values():
            return True
    return False


def terminal(name: str) -> str:
    """The regular expression of a terminal, so that no other module repeats it."""
    return tables().terminals[name]
