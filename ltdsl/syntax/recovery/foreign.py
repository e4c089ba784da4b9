"""Recipes as other languages and configuration files would have them."""

from __future__ import annotations

import re
import unicodedata

from ltdsl.diagnostics import Diagnostic, Edit, report
from ltdsl.source import Source, Span
from ltdsl.syntax.recovery.chunks import Chunk
from ltdsl.syntax.recovery.fault import Fault
from ltdsl.syntax.scanner import NOTHING, Lexeme, shown

_DASHES = "‐‑‒–—―−"
_STARTS = ("at", "from", "after", "since", "starting", "start", "begin", "epoch", "epochs", "on")
_ENDS = ("until", "till", "to", "for", "through")
_UNITS = ("epoch", "epochs", "ep", "e")
#: What a setting usually calls, for lines that show how it is written.
_CALLS = {"optimizer": "sgd", "schedule": "multistep", "dataset": "cifar10_lt", "model": "mindcv"}
_CALLEES = ("name", "type", "class", "kind")
_TRICKS = ("loss", "sampler", "mixer", "tricks", "trick", "classifier", "posthoc", "teacher")


def start_in_words(f: Fault) -> Diagnostic | None:
    """`at epoch 160`, `from 80%`, `after 160 epochs`, `epoch = 160` behind a stage's tricks."""
    if "PLUS" not in f.accepts or f.bracket or not f.whole:
        return None
    if f.found.kind != "name" or f.text(f.found) not in _STARTS:
        return None
    number = next((i for i in range(1, 5) if f.at(i).kind == "number"), 0)
    words = [f.at(i) for i in range(1, number)]
    if not number or any(w.kind not in ("name", "=", "@", ":") for w in words):
        return None
    last, text = f.at(number), f.text(f.at(number))
    if f.at(number + 1).kind == "%" or text.endswith("%"):
        last = last if text.endswith("%") else f.at(number + 1)
        start = f"@ {text.rstrip('%')}%"
    else:
        following = f.at(number + 1)
        last = following if f.text(following) in _UNITS and following is not NOTHING else last
        start = f"@ epoch {text}"
    return report(
        "LT014",
        f.span(f.found.start, last.end),
        "a stage's start is written with `@`",
        help=f"write `{shown(start)}`",
        edit=Edit(f.span(f.found.start, last.end), start),
    )


def stage_end(f: Fault) -> Diagnostic | None:
    """`@ 0-160`, `until epoch 160`, `for 160 epochs`: stages have no end of their own."""
    message, help_ = (
        "a stage ends where the next one starts",
        "write `@ epoch 160` behind the next one's tricks",
    )
    if f.found.kind == "number" and f.before.kind == "number" and f.at(-2).kind in ("@", "name"):
        first, second = f.text(f.before), f.text(f.found)
        if not (second.startswith("-") and first.isdigit() and f.adjacent):
            return None
        place = f.span(f.before.start, f.found.end)
        start = first if f.at(-2).kind == "name" else f"epoch {first}"
        return report(
            "LT014", place, message, help=f"write `@ epoch {first}`", edit=Edit(place, start)
        )
    if "PLUS" not in f.accepts or f.bracket or f.found.kind != "name":
        return None
    if f.text(f.found) not in _ENDS or not any(f.at(i).kind == "number" for i in (1, 2, 3)):
        return None
    number = next(i for i in (1, 2, 3) if f.at(i).kind == "number")
    last = f.at(number + 1) if f.text(f.at(number + 1)) in _UNITS else f.at(number)
    place = f.span(f.found.start, last.end)
    return report(
        "LT014", place, message, help=help_, edit=Edit(f.span(f.before.end, last.end), "")
    )


def own_setting(f: Fault) -> Diagnostic | None:
    """`cs_ce, lr = 0.1`: a setting among a stage's tricks."""
    if "PLUS" not in f.accepts or f.bracket or f.found.kind not in (",", "with"):
        return None
    if f.at(1).kind != "name" or f.at(2).kind != "=":
        return None
    return report(
        "LT014",
        f.span(f.at(1).start, f.at(1).end),
        "a stage's own settings stand in its braces",
        help="write them last: `stage2: cs_ce @ epoch 160 { optimizer = sgd(lr = 0.01) }`",
    )


def last_comma(f: Fault) -> Diagnostic | None:
    """A comma at the end of a line."""
    if f.found.kind != "," or f.bracket or f.at(1) is not NOTHING or not f.whole:
        return None
    return report("LT014", f.here, "a line ends without a comma", edit=Edit(f.here, ""))


def json(source: Source, lexemes: list[Lexeme]) -> Diagnostic | None:
    """A recipe that is JSON, or a Python dictionary."""
    pieces = [piece for piece in lexemes[:6] if piece.kind != "newline"]
    kinds = [piece.kind for piece in pieces]
    if kinds[:1] != ["{"] or kinds[1:2] not in (["string"], ["quoted"]):
        return None
    return report(
        "LT014",
        Span(source, pieces[0].start, pieces[0].end),
        "a recipe is no JSON",
        help="settings are lines `name = value`, stages lines `name: trick + trick`",
    )


def glued_unit(f: Fault) -> Diagnostic | None:
    """`@epoch160`."""
    match = (
        re.fullmatch(r"epochs?_?([0-9]+)", f.text(f.before)) if f.before is not NOTHING else None
    )
    if match is None or f.at(-2).kind not in ("@", "end") or "NUMBER" not in f.accepts:
        return None
    place, text = f.span(f.before.start, f.before.end), f"epoch {match[1]}"
    return report(
        "LT001",
        place,
        "a space stands between unit and number",
        help=f"write `{text}`",
        edit=Edit(place, text),
    )


def typographic(f: Fault) -> Diagnostic | None:
    """Dashes for a minus, and full-width marks."""
    char = f.found.kind
    if len(char) != 1 or char.isascii():
        return None
    plain = "-" if char in _DASHES else unicodedata.normalize("NFKC", char)
    if plain == char or len(plain) != 1 or not plain.isascii() or plain.isspace():
        return None
    joins = char in _DASHES and f.adjacent and f.before.kind == "name" and f.at(1).kind == "name"
    plain = "_" if joins else plain
    name = unicodedata.name(char, "mark").lower()
    return report(
        "LT014",
        f.here,
        f"`{char}` is no `{plain}` but another character: {name} (U+{ord(char):04X})",
        help=f"write `{plain}`",
        edit=Edit(f.here, plain),
    )


def dotted(f: Fault) -> Diagnostic | None:
    """`optimizer.lr = 0.1` as a statement."""
    if not (f.whole and f.is_second and f.found.kind == "."):
        return None
    pieces = f.lexemes
    equals = next((i for i, piece in enumerate(pieces) if piece.kind in ("=", ":")), len(pieces))
    names = [f.text(piece) for piece in pieces[:equals] if piece.kind == "name"]
    if len(names) < 2 or len(names) * 2 - 1 != equals:
        return None
    value = pieces[equals + 1 :]
    written = f.source.text[value[0].start : value[-1].end] if value else "…"
    head, *keys = names
    line = f"{keys[-1]} = {written}"
    for outer in reversed(names[:-1] if len(names) == 2 else names[1:-1]):
        line = f"{outer} = {_called(f.source, outer)}({line})"
    if len(names) > 2:
        line = f"{head}: … {{ {line} }}"
    return report(
        "LT014",
        f.span(pieces[0].start, pieces[equals - 1].end),
        "a part of a setting is written within its call",
        help=f"write `{shown_line(line)}`",
    )


def nested(source: Source, lexemes: list[Lexeme], chunk: Chunk) -> Diagnostic:
    """The report on statements that are indented below a head, with the line that says the same."""
    head, mark = lexemes[chunk.first : chunk.first + 2]
    name = source.text[head.start : head.end]
    pairs: dict[str, str] = {}
    flat = True
    for below in chunk.below:
        pieces = [p for p in lexemes[below.first : below.last] if p.kind != "-"]
        if len(pieces) < 3 or pieces[1].kind not in (":", "=") or pieces[0].kind != "name":
            flat = False
            continue
        key = source.text[pieces[0].start : pieces[0].end]
        flat &= key not in pairs
        pairs[key] = source.text[pieces[2].start : pieces[-1].end]
    line = _in_one_line(source, name, pairs) if flat and pairs else ""
    return report(
        "LT014",
        Span(source, head.start, mark.end),
        "nothing is nested by indentation",
        help=f"write `{shown_line(line)}`"
        if line
        else "settings are written `name = value`, parts of one `name(part = value)`, stages `name: trick + trick`",
    )


def _in_one_line(source: Source, name: str, pairs: dict[str, str]) -> str:
    if any(key in _TRICKS for key in pairs) or re.fullmatch(r"stage_?[0-9]+", name):
        tricks = [value for key, value in pairs.items() if key in _TRICKS] or list(pairs.values())
        return f"{name}: {' + '.join(tricks)}"
    called = next((pairs[key] for key in _CALLEES if key in pairs), "") or _called(source, name)
    arguments = ", ".join(f"{k} = {v}" for k, v in pairs.items() if k not in _CALLEES)
    return f"{name} = {called}" + (f"({arguments})" if arguments else "")


def _called(source: Source, setting: str) -> str:
    """What a setting calls elsewhere in the text, or usually."""
    match = re.search(
        rf"^\s*{re.escape(setting)}\s*=\s*([a-z][a-z0-9_]*)", source.text, re.MULTILINE
    )
    return match[1] if match else _CALLS.get(setting, "…")


def shown_line(line: str) -> str:
    """A line that is to be written: longer than what messages quote, but harmless."""
    clipped = line if len(line) <= 100 else line[:99] + "…"
    return "".join(c if c.isprintable() else " " for c in clipped)
