"""What to say where parsing stopped: known mistakes first, the plain expectation last."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ltdsl.builder import RESERVED, unclosed_string
from ltdsl.codes import report
from ltdsl.diagnostics import Diagnostic, Edit
from ltdsl.scanner import NOTHING, Lexeme, shown
from ltdsl.source import Source, Span

if TYPE_CHECKING:
    from collections.abc import Callable

_VALUE = {"NUMBER", "STRING", "LSQB"}
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
_BEGINS_VALUE = ("name", "number", "string", "[")


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


def _strings(f: Fault) -> Diagnostic | None:
    if f.found.kind == "unclosed":
        return unclosed_string(f.here)
    if f.found.kind == "quoted":
        body = f.text(f.found)[1:-1].replace("\\", "\\\\").replace('"', '\\"')
        return report(
            "LT003",
            f.here,
            "strings stand in straight double quotes",
            help=f'write `"{shown(body)}"`',
            edit=Edit(f.here, f'"{body}"'),
        )
    if f.found.kind in ("'", "`", "‘", "’", "“", "”", "„", "«"):
        return report("LT003", f.here, "strings stand in straight double quotes")
    return None


def _comment(f: Fault) -> Diagnostic | None:
    if f.found.kind != "slashes":
        return None
    marks = f.span(f.found.start, f.found.start + 2)
    return report("LT014", marks, "comments begin with `#`, not with `//`", edit=Edit(marks, "#"))


def _invisible(f: Fault) -> Diagnostic | None:
    char = f.found.kind
    if len(char) != 1 or (char.isprintable() and not char.isspace()):
        return None
    name = unicodedata.name(char, "control character").lower()
    return report(
        "LT001",
        f.here,
        f"there is an invisible character here: {name} (U+{ord(char):04X})",
        help="delete it" if not char.isspace() else "put a plain space in its place",
        edit=Edit(f.here, " " if char.isspace() else ""),
    )


def _reserved(f: Fault) -> Diagnostic | None:
    if not f.whole or not f.is_second or f.text(f.before) not in RESERVED:
        return None
    head = f.before
    return report(
        "LT010",
        f.span(head.start, head.end),
        f"`{f.text(head)}` cannot begin a statement: it is reserved for later",
        help="write settings as `name = value`",
    )


def _use_path(f: Fault) -> Diagnostic | None:
    if not (f.whole and f.is_second and f.text(f.before) == "use") or f.inside:
        return None
    return report("LT001", f.here, 'expected a path in double quotes after `use`: `use "path"`')


def _assignment(f: Fault) -> Diagnostic | None:
    """`:=`, `==`, and `:` in calls and blocks."""
    if f.found.kind == "=" and f.before.kind in (":", "=") and f.adjacent:
        both = f.span(f.before.start, f.found.end)
        return report(
            "LT014",
            both,
            f"values are given with `=`, not with `{both.text}`",
            edit=Edit(both, "="),
        )
    if f.found.kind == ":" and "EQUAL" in f.accepts and "COLON" not in f.accepts:
        what = "an argument" if f.bracket else "a setting"
        name = shown(f.text(f.before))
        return report(
            "LT014",
            f.here,
            f"{what} is written with `=`, not with `:`",
            help=f"write `{name} = …`",
            edit=f.replace(" ="),
        )
    return None


def _numbers(f: Fault) -> Diagnostic | None:
    """`80 %`, `+3`, `- 3`."""
    kind = f.found.kind
    if kind == "%" and f.before.kind == "number":
        return report(
            "LT004",
            f.span(f.before.start, f.found.end),
            "a percentage is written without a space before `%`",
            help=f"write `{shown(f.text(f.before))}%`",
            edit=f.insert(""),
        )
    if kind not in ("+", "-") or "NUMBER" not in f.accepts:
        return None
    if f.at(1).kind == "number":
        number = f.text(f.at(1))
        fixed = number if kind == "+" else "-" + number.lstrip("-")
        both = f.span(f.found.start, f.at(1).end)
        return report(
            "LT004",
            both,
            f"`{shown(both.text)}` is not a number",
            help=f"write `{shown(fixed)}`",
            edit=Edit(both, fixed),
        )
    if f.at(1).kind == "name":
        both = f.span(f.found.start, f.at(1).end)
        return report("LT004", both, f"`{shown(both.text)}` is not a number")
    return None


def _stray_bracket(f: Fault) -> Diagnostic | None:
    if f.found.kind not in (")", "]", "}") or f.bracket:
        return None
    return report("LT002", f.here, f"{f.quote(f.found)} closes nothing", edit=Edit(f.here, ""))


def _positional(f: Fault) -> Diagnostic | None:
    if f.bracket != "(":
        return None
    if "EQUAL" in f.accepts and f.found.kind in (",", ")", "(", "["):
        place = f.span(f.before.start, f.before.end)
    elif "EQUAL" not in f.accepts and "NAME" in f.accepts and not f.accepts & _VALUE:
        if f.found.kind not in ("number", "string", "["):
            return None
        place = f.here
    else:
        return None
    return report(
        "LT011",
        place,
        "this argument has no name",
        label="expected `name = value`",
        help="arguments are always written `name = value`",
    )


def _separator(f: Fault) -> Diagnostic | None:
    if "$END" not in f.accepts or not f.next_statement or not f.whole:
        return None
    what = "settings" if f.at(1).kind == "=" and _is_setting(f) else "statements"
    return report(
        "LT012",
        f.here,
        f"two {what} on a line are separated by `;`",
        label="a new one begins here",
        edit=f.insert("; "),
    )


def _is_setting(f: Fault) -> bool:
    return len(f.lexemes) > 1 and f.lexemes[1].kind == "="


def _stage_or_setting(f: Fault) -> Diagnostic | None:
    if f.bracket or not f.whole:
        return None
    if _is_setting(f) and f.found.kind in ("+", "@") and f.before.kind in ("name", ")"):
        mark, fixed, what = f.lexemes[1], ":", "a stage"
    elif f.index == 2 and f.before.kind == ":" and f.found.kind in ("number", "string", "["):
        mark, fixed, what = f.before, " =", "a setting"
    else:
        return None
    return wrong_mark(f.source, f.lexemes[0], mark, fixed, what)


def wrong_mark(source: Source, head: Lexeme, mark: Lexeme, fixed: str, what: str) -> Diagnostic:
    """The report on a `:` for a `=` or the other way round behind a statement's head."""
    name = shown(source.text[head.start : head.end])
    return report(
        "LT001",
        Span(source, mark.start, mark.end),
        f"{what} is written with `{fixed.strip()}`, not with `{mark.kind}`",
        help=f"write `{name}{fixed} …`",
        edit=Edit(Span(source, head.end, mark.end), fixed),
    )


def _arithmetic(f: Fault) -> Diagnostic | None:
    negative = f.found.kind == "number" and f.text(f.found).startswith("-")
    if f.before.kind not in ("number", ")") or "PLUS" in f.accepts:
        return None
    if f.found.kind not in ("+", "-", "*", "/", "^") and not negative:
        return None
    return report("LT014", f.here, "recipes do no arithmetic", help="write the result as a number")


def _tricks(f: Fault) -> Diagnostic | None:
    if "PLUS" not in f.accepts or f.bracket:
        return None
    if f.found.kind == "name" and f.text(f.found) not in ("and", "with"):
        return report(
            "LT001",
            f.here,
            f"expected `+` before {f.quote(f.found)}",
            help="the tricks of a stage are joined by `+`",
            edit=f.insert(" + "),
        )
    if f.found.kind in (",", "&", "|", "*", "name"):
        return report(
            "LT014",
            f.here,
            f"the tricks of a stage are joined by `+`, not by {f.quote(f.found)}",
            edit=f.replace(" +"),
        )
    return None


def _start(f: Fault) -> Diagnostic | None:
    if f.before.kind == "number" and f.found.kind == "name" and f.at(-2).kind in ("@", "end"):
        unit, number = f.text(f.found), f.text(f.before)
        if "NUMBER" in f.accepts or not ("LBRACE" in f.accepts or not f.whole):
            return None
        unit = unit[:-1] if unit.endswith("s") else unit
        return report(
            "LT001",
            f.here,
            "the unit stands before the number",
            help=f"write `{shown(unit)} {shown(number)}`",
            edit=Edit(f.span(f.before.start, f.found.end), f"{unit} {number}"),
        )
    if f.found.kind == "=" and f.accepts == {"NUMBER"}:
        return report("LT001", f.here, "no `=` between unit and number", edit=f.replace(""))
    if not f.whole and f.found.kind == "@":
        return report("LT001", f.here, "no `@` is needed here", edit=Edit(f.here, ""))
    return None


def _comma(f: Fault) -> Diagnostic | None:
    if "COMMA" not in f.accepts:
        return None
    if f.found.kind == ";":
        return report(
            "LT001",
            f.here,
            "`;` separates statements; inside brackets write `,`",
            edit=Edit(f.here, ","),
        )
    if f.found.kind in _BEGINS_VALUE:
        return replace(_expected(f), edit=f.insert(", "))
    return None


_BARE_TEXT = re.compile(r"[^\s,;(){}\[\]#\"]+")


def _bare_text(f: Fault) -> Diagnostic | None:
    if f.found.kind not in (".", "/", "\\", "~", "$") or not f.adjacent | bool(f.accepts & _VALUE):
        return None
    start, owner = (f.found.start, -1) if f.accepts & _VALUE else (f.before.start, -2)
    if f.at(owner).kind not in ("=", "[", ",", "end") or (f.whole and f.at(owner) is NOTHING):
        return None
    match = _BARE_TEXT.match(f.source.text, start)
    span = f.span(start, match.end() if match else f.found.end)
    quoted = '"' + span.text.replace("\\", "/") + '"'
    return report(
        "LT003",
        span,
        f"text with {f.quote(f.found)} in it stands in double quotes",
        help=f"write `{shown(quoted)}`",
        edit=Edit(span, quoted),
    )


def _equals(f: Fault) -> Diagnostic | None:
    if "EQUAL" not in f.accepts or f.found.kind not in ("number", "["):
        return None
    return replace(_expected(f), edit=f.insert(" = "))


def _join(words: list[str]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " or " + words[-1]


def _expectations(f: Fault) -> list[str]:
    accepts = set(f.accepts)
    words: list[str] = []
    if accepts >= _VALUE:
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


def _expected(f: Fault) -> Diagnostic:
    message = "expected " + _join(_expectations(f))
    if f.found is NOTHING or f.found.kind == "newline":
        message += f" after {f.quote(f.before)}" if f.before is not NOTHING else ""
    else:
        message += f" but found {f.quote(f.found)}"
    help_ = ""
    if f.whole and f.is_second and not f.inside:
        name = shown(f.text(f.before))
        help_ = f"a setting is written `{name} = value`, a stage `{name}: trick + trick`"
    elif f.before.kind == "@":
        help_ = "write `@ epoch 160` or `@ 80%`"
    return report("LT001", f.here, message, help=help_)


_KNOWN: tuple[Callable[[Fault], Diagnostic | None], ...] = (
    _reserved,
    _strings,
    _comment,
    _invisible,
    _use_path,
    _assignment,
    _numbers,
    _stray_bracket,
    _positional,
    _separator,
    _stage_or_setting,
    _arithmetic,
    _start,
    _tricks,
    _comma,
    _bare_text,
    _equals,
)


def explain(fault: Fault) -> Diagnostic:
    """The diagnostic for a place where parsing stopped."""
    for known in _KNOWN:
        if found := known(fault):
            return found
    return _expected(fault)
