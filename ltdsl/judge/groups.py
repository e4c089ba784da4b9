"""Runs grouped by what they were to do apart from the seed, and what each group has in common."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Literal

from ltdsl.runs.evaluation import Figures
from ltdsl.runs.metrics import Epoch
from ltdsl.runs.model import clean

if TYPE_CHECKING:
    from ltdsl.plan import Plan
    from ltdsl.runs.reading import Run

Which = Literal["last", "best"]


@dataclass(frozen=True)
class Spread:
    """Mean and sample standard deviation of n values; no deviation of a single one."""

    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Arithmetic mean."""
        return statistics.fmean(self.values)

    @property
    def deviation(self) -> float | None:
        """√(Σ (x − mean)² / (n − 1)); None for a single value."""
        return statistics.stdev(self.values) if len(self.values) > 1 else None


@dataclass(frozen=True)
class Group:
    """Runs of one plan, a seed each.

    Attributes:
        letter: A, B, C …, in the order in which runs were named.
        name: The recipe's, with what was changed on the command line where that tells it from another group.
        plan: Of its first run; None where that cannot be read.
        runs: One of each seed.
        repeated: Runs whose seed another one had before: they say nothing new, and are left out of the figures.
    """

    letter: str
    name: str
    plan: Plan | None
    runs: tuple[Run, ...]
    repeated: tuple[Run, ...]

    def figures(self, which: Which) -> list[Figures]:
        """Of the runs that have an evaluation."""
        found = [getattr(run.evaluation, which) for run in self.runs if run.evaluation]
        return [figures for figures in found if figures is not None]

    def spread(self, which: Which, of: Callable[[Figures], float | None]) -> Spread | None:
        """A figure over the runs that have it."""
        values = [value for figures in self.figures(which) if (value := of(figures)) is not None]
        return Spread(tuple(values)) if values else None

    def curve(self, of: Callable[[Epoch], float | None]) -> list[tuple[int, Spread]]:
        """A figure of each epoch, over the runs that got so far: (its number, values)."""
        values: dict[int, list[float]] = {}
        for run in self.runs:
            for epoch in run.metrics:
                if (value := of(epoch)) is not None:
                    values.setdefault(epoch.epoch, []).append(value)
        return [(number, Spread(tuple(values[number]))) for number in sorted(values)]


def grouped(runs: Sequence[Run]) -> list[Group]:
    """Group runs whose plans are equal but for the seed; runs without a plan stand alone."""
    parts: dict[str, list[Run]] = {}
    for number, run in enumerate(runs):
        key = _key(run.plan) if run.plan else f"no plan {number}"
        parts.setdefault(key, []).append(run)
    names = _names([members[0] for members in parts.values()])
    groups = []
    for number, (members, name) in enumerate(zip(parts.values(), names, strict=True)):
        seen: dict[int | None, Run] = {}
        for run in members:
            seed = run.plan.seed if run.plan else None
            # of two runs with one seed the one that was evaluated has more to say
            if seed not in seen or (run.evaluation and not seen[seed].evaluation):
                seen[seed] = run
        kept = tuple(seen.values())
        repeated = tuple(run for run in members if run not in kept)
        groups.append(Group(_letter(number), name, kept[0].plan, kept, repeated))
    return groups


def without_seed(plan: Plan) -> Plan:
    """The plan with one seed for all."""
    return plan.model_copy(update={"seed": 0})


def _key(plan: Plan) -> str:
    return without_seed(plan).digest()


def _names(firsts: Sequence[Run]) -> list[str]:
    """Names of recipes; where several have one name, with what was set for some of them only."""
    plain = [_recipe_name(run) for run in firsts]
    names = []
    for run, name in zip(firsts, plain, strict=True):
        alike = [
            set(other.facts.changes)
            for other, its in zip(firsts, plain, strict=True)
            if its == name
        ]
        own = [
            change
            for change in run.facts.changes
            if change not in set.intersection(*alike) and not change.startswith("seed=")
        ]
        told = f" ({', '.join(own)})" if own and len(alike) > 1 else ""
        names.append(clean(name + told))
    return names


def _recipe_name(run: Run) -> str:
    first = next(iter(run.recipe), "")
    return PurePosixPath(first).stem or run.name


def _letter(number: int) -> str:
    """A to Z, then AA, AB and so on."""
    text = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        text = chr(ord("A") + rest) + text
    return text


def plus_minus(spread: Spread | None) -> str:
    """``34.25 ± 0.81``; the mean alone where there is one value."""
    if spread is None or not all(map(math.isfinite, spread.values)):
        return "–"
    mean = f"{spread.mean:.2f}"
    deviation = spread.deviation
    return mean if deviation is None else f"{mean} ± {deviation:.2f}"
