"""Which runs of a table begin alike, so that what they share is trained once.

A run takes its first epochs from the cache where another has trained them. So each waits for the run before it in the
table with which it shares most: the epochs that are trained are then those of the tree of all plans' beginnings. A run
that evaluates them otherwise takes their weights, and evaluates them again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
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
        leader: The run that trains it.
        epochs: How many of its first epochs.
        evaluated_again: Their weights alone are the same, so that those of each evaluation have to be kept.
    """

    leader: Row
    epochs: int
    evaluated_again: bool = False


def shares(
    rows: Sequence[Row],
    most: Callable[[Row], int] | None = None,
    finished: Collection[Row] = (),
    failed: Collection[Row] = (),
) -> dict[Row, Share]:
    """What each run takes from another one; those that take nothing are left out.

    Args:
        rows: The runs, in order.
        most: How many epochs a run can take; all, unless it is said.
        finished: Those that have trained all of theirs before: they have kept their records at the ends of stages, and
            perhaps no weights to evaluate again.
        failed: Those that may have kept nothing.
    """
    rows = [row for row in rows if is_all_known(row.plan)]
    keys = {row: _Keys(row) for row in rows}
    bound = most or (lambda row: row.plan.epochs)
    found = _same_records(rows, keys, bound, failed)
    ended = {*finished, *failed}
    for row, share in _evaluated_again(rows, keys, bound, ended).items():
        if row not in finished and (row not in found or share.epochs > found[row].epochs):
            found[row] = share
    for row in evaluated_by_others(found):
        if row in found and found[row].leader in ended:
            del found[row]  # it keeps weights on the way, and trains those that nobody has kept
    return found


def _same_records(
    rows: Sequence[Row],
    keys: Mapping[Row, _Keys],
    most: Callable[[Row], int],
    failed: Collection[Row],
) -> dict[Row, Share]:
    """What each run takes from another one that evaluates as it does."""
    found: dict[Row, Share] = {}
    for alike, together in _beginnings(rows, {row: keys[row].with_records for row in rows}):
        leader = next((row for row in alike if row not in failed), None)
        for row in alike:
            epochs = min(together, most(row))
            if leader is not None and row is not leader and epochs > 0:
                found[row] = Share(leader, epochs)
    return found


def _evaluated_again(
    rows: Sequence[Row],
    keys: Mapping[Row, _Keys],
    most: Callable[[Row], int],
    ended: Collection[Row],
) -> dict[Row, Share]:
    """What each run could take from one before it that evaluates otherwise, and after all epochs that it does."""
    found: dict[Row, Share] = {}
    for alike, together in _beginnings(rows, {row: keys[row].weights for row in rows}):
        for number, row in enumerate(alike):
            epochs = min(together, most(row))
            wanted = {epoch for epoch in range(epochs) if row.plan.evaluates(epoch)}
            leaders = (each for each in alike[:number] if each not in ended)
            leader = next((o for o in leaders if all(map(o.plan.evaluates, wanted))), None)
            if leader is not None and epochs > 0:
                found[row] = Share(leader, epochs, True)
    return found


def _beginnings(
    rows: Sequence[Row], keys: Mapping[Row, Callable[[int], str]]
) -> Iterator[tuple[list[Row], int]]:
    """Two runs and more that begin alike, in order, and how many epochs all of them share: less of more runs first.

    Args:
        rows: The runs.
        keys: What is the same of two of them, for each number of epochs, where these are.
    """
    groups = [(list(rows), 0)]
    while groups:
        group, done = groups.pop()
        parts: dict[str, list[Row]] = {}
        for row in group:
            if row.plan.epochs > done:
                parts.setdefault(keys[row](done + 1), []).append(row)
        for alike in parts.values():
            if len(alike) > 1:
                together = _last_alike([keys[row] for row in alike], done + 1, alike)
                yield alike, together
                groups.append((alike, together))


def points(found: Mapping[Row, Share]) -> dict[Row, tuple[int, ...]]:
    """The numbers of epochs after which a run has to be kept for others, beside the ends of its stages."""
    wanted: dict[Row, set[int]] = {}
    for share in found.values():
        wanted.setdefault(share.leader, set()).add(share.epochs)
    return {
        row: tuple(sorted(epochs.difference(borders(row.plan)))) for row, epochs in wanted.items()
    }


def evaluated_by_others(found: Mapping[Row, Share]) -> set[Row]:
    """The runs that keep their weights after each evaluation, for others that evaluate them otherwise.

    Those that such a run takes its own first epochs from keep theirs as well.
    """
    keep: set[Row] = set()
    more = {share.leader for share in found.values() if share.evaluated_again}
    while more:
        keep |= more
        more = {found[row].leader for row in more if row in found} - keep
    return keep


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
        self._known: dict[tuple[int, bool], str] = {}

    def with_records(self, epochs: int) -> str:
        """Of what reaches weights and records."""
        return self._digest(epochs, reaching_records(self._plan, epochs))

    def weights(self, epochs: int) -> str:
        """Of what reaches the weights, and whatever else two runs need alike to evaluate each other's."""
        more = None
        if self._plan.early_stopping is not None and epochs > self._plan.stages[-1].start:
            # where it ends follows from its own figures
            more = reaching_records(self._plan, epochs)
        return self._digest(epochs, more)

    def _digest(self, epochs: int, more: Mapping[str, Any] | None) -> str:
        known = (epochs, more is not None)
        if known not in self._known:
            reaching = reaching_weights(self._plan, epochs, self._files)
            facts = (str(self._folder), reaching, more)
            self._known[known] = hashlib.sha256(json.dumps(facts).encode()).hexdigest()
        return self._known[known]


def _last_alike(keys: Sequence[Callable[[int], str]], low: int, rows: Sequence[Row]) -> int:
    """The most epochs that all runs share by their keys, of which they share at least ``low``."""
    high = min(row.plan.epochs for row in rows)
    while low < high:
        middle = (low + high + 1) // 2
        if all(first(middle) == second(middle) for first, second in pairwise(keys)):
            low = middle
        else:
            high = middle - 1
    return low
