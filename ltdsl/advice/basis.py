"""What a piece of advice stands on. There is nothing else: a rule without a basis cannot be written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from ltdsl.evidence import Row


@dataclass(frozen=True)
class Rows:
    """Published figures.

    Attributes:
        groups: Rows that are compared with each other, so of one benchmark and one split.
        caveat: What has to be said first, such as that nothing was published on the recipe's own data set.
    """

    groups: tuple[tuple[Row, ...], ...]
    caveat: str = ""

    def __post_init__(self) -> None:
        if not self.groups or not all(self.groups):
            raise ValueError("figures need rows")
        for group in self.groups:
            if len({(row.dataset, row.split) for row in group}) > 1:
                raise ValueError("rows of different benchmarks or splits are never compared")

    def __str__(self) -> str:
        lines = [
            f"{group[0].dataset}, split {group[0].split}: {_figures(group)}"
            for group in self.groups
        ]
        notes = dict.fromkeys(row.note for group in self.groups for row in group if row.note)
        first = [self.caveat] if self.caveat else []
        return "\n".join([*first, *lines, *(f"of these rows: {note}" for note in notes)])


def _figures(group: tuple[Row, ...]) -> str:
    """``a 31.70 %, b 25.18 % (both 200 epochs; source)``, with whatever differs beside each figure."""
    lengths = list(dict.fromkeys(row.length for row in group))
    sources = list(dict.fromkeys(row.source for row in group))
    figures = [
        f"`{row.recipe}` {row.error:.2f} %" + (f" in {row.length}" if len(lengths) > 1 else "")
        for row in group
    ]
    shared = [*(lengths if len(lengths) == 1 else ()), " and ".join(sources)]
    return f"{', '.join(figures)} ({'; '.join(shared)})"


@dataclass(frozen=True)
class Quotation:
    """What the authors say.

    Attributes:
        words: Theirs in quotation marks, or what they say in other words without.
        source: Where they say it.
    """

    words: str
    source: str

    def __post_init__(self) -> None:
        if not (self.words and self.source):
            raise ValueError("a quotation needs words and a source")

    def __str__(self) -> str:
        return f"{self.source}: {self.words}"


@dataclass(frozen=True)
class Arithmetic:
    """What follows from class counts, batch size or learning rate alone.

    Attributes:
        words: The calculation, with its numbers.
    """

    words: str

    def __post_init__(self) -> None:
        if not any(char.isdigit() for char in self.words):
            raise ValueError("arithmetic needs numbers")

    def __str__(self) -> str:
        return self.words


Basis: TypeAlias = Rows | Quotation | Arithmetic

#: What `ltdsl explain` calls each.
NAMES: dict[type[Basis], str] = {
    Rows: "published rows",
    Quotation: "the authors' words",
    Arithmetic: "arithmetic",
}
