"""What the declarations say about a parameter or setting, for completion and hovering."""

from __future__ import annotations

from typing import get_origin

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from ltdsl.catalogue import Entry
from ltdsl.catalogue.entry import write
from ltdsl.catalogue.fields import annotation_of, choices_of, describe, entry_of, limits, members_of


def fields_of(entry: type[Entry]) -> dict[str, FieldInfo]:
    """The parameters of an entry under the names that recipes give them."""
    return {info.alias or name: info for name, info in entry.model_fields.items()}


def base_of(info: FieldInfo) -> type[Entry] | None:
    """The kind of entry that a parameter takes, one or a list of them; None where it takes something else."""
    return entry_of(annotation_of(info))


def is_list(info: FieldInfo) -> bool:
    """Whether a parameter takes a list."""
    return any(get_origin(m) is tuple for m in members_of(annotation_of(info)))


def choices(info: FieldInfo) -> tuple[str, ...]:
    """The names that a parameter takes, if it takes one of a few."""
    annotation = annotation_of(info)
    if bool in members_of(annotation):
        return ("true", "false")
    return choices_of(annotation)


def takes(info: FieldInfo) -> str:
    """What a parameter takes, with its range and its default, in one line."""
    bounds = limits(info)
    text = describe(annotation_of(info)) + (f", {bounds}" if bounds else "")
    default = info.get_default(call_default_factory=True)
    if default is PydanticUndefined or default is None:
        return text
    return f"{text}; default `{write(default)}`"


def field_card(name: str, info: FieldInfo) -> str:
    """A parameter or setting as Markdown."""
    return f"### `{name}`\n\n{info.description or ''}\n\nTakes {takes(info)}."
