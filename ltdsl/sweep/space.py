"""What a search may choose: lists of values and ranges, and what is tried next by what is known so far."""

from __future__ import annotations

import math
import random
import re
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ltdsl.sweep.axes import Axis
from ltdsl.sweep.grid import MAX_RUNS, Choice, grid

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

_NUMBER = r"([-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)(%?)"
_RANGE = re.compile(rf"\s*{_NUMBER}\s*\.\.\s*{_NUMBER}\s*(:\s*log)?\s*")

#: The recipe as something to choose, where there are several; no address has a space.
_RECIPE = "the recipe"

#: Draws that may come to what was tried before one of the rest is taken by chance.
_PATIENCE = 20


class SpaceError(Exception):
    """There is nothing to search in; the message is one sentence."""


@dataclass(frozen=True)
class Range:
    """A setting and the numbers that it may take.

    Attributes:
        address: Such as ``optimizer.lr``.
        low, high: Its ends, both possible.
        log: Whether factors count instead of differences.
        whole: Whether only whole numbers are meant: both ends are written as such.
        unit: What follows a number: ``%`` or nothing.
    """

    address: str
    low: float
    high: float
    log: bool
    whole: bool
    unit: str = ""

    def written(self, value: float) -> str:
        """A number of the range as a recipe writes it, to four digits."""
        if self.whole:
            return f"{round(value)}{self.unit}"
        return f"{min(max(float(f'{value:.4g}'), self.low), self.high):.10g}{self.unit}"

    def read(self, text: str) -> float:
        """The number that :meth:`written` wrote."""
        return float(text.removesuffix("%"))


def is_range(axis: Axis) -> bool:
    """True where an axis is written as a range, a wrong one too."""
    return len(axis.values) == 1 and _RANGE.fullmatch(axis.values[0]) is not None


def range_of(axis: Axis) -> Range | None:
    """The range that an axis is, ``0.001..0.1:log``; None where it lists values.

    Raises:
        SpaceError: Its ends make no range.
    """
    found = _RANGE.fullmatch(axis.values[0]) if len(axis.values) == 1 else None
    if found is None:
        return None
    first, unit, last, other, log = found.groups()
    low, high, whole = float(first), float(last), not re.search(r"[.eE]", first + last)
    if unit != other or not low < high or not math.isfinite(high):
        raise SpaceError(f"`{axis.values[0].strip()}` is no range: write it as LOW..HIGH")
    if log and low <= 0:
        raise SpaceError(f"`{axis.values[0].strip()}`: a logarithmic range begins above 0")
    return Range(axis.address, low, high, bool(log), whole, unit)


@dataclass(frozen=True)
class Tried:
    """What came of a choice so far.

    Attributes:
        choice: What was tried.
        scores: How far from the best possible it was after each rung that it was trained to, lower being better.
        whole: Whether that was all of its epochs.
    """

    choice: Choice
    scores: tuple[float, ...]
    whole: bool


@dataclass(frozen=True)
class Space:
    """Everything that may be tried.

    Attributes:
        recipes: One or more.
        axes: Lists of values and ranges; a list of one value is set in all.
        seed: Of the search. With what is known it decides what is tried next: nothing else does.
    """

    recipes: tuple[Path, ...]
    axes: tuple[Range | Axis, ...]
    seed: int

    @property
    def size(self) -> float:
        """How many choices there are; infinite where a range is of all numbers."""
        sizes = [len(self.recipes)]
        for axis in self.axes:
            if isinstance(axis, Axis):
                sizes.append(len(axis.values))
            elif not axis.whole:
                return math.inf
            else:
                sizes.append(round(axis.high - axis.low) + 1)
        return math.prod(sizes)

    def corners(self) -> list[Choice]:
        """Choices that have each value of a list and each end of a range once at least."""
        lists = [
            axis.values
            if isinstance(axis, Axis)
            else (axis.written(axis.low), axis.written(axis.high))
            for axis in self.axes
        ]
        names = [axis.address for axis in self.axes]
        found = []
        for number in range(max([len(self.recipes), *map(len, lists)])):
            values = [values[number % len(values)] for values in lists]
            recipe = self.recipes[number % len(self.recipes)]
            found.append(Choice(recipe, tuple(zip(names, values, strict=True))))
        return found

    def next(self, tried: Sequence[Tried], within: int) -> Choice | None:
        """What to try next; None where all has been tried.

        Args:
            tried: All that is being tried or was, in order.
            within: How many choices are tried in all. Where that is as many as there are, they come in a random order.
        """
        before = {each.choice for each in tried}
        if self.size <= within:
            order = self._all()
            random.Random(self.seed).shuffle(order)  # noqa: S311
            return next((choice for choice in order if choice not in before), None)
        for again in range(_PATIENCE):
            choice = self._drawn(tried, again)
            if choice not in before:
                return choice
        if self.size > MAX_RUNS:
            return None
        rest = [choice for choice in self._all() if choice not in before]
        return random.Random(self.seed + len(tried)).choice(rest) if rest else None  # noqa: S311

    def _all(self) -> list[Choice]:
        axes = [
            axis
            if isinstance(axis, Axis)
            else Axis(
                axis.address, tuple(map(axis.written, range(int(axis.low), int(axis.high) + 1)))
            )
            for axis in self.axes
        ]
        return grid(self.recipes, axes, None, False)

    def _drawn(self, tried: Sequence[Tried], again: int) -> Choice:
        """A draw of a tree-structured Parzen estimator (Bergstra et al., 2011) that is told all that is known.

        It is made anew for each draw, so that a search that goes on draws as one without a break.
        """
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        seed = hash((self.seed, len(tried), again)) % 2**32  # of numbers: the same in all processes
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            sampler = optuna.samplers.TPESampler(multivariate=True, constant_liar=True, seed=seed)
            study = optuna.create_study(sampler=sampler)
            study.add_trials([self._trial(each) for each in tried])
            drawn = study.ask(self._distributions())
        values = []
        for axis in self.axes:
            value = drawn.params[axis.address]
            values.append(value if isinstance(axis, Axis) else axis.written(value))
        names = [axis.address for axis in self.axes]
        recipe = self.recipes[drawn.params.get(_RECIPE, 0)]
        return Choice(recipe, tuple(zip(names, values, strict=True)))

    def _distributions(self) -> dict[str, BaseDistribution]:
        from optuna.distributions import (
            CategoricalDistribution,
            FloatDistribution,
            IntDistribution,
        )

        found: dict[str, BaseDistribution] = {}
        if len(self.recipes) > 1:
            found[_RECIPE] = CategoricalDistribution(range(len(self.recipes)))
        for axis in self.axes:
            if isinstance(axis, Axis):
                found[axis.address] = CategoricalDistribution(axis.values)
            elif axis.whole:
                found[axis.address] = IntDistribution(int(axis.low), int(axis.high), log=axis.log)
            else:
                found[axis.address] = FloatDistribution(axis.low, axis.high, log=axis.log)
        return found

    def _trial(self, tried: Tried) -> FrozenTrial:
        """What came of a choice, as the estimator is told it."""
        from optuna.trial import TrialState, create_trial

        values: dict[str, Any] = dict(tried.choice.changes)
        for axis in self.axes:
            if isinstance(axis, Range):
                number = axis.read(values[axis.address])
                values[axis.address] = round(number) if axis.whole else number
        if len(self.recipes) > 1:
            values[_RECIPE] = self.recipes.index(tried.choice.recipe)
        scores = [score if math.isfinite(score) else 1e9 for score in tried.scores]
        state = TrialState.RUNNING if not scores else TrialState.PRUNED
        return create_trial(
            state=TrialState.COMPLETE if tried.whole else state,
            value=scores[-1] if tried.whole else None,
            params=values,
            distributions=self._distributions(),
            intermediate_values=dict(enumerate(scores)),
        )


def read_space(recipes: Iterable[Path], axes: Iterable[Axis], seed: int) -> Space:
    """The space that a command line describes.

    Raises:
        SpaceError: A range is none, or there is one choice only.
    """
    space = Space(tuple(recipes), tuple(range_of(axis) or axis for axis in axes), seed)
    if space.size < 2:
        raise SpaceError("there is nothing to choose from: name values or ranges with --set")
    return space
