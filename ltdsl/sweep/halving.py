"""Successive halving that loses nothing: who is stopped goes on exactly, should it turn out to be among the best.

All are trained for a part of their epochs, half of them for longer, the best to the end (Jamieson and Talwalkar,
2016). Where not all are known at once, those that are best so far go on before others are tried, as in ASHA (Li et
al., 2020). Both let one of as many go on as there are times the epochs, three as a rule; of two, the best is found
more often, as docs/sweeps.md shows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

#: How many times the epochs a rung has.
LONGER = 3

#: One of so many goes on to the next.
ONE_OF = 2

#: How often there are fewer.
HALVINGS = 2


def rungs(epochs: int, every: int = 1) -> tuple[int, ...]:
    """The numbers of epochs at which a run is held against others, the last one being all: a ninth, a third, all.

    Args:
        epochs: Of the run.
        every: Between two evaluations: there is one at each rung.
    """
    parts = [math.ceil(epochs / LONGER**power) for power in range(HALVINGS, -1, -1)]
    return tuple(sorted({min(epochs, math.ceil(part / every) * every) for part in parts}))


class Step(NamedTuple):
    """What to do next.

    Attributes:
        trial: Its number; that of a new one is the number of those before it.
        rung: Up to which rung it is trained, from 0.
    """

    trial: int
    rung: int


@dataclass
class Halving:
    """Which trial goes on.

    Attributes:
        trials: How many are tried in all.
        at_once: All are known, and begin before the first one goes on.
        levels: How many rungs there are.
        scores: Of each trial, what it came to at each rung, lower being better.
        under_way: The rung that a trial is being trained to.
    """

    trials: int
    at_once: bool
    levels: int = HALVINGS + 1
    scores: dict[int, list[float]] = field(default_factory=dict)
    under_way: dict[int, int] = field(default_factory=dict)

    def next(self) -> Step | None:
        """What to do now; None where nothing can be done before something ends, or at all."""
        begun = len(self.scores)
        if begun < self.trials:
            for rung in () if self.at_once else reversed(range(self.levels - 1)):
                best = self._who_goes_on(rung, least=0)
                if best is not None:
                    return Step(best, rung + 1)
            return Step(begun, 0)
        # from the lowest rung up: who is best of a rung is known when nobody comes to it any more
        for rung in range(self.levels - 1):
            if any(going <= rung for going in self.under_way.values()):
                return None
            best = self._who_goes_on(rung, least=1)
            if best is not None:
                return Step(best, rung + 1)
        return None

    def _who_goes_on(self, rung: int, least: int) -> int | None:
        """The best trial of a rung that has not gone on and is among those that do: half, or some at least."""
        there = {trial: own[rung] for trial, own in self.scores.items() if len(own) > rung}
        ranked = sorted(
            (trial for trial in there if math.isfinite(there[trial])),
            key=lambda trial: (there[trial], trial),
        )
        places = max(least, len(there) // ONE_OF)
        gone = {trial for trial in there if self._reached(trial) > rung + 1}
        return next((trial for trial in ranked[:places] if trial not in gone), None)

    def _reached(self, trial: int) -> int:
        """How many rungs a trial was trained to, or is being."""
        return max(len(self.scores[trial]), self.under_way.get(trial, -1) + 1)

    def begin(self, step: Step) -> None:
        """A step is being done."""
        self.scores.setdefault(step.trial, [])
        self.under_way[step.trial] = step.rung

    def end(self, step: Step, score: float) -> None:
        """A step is done.

        Args:
            step: Which one.
            score: What it came to, lower being better; infinite where it failed.
        """
        del self.under_way[step.trial]
        self.scores[step.trial].append(score)

    def winner(self) -> int | None:
        """The best of those that were trained to the end; None where there is none."""
        whole = {
            trial: own[-1]
            for trial, own in self.scores.items()
            if len(own) == self.levels and math.isfinite(own[-1])
        }
        return min(whole, key=lambda trial: (whole[trial], trial), default=None)


def epochs_of(trials: int, levels: Sequence[int]) -> int:
    """How many epochs all take together where nobody goes on in vain.

    Args:
        trials: How many begin.
        levels: The rungs of each.
    """
    total = before = 0
    for rung in levels:
        total += trials * (rung - before)
        before, trials = rung, max(1, trials // ONE_OF)
    return total
