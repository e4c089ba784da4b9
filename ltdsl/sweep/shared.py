"""Which runs of a table begin alike, so that what they share is trained once.

A run takes its first epochs from the cache where another has trained them. So each waits for the run before it in the
table with which it shares most: the epochs that are trained are then those of the tree of all plans' beginnings.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ltdsl.prefix import (
    borders,
    files_within,
    is_all_known,
    reaching_records,
    reaching_weights,
)
from ltdsl.sweep.table import Row


@dataclass(frozen=True)
class Share:
    """What a run takes from another one.

    Attributes:
        leader: The run that trains it, which stands before it in the table.
        epochs: How many of its first epochs.
    """

    leader: Row
    epochs: int


def shares(rows: Sequence[Row], most: Callable[[Row], int] | None = None) -> dict[Row, Share]:
    """What each run takes from one before it; those that take nothing are left out.

    Args:
        rows: The runs, in order.
        most: How many epochs a run can take; all, unless it is said.
    """
    rows = [row for row in rows if is_all_known(row.plan)]
    keys = {row: _Keys(row) for row in rows}
    found: dict[Row, Share] = {}
    groups = [(rows, 0)]
    while groups:
        group, done = groups.pop()
        longer = [row for row in group if row.plan.epochs > done]
        for alike in _by(longer, lambda row: keys[row](done + 1)):  # noqa: B023  # called at once
            first, *others = alike
            if not others:
                continue
            together = _last_alike([keys[row] for row in alike], done + 1)
            for row in others:
                epochs = together if most is None else min(together, most(row))
                if epochs > 0:
                    found[row] = Share(first, epochs)
            groups.append((alike, together))
    return found


def points(found: Mapping[Row, Share]) -> dict[Row, tuple[int, ...]]:
    """The numbers of epochs after which a run has to be kept for others, beside the ends of its stages."""
    wanted: dict[Row, set[int]] = {}
    for share in found.values():
        wanted.setdefault(share.leader, set()).add(share.epochs)
    return {
        row: tuple(sorted(epochs.difference(borders(row.plan)))) for row, epochs in wanted.items()
    }


def corrected_otherwise(rows: Iterable[Row]) -> list[list[Row]]:
    """Runs that train the same weights to the end and differ in what corrects their logits, two or more together.

    No epoch is taken from another: each is evaluated with the run's own correction.
    """
    # early stopping looks at corrected figures
    rows = [r for r in rows if is_all_known(r.plan) and r.plan.early_stopping is None]
    groups = _by(rows, lambda row: _Keys(row).but_for_the_correction())
    return [group for group in groups if len(group) > 1]


@dataclass(frozen=True)
class Epochs:
    """How many epochs a table takes.

    Attributes:
        alone: Where each run trains all of its own.
        shared: Where what begins alike is trained once.
    """

    alone: int
    shared: int


def count(rows: Iterable[Row], found: Mapping[Row, Share]) -> Epochs:
    """The epochs of runs that are still to be trained.

    Args:
        rows: These runs.
        found: What each run of the table takes from another.
    """
    rows = list(rows)
    alone = sum(row.plan.epochs for row in rows)
    return Epochs(alone, alone - sum(found[row].epochs for row in rows if row in found))


class _Keys:
    """What of a run reaches its first epochs, in a digest for each number of them."""

    def __init__(self, row: Row) -> None:
        folder = self._folder = row.reads_from
        named = files_within(row.plan, row.plan.epochs) if folder else ()
        self._files = {name: str(folder / name) for name in named if folder}
        self._plan = row.plan
        self._known: dict[int, str] = {}
        self.epochs = row.plan.epochs

    def __call__(self, epochs: int) -> str:
        if epochs not in self._known:
            self._known[epochs] = self._digest(epochs, reaching_records(self._plan, epochs))
        return self._known[epochs]

    def but_for_the_correction(self) -> str:
        """Of the whole run, what reaches it beside what corrects its logits."""
        records = reaching_records(self._plan, self.epochs) | {"posthoc": None}
        return self._digest(self.epochs, [self.epochs, records, repr(self._plan.calibration)])

    def _digest(self, epochs: int, more: object) -> str:
        reaching = reaching_weights(self._plan, epochs, self._files)
        facts = (str(self._folder), reaching, more)
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _by(rows: Iterable[Row], key: Callable[[Row], str]) -> list[list[Row]]:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return list(groups.values())


def _last_alike(keys: Collection[_Keys], low: int) -> int:
    """The most epochs that all runs share, of which they share at least ``low``."""
    high = min(key.epochs for key in keys)
    while low < high:
        middle = (low + high + 1) // 2
        if all(first(middle) == second(middle) for first, second in pairwise(keys)):
            low = middle
        else:
            high = middle - 1
    return low
