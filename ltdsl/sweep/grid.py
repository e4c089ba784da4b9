"""Which combinations a sweep has: the product of its values, or its values side by side."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from ltdsl.sweep.axes import Axis

#: More are a slip of the hand: at a minute each they would take a week.
MAX_RUNS = 10_000

SEED = "seed"


class GridError(Exception):
    """The lists of values make no grid; the message is one sentence."""


@dataclass(frozen=True)
class Choice:
    """One combination.

    Attributes:
        recipe: The recipe.
        changes: Pairs of address and value, in the order in which they are applied.
    """

    recipe: Path
    changes: tuple[tuple[str, str], ...]

    @property
    def assignments(self) -> tuple[str, ...]:
        """The same as texts for ``--set``."""
        return tuple(f"{address}={value}" for address, value in self.changes)


def grid(
    recipes: Sequence[Path], axes: Sequence[Axis], seeds: int | None, side_by_side: bool
) -> list[Choice]:
    """Every combination, recipes first and seeds last.

    Args:
        recipes: Each is combined with all of the rest.
        axes: Lists of values.
        seeds: Seeds 0 to ``seeds`` - 1 of each combination; None for those that recipes and axes name.
        side_by_side: Take the first values together, then the second ones, and so on; a list of one value is
            repeated. Otherwise every value meets every other.

    Raises:
        GridError: Lists side by side are of different lengths, or there are too many combinations.
    """
    lists = [axis.values for axis in axes]
    if side_by_side:
        length = _common_length(axes)
        total = length
        rows: Iterator[tuple[str, ...]] = zip(
            *(values * length if len(values) == 1 else values for values in lists), strict=True
        )
        rows = rows if axes else iter([()])
    else:
        total = math.prod(map(len, lists))
        rows = product(*lists)
    total *= len(recipes) * (seeds or 1)
    if total > MAX_RUNS:
        raise GridError(f"this makes {total:,} runs; a sweep has at most {MAX_RUNS:,}")
    addresses = [axis.address for axis in axes]
    pairs = [tuple(zip(addresses, row, strict=True)) for row in rows]
    ends = [((SEED, str(seed)),) for seed in range(seeds)] if seeds else [()]
    return [
        Choice(recipe, changes + end) for recipe in recipes for changes in pairs for end in ends
    ]


def _common_length(axes: Sequence[Axis]) -> int:
    lengths = {axis.address: len(axis.values) for axis in axes if len(axis.values) > 1}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"`{address}` has {length}" for address, length in lengths.items())
        raise GridError(f"--zip takes lists of one length: {listed}")
    return next(iter(lengths.values()), 1)
