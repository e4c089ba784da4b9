"""Which runs of a table begin alike, so that what they share is trained once.

A run takes its first epochs from the cache where another has trained them. So each waits for the run before it in the
table with which it shares most: the epochs that are trained are then those of the tree of all plans' beginnings. A run
that evaluates them otherwise takes their weights, and evaluates them again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

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
        evaluated_again: Their weights alone are the same, so that those of each evaluation have to be kept.
    """

    leader: Row
    epochs: int
    evaluated_again: bool = False


def shares(
    rows: Sequence[Row],
    most: Callable[[Row], int] | None = None,
    ended: Collection[Row] = (),
) -> dict[Row, Share]:
    """What each run takes from one before it; those that take nothing are left out.

    Args:
        rows: The runs, in order.
        most: How many epochs a run can take; all, unless it is said.
        ended: Those that keep nothing any more but what they have kept, which weights to evaluate again need not be in.
    """
    rows = [row for row in rows if is_all_known(row.plan)]
    keys = {row: _Keys(row) for row in rows}
    found: dict[Row, Share] = {}
    groups = [(rows, 0)]
    while groups:
        group, done = groups.pop()
        longer = [row for row in group if row.plan.epochs > done]
        for alike in _by(longer, lambda row: keys[row](done + 1)):  # noqa: B023  # called at once
            if len(alike) < 2:
                continue
            together = _last_alike([keys[row] for row in alike], done + 1)
            for row, leader in _led(alike, keys, together, ended):
                epochs = together if most is None else min(together, most(row))
                if epochs > 0:
                    again = keys[row].records(epochs) != keys[leader].records(epochs)
                    found[row] = Share(leader, epochs, again)
            groups.append((alike, together))
    return found


def _led(
    alike: Sequence[Row], keys: Mapping[Row, _Keys], epochs: int, ended: Collection[Row]
) -> list[tuple[Row, Row]]:
    """Runs whose first epochs have the same weights, each with one before it that trains them, where there is one."""
    first, *others = alike
    trains = next((row for row in alike if row not in ended), first)
    found = []
    for row in others:
        leader = first if keys[row].records(epochs) == keys[first].records(epochs) else trains
        if leader is first or (leader is not row and row not in ended):
            found.append((row, leader))
    return found


def points(found: Mapping[Row, Share]) -> dict[Row, tuple[int, ...]]:
    """The numbers of epochs after which a run has to be kept for others, beside the ends of its stages."""
    wanted: dict[Row, set[int]] = {}
    for share in found.values():
        wanted.setdefault(share.leader, set()).add(share.epochs)
    return {
        row: tuple(sorted(epochs.difference(borders(row.plan)))) for row, epochs in wanted.items()
    }


def evaluated_by_others(found: Mapping[Row, Share]) -> set[Row]:
    """The runs that keep their weights after each evaluation, for others that evaluate them otherwise."""
    return {share.leader for share in found.values() if share.evaluated_again}


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
        """Of what reaches the weights, and whatever else two runs need alike to take them from each other."""
        if epochs not in self._known:
            more = None
            if self._plan.early_stopping is not None and epochs > self._plan.stages[-1].start:
                more = self.records(epochs)  # where it ends follows from its own figures
            self._known[epochs] = self._digest(epochs, more)
        return self._known[epochs]

    def records(self, epochs: int) -> dict[str, Any]:
        """What reaches their evaluation beside that."""
        return reaching_records(self._plan, epochs)

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
