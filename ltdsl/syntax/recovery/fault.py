"""The place where parsing stopped, and what could have stood there."""

from __future__ import annotations

from dataclasses import dataclass

from ltdsl.diagnostics import Diagnostic, Edit, report
from ltdsl.source import Source, Span
from ltdsl.syntax.scanner import NOTHING, Lexeme, shown

VALUE_TOKENS = {"NUMBER", "STRING", "LSQB"}
_WORDS = {
    "EQUAL": "`=`",
    "COLON": "`:`",
    "PLUS": "`+`",
    "AT": "`@`",
    "LBRACE": "`{`",
    "COMMA": "`,`",
    "RPAR": "`)`",
    "RSQB": "`]`",
    "RBRACE": "`}`",
}


@dataclass(frozen=True)
class Fault:
    """The place where parsing stopped.

    Attributes:
        source: The whole text.
        lexemes: The lexemes of the statement, without newlines.
        index: Index of the one that cannot stand here; their number where the statement ends early.
        accepts: The terminals that could stand here.
        inside: Whether this is in a `{ }` block.
        whole: Whether the text is a file, not a piece from the command line.
    """

    source: Source
    lexemes: list[Lexeme]
    index: int
    accepts: frozenset[str]
    inside: bool = False
    whole: bool = True

    def at(self, offset: int) -> Lexeme:
        """The lexeme that many places after the offending one, within the statement."""
        index = self.index + offset
        return self.lexemes[index] if 0 <= index < len(self.lexemes) else NOTHING

    @property
    def found(self) -> Lexeme:
        """The offending lexeme."""
        return self.at(0)

    @property
    def before(self) -> Lexeme:
        """The one before it."""
        return self.at(-1)

    @property
    def is_second(self) -> bool:
        """Whether only the head of the statement stands before."""
        return self.index == 1

    def text(self, lexeme: Lexeme) -> str:
        """The characters of a lexeme."""
        return self.source.text[lexeme.start : lexeme.end]

    def quote(self, lexeme: Lexeme) -> str:
        """A lexeme as it appears in a message."""
        return f"`{shown(self.text(lexeme))}`"

    def span(self, start: int, end: int) -> Span:
        """A part of the source."""
        return Span(self.source, start, end)

    @property
    def here(self) -> Span:
        """What to underline: the offending lexeme, or the point after the last one."""
        if self.found is NOTHING:
            end = self.before.end if self.before is not NOTHING else len(self.source.text)
            return self.span(end, end)
        return self.span(self.found.start, self.found.end)

    @property
    def adjacent(self) -> bool:
        """Whether nothing stands between the offending lexeme and the one before."""
        return self.before is not NOTHING and self.before.end == self.found.start

    @property
    def bracket(self) -> str:
        """The innermost bracket that is open here; empty outside brackets."""
        depth = 0
        for index in range(self.index - 1, -1, -1):
            kind = self.lexemes[index].kind
            if kind in (")", "]"):
                depth += 1
            elif kind in ("(", "["):
                if depth == 0:
                    return kind
                depth -= 1
        return ""

    @property
    def next_statement(self) -> bool:
        """Whether the offending lexeme looks like the head of another statement."""
        return self.found.kind == "name" and (
            self.at(1).kind in ("=", ":")
            or (self.at(1).kind == "string" and self.text(self.found) == "use")
        )

    def insert(self, text: str) -> Edit:
        """Puts ``text`` in place of the space before the offending lexeme."""
        return Edit(self.span(self.before.end, self.found.start), text)

    def replace(self, text: str) -> Edit:
        """Puts ``text`` in place of the offending lexeme and the space before it."""
        return Edit(self.span(self.before.end, self.found.end), text)


def _join(words: list[str]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " or " + words[-1]


def _expectations(f: Fault) -> list[str]:
    accepts = set(f.accepts)
    words: list[str] = []
    if accepts >= VALUE_TOKENS:
        words.append("a value")
    elif "NUMBER" in accepts:
        words.append("a unit and a number" if "NAME" in accepts else "a number")
    elif "NAME" in accepts:
        if f.bracket:
            words.append("an argument")
        elif f.before.kind in (":", "+") or not f.whole:
            words.append("a trick")
        else:
            words.append("a setting" if f.inside else "a setting, a stage or `use`")
    words += [word for name, word in _WORDS.items() if name in accepts]
    if "$END" in accepts and (f.before is not NOTHING or not f.whole):
        words.append("the end of the line" if f.whole else "nothing more")
    return words or ["`(`"]


def expected(f: Fault) -> Diagnostic:
    """The plain message: what could stand here, and what does."""
    message = "expected " + _join(_expectations(f))
    if f.found is NOTHING or f.found.kind == "newline":
        message += f" after {f.quote(f.before)}" if f.before is not NOTHING else ""
    else:
        message += f" but found {f.quote(f.found)}"
    help_ = ""
    if f.whole and f.is_second and not f.inside:
        name = shown(f.text(f.before))
        help_ = f"a setting is written `{name} = value`, a stage `{name}: trick + trick`"
    elif f.before.kind == "@" or f.accepts == {"NUMBER"}:
        help_ = "write `@ epoch 160` or `@ 80%`"
    return report("LT001", f.here, message, help=help_)
