"""Every resolved value of a recipe with where it was written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.table import Table

from ltdsl.catalogue import Entry
from ltdsl.catalogue.entry import write
from ltdsl.catalogue.tricks import KINDS
from ltdsl.recipe import Overrides, Recipe, Settings

Row = tuple[str, str, str]


def written(recipe: Recipe, origins: Mapping[str, str]) -> Iterator[Row]:
    """Address, value and origin of every value, in the order of settings and stages.

    Args:
        recipe: The recipe.
        origins: Where values were written, by address.
    """
    for name in Settings.model_fields:
        yield from _rows(origins, name, getattr(recipe.settings, name))
    for stage in recipe.stages:
        start = stage.start if isinstance(stage.start, str) else f"epoch {stage.start}"
        yield _row(origins, f"{stage.name}.at", start)
        for kind in KINDS:
            trick = getattr(stage, kind.kind)
            if trick is not None:
                # a trick is addressed by its own name, which is the value of its kind
                yield from _rows(origins, f"{stage.name}.{trick.name}", trick, kind.kind)
        for name in Overrides.model_fields:
            if f"{stage.name}.{name}" in origins or name == "handoff":
                yield from _rows(origins, f"{stage.name}.{name}", getattr(stage.overrides, name))


def origins_table(recipe: Recipe, origins: Mapping[str, str]) -> Table:
    """The same as a table."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("address", overflow="fold")
    table.add_column("value", overflow="fold")
    table.add_column("written in", overflow="fold")
    for address, value, origin in written(recipe, origins):
        table.add_row(address, value, origin, style="dim" if origin == "default" else "")
    return table


def _rows(origins: Mapping[str, str], address: str, value: Any, kind: str = "") -> Iterator[Row]:
    if not isinstance(value, Entry):
        yield _row(origins, address, "none" if value is None else write(value))
        return
    yield _row(origins, address, kind or type(value).name)
    for field, info in type(value).model_fields.items():
        yield from _rows(origins, f"{address}.{info.alias or field}", getattr(value, field))


def _row(origins: Mapping[str, str], address: str, value: str) -> Row:
    return address, value, origins.get(address, "default")
