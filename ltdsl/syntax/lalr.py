"""The generated parser: the grammar file, compiled once, and the lexer in front of it."""

from __future__ import annotations

import re
import sys
from functools import cache
from importlib.util import cache_from_source
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from lark import Lark, Tree, __version__
from lark.lexer import Lexer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lark.common import LexerConf

StartRule: TypeAlias = Literal["file", "value", "chain", "start"]

MAX_NESTING = 32
"""How deep brackets may stand inside each other."""


class TooDeepError(Exception):
    """Brackets are nested deeper than :data:`MAX_NESTING`."""


class _Piece(NamedTuple):
    type: str
    text: str
    start_pos: int
    end_pos: int


class Token(_Piece):
    """A terminal and its place: Lark's own class, a string that counts lines too, takes longer to make than to find."""

    __slots__ = ()

    # Lark asks for them at the end of a text; offsets say it all
    line = column = end_line = end_column = None


class _Lexer(Lexer):
    """Cuts a text into terminals, and drops the newlines that mean nothing: inside ( ) and [ ], and after a ``+``.

    No two terminals begin with the same character, so one pattern does in all states of the parser. A character that
    begins none is a token of its own, which fits nowhere.
    """

    def __init__(self, conf: LexerConf) -> None:
        shapes = [f"(?P<{t.name}>{t.pattern.to_regexp()})" for t in conf.terminals]
        self._pattern = re.compile("|".join([*shapes, "(?P<UNKNOWN>(?s:.))"]))
        self._ignored = frozenset(conf.ignore)

    def lex(self, text: str) -> Iterator[Token]:  # type: ignore[override]  # as Lark documents
        """The tokens of a text; raises TooDeepError."""
        depth = 0
        kind = ""
        for match in self._pattern.finditer(text):
            before, kind = kind, match.lastgroup or ""
            if kind in self._ignored:
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


def grammar_path() -> Path:
    """Where the grammar is: within the package when installed, else in the checkout."""
    here = Path(__file__).resolve().parents[1]
    installed = here / "grammar" / "recipe.lark"
    return installed if installed.is_file() else here.parent / "grammar" / "recipe.lark"


@cache
def _lark() -> Lark:
    return Lark(
        grammar_path().read_text(encoding="utf-8"),
        parser="lalr",
        lexer=_Lexer,
        start=["file", "value", "chain", "start"],
        cache=_cache_file(),
    )


def _cache_file() -> str | bool:
    """Where Lark keeps the tables it made of the grammar: beside this module's bytecode, and as valid as that.

    Making them takes as long as the rest of a start-up's parsing ten times over. They are not in the user's cache:
    there they would have to be found, locked and compared at every start. Lark unpickles them, so that whoever could
    write them could run what they like; but whoever can write here can write the bytecode itself.
    """
    if sys.dont_write_bytecode:
        return False
    folder = Path(cache_from_source(__file__)).parent
    return str(folder / f"recipe.lark-{__version__}.{sys.implementation.cache_tag}")


def parse_text(text: str, start: StartRule) -> Tree[Token]:
    """Parses ``text`` as one rule of the grammar.

    Raises:
        lark.UnexpectedInput: At the first token that cannot stand where it stands.
        TooDeepError: See there.
    """
    tree: Tree[Any] = _lark().parse(text, start=start)
    return tree


@cache
def terminal(name: str) -> str:
    """The regular expression of a terminal, so that no other module repeats it."""
    return _lark().get_terminal(name).pattern.to_regexp()


@cache
def terminal_pattern(name: str) -> re.Pattern[str]:
    """The compiled regular expression of a terminal."""
    return re.compile(terminal(name))
