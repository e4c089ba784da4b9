"""Published tables by name, and the recipes of their rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache

from ltdsl.compiler import compile_recipe
from ltdsl.evidence.arrangements import ARRANGEMENTS
from ltdsl.evidence.rows import Row
from ltdsl.reference.published import names, text_of, why_not
from ltdsl.source import Source


@dataclass(frozen=True)
class Entry:
    """A row of a table: all figures that were printed for one recipe.

    Attributes:
        table: Its table's name.
        name: That of `ltdsl new --published`.
        printed: The figures, at least one.
    """

    table: str
    name: str
    printed: tuple[Row, ...]

    @property
    def short(self) -> str:
        """The name without the table's."""
        return self.name.removeprefix(f"{self.table}-")

    @property
    def theirs(self) -> float | None:
        """The figure to compare with: the first that is not doubtful; None where all are."""
        return next((row.error for row in self.printed if row.reliable), None)

    @property
    def is_baseline(self) -> bool:
        """Whether nothing is done against the imbalance."""
        return self.printed[0].stages == ("ce",)


@cache
def tables() -> dict[str, tuple[Entry, ...]]:
    """The entries of each table, by its name: benchmark and split, as the names of its rows begin."""
    found: dict[str, list[Entry]] = {}
    for name, printed in names().items():
        split = printed[0].split
        table = f"{name.partition(f'-{split}-')[0]}-{split}"
        found.setdefault(table, []).append(Entry(table, name, printed))
    return {name: tuple(entries) for name, entries in found.items()}


def chosen(table: str, wanted: Sequence[str]) -> tuple[list[Entry], list[str]]:
    """The rows of a table that are wanted, in its order, and those of the wanted that are none.

    Args:
        table: Its name.
        wanted: Names of rows, with or without the table's in front, ``*`` standing for anything; none for all rows.
    """
    entries, used = [], set()
    for entry in tables()[table]:
        called = entry.name, entry.short
        fits = [each for each in wanted if any(fnmatchcase(name, each) for name in called)]
        used.update(fits)
        if fits or not wanted:
            entries.append(entry)
    return entries, [each for each in wanted if each not in used]


def recipe_of(entry: Entry, scale: float) -> tuple[str, str]:
    """A row's recipe, and why it cannot be trained here; one of them is empty.

    Args:
        entry: The row.
        scale: Part of its epochs, in (0, 1].
    """
    reason = why_not(entry.printed[0])
    if reason:
        return "", reason
    if ARRANGEMENTS[entry.printed[0].trained].teacher:
        return "", "it needs a teacher's checkpoint"
    text = text_of(entry.printed, scale)
    if compile_recipe(Source(entry.name, text)).failed:
        return "", f"its parts are too short for {scale:g} times the epochs"
    return text, ""
