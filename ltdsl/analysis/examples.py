"""What to write instead of a value of the wrong type: a line that is right, and near to what was meant."""

from __future__ import annotations

import re

from ltdsl.catalogue import INDEXES, TRICKS, Entry
from ltdsl.catalogue.fields import Field, choices_of, fields_of, members_of, optional
from ltdsl.syntax import Boolean, Call, Float, Integer, String, Value

#: Settings that say how much, whose default is no example, with a usual value.
_USUAL = {
    "accumulate": "4",
    "batch_size": "128",
    "clip_norm": "5.0",
    "early_stopping": "10",
    "epochs": "200",
    "validation": "0.1",
    "views": "10",
}

_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][-+]?\d+)?")


def instead_of(node: Value, name: str, field: Field) -> str:
    """A help line; empty where none is surely right.

    Args:
        node: The value that is of the wrong type.
        name: What it was given to.
        field: What that takes.
    """
    if _is_off(node) and field.info.default is None:
        return f"leave `{name}` out: that is its default"
    value = _value(node, name, field)
    return f"write `{name} = {value}`" if value else ""


def _is_off(node: Value) -> bool:
    if isinstance(node, Boolean):
        return not node.value
    return isinstance(node, Call) and not node.arguments and node.name.text in ("none", "off", "no")


def _value(node: Value, name: str, field: Field) -> str:
    if field.base is not None:
        return "[]" if field.many and _is_off(node) else _entry(node, field.base, field.many)
    written = node.value if isinstance(node, String) else ""
    types = members_of(optional(field.annotation))
    number = int in types or float in types
    text = str(written).strip()
    if number and (_NUMBER.fullmatch(text.removesuffix("%")) if float in types else text.isdigit()):
        return text
    if choices := choices_of(field.annotation):
        default = field.info.default
        # who writes `body = true` means other than what is there anyway
        return next((each for each in choices if each != default), choices[0])
    if bool in types:
        meant = str(written or node.span.text).lower()
        return "true" if meant in ("true", "yes", "on", "1") else "false"
    if number:
        default = field.info.default
        shown = str(default) if isinstance(default, int | float) else ""
        return _USUAL.get(name, shown)
    return ""


def set_by(holder: type[Entry], name: str, node: Value) -> str:
    """The line that an unknown setting stands for, which is a name that a setting takes: `ema = 0.99`."""
    for setting, field in fields_of(holder).items():
        if field.base is None or name not in INDEXES[field.base]:
            continue
        if _is_off(node) and field.info.default is None:
            return f"leave `{setting}` out: that is its default"
        own = isinstance(node, Call) and node.name.text == name
        called = node.span.text if own else _called(node, INDEXES[field.base][name])
        return f"write `{setting} = {f'[{called}]' if field.many else called}`" if called else ""
    if name in TRICKS:
        return f"it is a {TRICKS[name].kind} of a stage: write `stage1: {name}`"
    return ""


def _entry(node: Value, base: type[Entry], many: bool) -> str:
    """The first of a kind that can be written so."""
    called = next(
        filter(None, (_called(node, entry, many) for entry in INDEXES[base].values())), ""
    )
    return f"[{called}]" if many and called else called


def _called(node: Value, entry: type[Entry], bare: bool = False) -> str:
    """An entry, with the number that was given where it takes one alone; empty where it has to be told more."""
    fields = fields_of(entry)
    if any(field.required for field in fields.values()):
        return ""
    first = next(iter(fields), "")
    if isinstance(node, Integer | Float) and not bare and (len(fields) == 1 or first == "lr"):
        return f"{entry.name}({first} = {node.span.text})"
    return entry.name
