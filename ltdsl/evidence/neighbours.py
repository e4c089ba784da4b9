"""The published rows nearest to a recipe, and what they would change first."""

from __future__ import annotations

import math
from typing import NamedTuple

from ltdsl.evidence.combination import Combination, distance, of_row
from ltdsl.evidence.compare import gain
from ltdsl.evidence.rows import NOISE, SPLITS, Row, rows

#: Changes of more steps are another recipe, not a change of this one.
STEPS = 3


class Neighbour(NamedTuple):
    """A published row and how many changes it is away."""

    row: Row
    changes: float


class Change(NamedTuple):
    """A published row that was better than the one nearest to a recipe, with as few changes as any."""

    base: Row
    better: Row
    changes: float

    @property
    def gain(self) -> float:
        """By how many points of top-1 error."""
        return gain((self.base, self.better))


def neighbours(combination: Combination, benchmark: str, epochs: int) -> dict[str, list[Neighbour]]:
    """All rows of a benchmark by split, nearest first; among equals those trained about as long come first.

    Args:
        combination: What a recipe asks for.
        benchmark: The benchmark's name.
        epochs: Of the recipe.
    """
    found: dict[str, list[Neighbour]] = {}
    for split in SPLITS:
        here = {
            (row.stages, row.epochs, row.error): row
            for row in reversed(rows())  # of a figure printed twice, the first
            if row.dataset == benchmark and row.split == split
        }
        near = [Neighbour(row, distance(combination, of_row(row))) for row in here.values()]
        near.sort(
            key=lambda n: (n.changes, _longer(n.row, epochs), not n.row.reliable, n.row.error)
        )
        if near:
            found[split] = near
    return found


def first_change(near: list[Neighbour]) -> Change | None:
    """What a split's rows would change first: the fewest steps from the nearest row that gain more than noise.

    Of several with as few steps, the one that gains most. None where nothing within :data:`STEPS` does.
    """
    base = next((neighbour.row for neighbour in near if neighbour.row.reliable), None)
    if base is None:
        return None
    steps = [
        Change(base, other.row, distance(of_row(base), of_row(other.row)))
        for other in near
        if other.row.reliable
    ]
    better = [change for change in steps if change.gain > NOISE and 0 < change.changes <= STEPS]
    return min(better, key=lambda change: (change.changes, -change.gain), default=None)


def _longer(row: Row, epochs: int) -> float:
    return abs(math.log(row.epochs / epochs)) if row.epochs else math.inf
