"""What to say where parsing stopped: known mistakes first, the plain expectation last."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from ltdsl.diagnostics import Diagnostic, Edit, report
from ltdsl.source import Source, Span
from ltdsl.syntax.recovery.fault import VALUE_TOKENS, Fault, expected
from ltdsl.syntax.recovery.foreign import (
    dotted,
    glued_unit,
    last_comma,
    own_setting,
    stage_end,
    start_in_words,
    typographic,
)
from ltdsl.syntax.recovery.structure import missing_separator
from ltdsl.syntax.scanner import NOTHING, Lexeme, shown
from ltdsl.syntax.tree import INCLUDES, RESERVED, unclosed_string

_BEGINS_VALUE = ("name", "number", "string", "[")


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
    return report(
        "LT014",
        marks,
        "comments begin with `#`, not with `//`",
        help="write `#`",
        edit=Edit(marks, "#"),
    )


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
    if not (f.whole and f.is_second and f.text(f.before) in INCLUDES) or f.inside:
        return None
    return report(
        "LT001",
        f.here,
        "expected a path in double quotes",
        help='another file is included with `use "path"`',
    )


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
    elif "EQUAL" not in f.accepts and "NAME" in f.accepts and not f.accepts & VALUE_TOKENS:
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
    return missing_separator(what, f.here, f.insert("; "))


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
    if f.before.kind == ":" and f.found.kind == "[" and f.at(1).kind == "name":
        message = "the tricks of a stage are joined by `+`, not listed in `[ ]`"
        return report("LT014", f.here, message)
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
    if f.found.kind == "+" and "LBRACE" in f.accepts and "AT" not in f.accepts:
        return report("LT001", f.here, "tricks stand before the `@`")
    if f.found.kind == "=" and f.accepts == {"NUMBER"}:
        gap = " " if f.at(1).start == f.found.end else ""
        return report(
            "LT001",
            f.here,
            "no `=` between unit and number",
            help=f"write `{shown(f.text(f.before))} {shown(f.text(f.at(1)))}`",
            edit=f.replace(gap),
        )
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
        return expected(f)._replace(edit=f.insert(", "))
    return None


_BARE_TEXT = re.compile(r"[^\s,;(){}\[\]#\"]+")


def _bare_text(f: Fault) -> Diagnostic | None:
    if f.found.kind not in (".", "/", "\\", "~", "$") or not f.adjacent | bool(
        f.accepts & VALUE_TOKENS
    ):
        return None
    start, owner = (f.found.start, -1) if f.accepts & VALUE_TOKENS else (f.before.start, -2)
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


def _split_name(f: Fault) -> Diagnostic | None:
    """`stage 1: ce`."""
    if not (f.whole and f.is_second and f.found.kind == "number" and f.at(1).kind == ":"):
        return None
    both = f.span(f.before.start, f.found.end)
    joined = f.text(f.before) + f.text(f.found)
    if not joined.isalnum():
        return None
    return report(
        "LT001",
        both,
        "a stage's name is one word",
        help=f"write `{shown(joined)}: …`",
        edit=Edit(both, joined),
    )


def _equals(f: Fault) -> Diagnostic | None:
    if "EQUAL" not in f.accepts or f.found.kind not in ("number", "["):
        return None
    return expected(f)._replace(edit=f.insert(" = "))


_KNOWN: tuple[Callable[[Fault], Diagnostic | None], ...] = (
    _reserved,
    _strings,
    _comment,
    typographic,
    start_in_words,
    stage_end,
    own_setting,
    last_comma,
    glued_unit,
    dotted,
    _invisible,
    _use_path,
    _assignment,
    _numbers,
    _stray_bracket,
    _positional,
    _separator,
    _start,
    _tricks,
    _stage_or_setting,
    _arithmetic,
    _comma,
    _bare_text,
    _split_name,
    _equals,
)


def explain(fault: Fault) -> Diagnostic:
    """The diagnostic for a place where parsing stopped."""
    for known in _KNOWN:
        if found := known(fault):
            return found
    return expected(fault)
