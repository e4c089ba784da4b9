"""The layout: which lines a statement becomes, and what is aligned with what."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from ltdsl.format.pieces import Atom, Bracket, Item, Statement, Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

WIDTH = 100
"""Statements are wrapped where they are longer; comments do not count."""

INDENT = " " * 4
CONTINUED = " " * 8
"""What tricks are indented by that continue a stage's line."""

LONGEST_NAME = 20
"""Settings with longer names are left out of the alignment of `=`."""

LAST_COLUMN = 60
"""Comments are aligned up to this column."""


def one_line(statements: Sequence[Statement]) -> str | None:
    """Statements on one line, joined by ``;``; None where they do not go together on one."""
    texts = []
    for statement in statements:
        lines = lay_out(statement, "", 0)
        if len(lines) > 1 or statement.block:
            return None
        texts += lines
    text = "; ".join(texts)
    return text if len(text) <= WIDTH else None


def lay_out(statement: Statement, indent: str, pad: int) -> list[str]:
    """The lines of a statement, without the comment behind it.

    Args:
        statement: A statement or a comment.
        indent: What stands before it.
        pad: The width in which a setting's name is written.
    """
    if statement.kind == "comment":
        return [indent + statement.head]
    if statement.kind == "stage":
        return _stage(statement)
    value = statement.items[0].value
    if statement.kind == "use":
        return [f"{statement.head} {_flat(value)}"]
    return _wrapped(f"{indent}{statement.head.ljust(pad)} = ", value, "", indent)


def body(statements: Sequence[Statement], indent: str) -> list[list[str]]:
    """The lines of each statement of a file or a block, comments included, blank lines not."""
    pads = _pads(statements)
    rows = [lay_out(each, indent, pad) for each, pad in zip(statements, pads, strict=True)]
    for section in _sections(statements, rows):
        single = [len(rows[i][0]) for i in section if len(rows[i]) == 1]
        widths = [width for width in single if width <= LAST_COLUMN - 2]
        column = max(widths, default=0)
        for i in section:
            _append(rows[i], statements[i].after, column)
    return rows


def _append(lines: list[str], comment: str, column: int = 0) -> None:
    """Puts a comment behind the last line."""
    if comment:
        lines[-1] = f"{lines[-1].ljust(column)}  {comment}"


def _pads(statements: Sequence[Statement]) -> list[int]:
    """How wide the name of each setting is written: as the widest it stands with."""
    pads = [0] * len(statements)
    section: list[int] = []
    for i, each in enumerate(statements):
        if each.blank or each.kind not in ("setting", "comment"):
            section = []
        if each.kind == "setting" and len(each.head) <= LONGEST_NAME:
            section.append(i)
            widest = max(len(each.head), pads[section[0]])
            if widest > pads[section[0]]:
                for j in section:
                    pads[j] = widest
            pads[i] = widest
    return pads


def _sections(
    statements: Sequence[Statement], rows: Sequence[Sequence[str]]
) -> Iterable[list[int]]:
    """Statements whose comments are aligned: consecutive ones of a line each; others stand alone."""
    section: list[int] = []
    for i, each in enumerate(statements):
        alone = len(rows[i]) > 1
        if section and (each.blank or alone):
            yield section
            section = []
        if alone:
            yield [i]
        elif each.kind != "comment":
            section.append(i)
    if section:
        yield section


# Stages


def _stage(stage: Statement) -> list[str]:
    tail = f" @ {stage.at}" if stage.at else ""
    braces = bool(stage.block or stage.opening)
    tail += " {" if braces else ""
    lines = _tricks(f"{stage.head}: ", stage.items, tail)
    if braces:
        _append(lines, stage.opening)
        lines += separated(stage.block or [], body(stage.block or [], INDENT))
        lines.append("}")
    return lines


def _tricks(prefix: str, tricks: list[Item], tail: str) -> list[str]:
    flat = prefix + " + ".join(_flat(trick.value) for trick in tricks) + tail
    plain = not any(t.before or t.after or _has_comment(t.value) for t in tricks)
    if plain and len(flat) <= WIDTH:
        return [flat]
    lines: list[str] = []
    for number, trick in enumerate(tricks):
        indent = CONTINUED if number else ""
        lines += [indent + comment for comment in trick.before]
        end = tail if trick is tricks[-1] else " +"
        lines += _wrapped(indent or prefix, trick.value, end, indent)
        _append(lines, trick.after)
    return lines


def separated(statements: Sequence[Statement], rows: Sequence[list[str]]) -> list[str]:
    """The lines of statements, with the blank lines between them that are kept."""
    blank = [[""] if each.blank and i else [] for i, each in enumerate(statements)]
    return list(chain.from_iterable(chain.from_iterable(zip(blank, rows, strict=True))))


# Values


def _flat(value: Value) -> str:
    if isinstance(value, Atom):
        return value.text
    inside = ", ".join(
        f"{item.key} = {_flat(item.value)}" if item.key else _flat(item.value)
        for item in value.items
    )
    if value.name:
        return f"{value.name}({inside})" if inside else value.name
    return f"[{inside}]"


def _has_comment(value: Value) -> bool:
    if isinstance(value, Atom):
        return False
    return bool(value.opening or value.closing) or any(
        item.before or item.after or _has_comment(item.value) for item in value.items
    )


def _wrapped(prefix: str, value: Value, tail: str, indent: str) -> list[str]:
    """A value on one line where it fits, otherwise with each of its items on a line."""
    commented = _has_comment(value)
    flat = prefix + _flat(value) + tail
    if isinstance(value, Atom) or not (commented or value.items):
        return [flat]
    if len(flat) <= WIDTH and not commented:
        return [flat]
    return _broken(prefix, value, tail, indent)


def _broken(prefix: str, value: Bracket, tail: str, indent: str) -> list[str]:
    opening, closing = ("(", ")") if value.name else ("[", "]")
    lines = [prefix + value.name + opening]
    _append(lines, value.opening)
    deeper = indent + INDENT
    for item in value.items:
        lines += [deeper + comment for comment in item.before]
        key = f"{item.key} = " if item.key else ""
        lines += _wrapped(deeper + key, item.value, ",", deeper)
        _append(lines, item.after)
    lines += [deeper + comment for comment in value.closing]
    lines.append(indent + closing + tail)
    return lines
