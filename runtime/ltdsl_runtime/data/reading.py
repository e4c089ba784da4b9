"""What a reader makes of a data set: its parts, what it did not read, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ltdsl.survey import Note
    from ltdsl_runtime.data.errors import DataError
    from ltdsl_runtime.data.part import Part


@dataclass(frozen=True)
class Reading:
    """A data set as it was found.

    Attributes:
        train: The training pool.
        test: The test part.
        validation: A validation part that the data bring, of the same classes; None where they bring none.
        notes: What its owner should know, a run going on all the same.
        problems: What a run stops on, and counting does not.
        other_files: Files of class folders that are no images by their names: how many of each ending.
    """

    train: Part
    test: Part
    validation: Part | None = None
    notes: tuple[Note, ...] = ()
    problems: tuple[DataError, ...] = ()
    other_files: Mapping[str, int] = field(default_factory=dict)

    @property
    def parts(self) -> dict[str, Part]:
        """All parts by name."""
        named = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: part for name, part in named.items() if part is not None}


def few(names: Iterable[str], most: int = 5) -> str:
    """``a, b and 3 more``: names in a sentence."""
    names = list(names)
    shown, rest = names[:most], len(names) - most
    if rest > 0:
        return f"{', '.join(shown)} and {rest:,} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def classes_of(names: Sequence[str]) -> str:
    """``class a``, or ``classes a, b and c``."""
    return f"class{'es' * (len(names) > 1)} {few(names)}"
