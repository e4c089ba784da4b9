"""The parser: the grammar's tables, and the lexer in front of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
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
    """One pattern for all states of the parser: no two terminals begin with the same character.

    A character that begins none is a token of its own, which fits nowhere.
    """
    shapes = [f"(?P<{name}>{shape})" for name, shape in tables().terminals.items()]
    return re.compile("|".join([*shapes, "(?P<UNKNOWN>(?s:.))"]))


def _tokens(text: str) -> Iterator[Token]:
    """Cuts a text into terminals, without the newlines that mean nothing: inside ( ) and [ ], and after a ``+``."""
    ignored = frozenset(tables().ignored)
    depth = 0
    kind = ""
    for match in _pattern().finditer(text):
        before, kind = kind, match.lastgroup or ""
        if kind in ignored:
            kind = before
            continue
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
        yield Token(kind, match[0], match.start(), match.end())
    yield Token(END, "", len(text), len(text))


def parse(text: str, start: StartRule, nodes: Nodes, leaves: Leaves) -> Any:
    """Parses a text as one rule of the grammar, making what it stands for from the leaves up, from left to right.

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
    path, end = [first[start]], last[start]
    values: list[Any] = []
    for token in _tokens(text):
        kind = token.type
        while True:
            step = states[path[-1]].get(kind)
            if step is None:
                raise UnexpectedError(token.start_pos, path)
            if step >= 0:
                path.append(step)
                values.append(leaves[kind](token) if kind in leaves else token)
                break
            name, size, kept, missing = rules[~step]
            pieces: list[Any] = []
            if size:
                for place, spliced, before in kept:
                    if before:
                        pieces += [None] * before
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
        name, size, _, _ = rules[~step]
        if size:
            del path[-size:]
        path.append(states[path[-1]][name])
        if kind == END and path[-1] in last.values():
            return True
    return False


def terminal(name: str) -> str:
    """The regular expression of a terminal, so that no other module repeats it."""
    return tables().terminals[name]
