"""Recipes judged against one of them: differences of figures over the same images, and what may be claimed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from ltdsl.judge.comparable import TEST_IMAGES, key, unlike
from ltdsl.judge.groups import Group
from ltdsl.judge.intervals import Interval, accuracy_interval, class_weights, intervals
from ltdsl.judge.significance import holm, mcnemar
from ltdsl.runs.arrays import read_predictions
from ltdsl.runs.errors import UnreadableError
from ltdsl.wording import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from ltdsl.runs.reading import Run

Which = Literal["last", "best"]

#: Below it, a difference is claimed.
ALPHA = 0.05


@dataclass(frozen=True)
class Judged:
    """What is known of a recipe's figures on test images.

    Attributes:
        group: Its runs.
        right: Whether each image is right, for each seed, [S, N].
        labels: Classes of the images, [N].
        weights: Of each class, by figure; see :func:`ltdsl.judge.intervals.class_weights`.
    """

    group: Group
    right: NDArray[np.bool_]
    labels: NDArray[np.int32]
    weights: Mapping[str, tuple[float, ...]]

    def figure(self, name: str) -> tuple[float, tuple[float, float] | None]:
        """A figure's mean over seeds; for one seed with the 95 % interval over images."""
        by_image = np.asarray(self.weights[name])[self.labels]
        mean = float((self.right @ by_image).mean())
        if len(self.right) > 1:
            return mean, None
        return mean, accuracy_interval(self.right[0], self.labels, self.weights[name])


@dataclass(frozen=True)
class Difference:
    """A figure's difference, judged.

    Attributes:
        figure: ``error``, ``macro_recall``, ``many``, ``medium`` or ``few``.
        interval: In points: the recipe's figure minus that of the one it is held against.
        adjusted: Its p-value after Holm's correction over all differences that are told with it.
    """

    figure: str
    interval: Interval
    adjusted: float

    @property
    def is_one(self) -> bool:
        """Whether it may be claimed."""
        return self.adjusted < ALPHA

    @property
    def better(self) -> bool:
        """Whether the recipe is the better one in this figure."""
        return (self.interval.difference < 0) == (self.figure == "error")


@dataclass(frozen=True)
class Pair:
    """A recipe held against another one.

    Attributes:
        group, against: The two.
        seeds: Pairs of seeds that were compared.
        not_comparable: What else they differ in; no claim is made then.
        differences: Of each figure; none where they were tested on other images.
        mcnemar: P-value of McNemar's test on the top-1 error, of two single runs.
    """

    group: Group
    against: Group
    seeds: tuple[tuple[int, int], ...]
    not_comparable: tuple[str, ...]
    differences: tuple[Difference, ...]
    mcnemar: float | None

    def claim(self) -> str:
        """What may be said, in a sentence without its subject."""
        if self.not_comparable:
            return f"not comparable: {'; '.join(self.not_comparable)}"
        claimed = [each for each in self.differences if each.is_one]
        said = ", ".join(map(_claimed, claimed)) or "not distinguishable"
        alone = sum(each.interval.p < ALPHA for each in self.differences) - len(claimed)
        if alone:
            said += f" ({counted(alone, 'difference')} only before Holm's correction)"
        return said + self._scope()

    def _scope(self) -> str:
        count = len(self.seeds)
        if count == 1:
            return (
                "; of these two trained networks, as there is one seed: another may say otherwise"
            )
        if count < 5:
            return f"; over {count} seeds, on these test images"
        return f"; over {count} seeds"


def _claimed(each: Difference) -> str:
    ends = sorted(map(abs, (each.interval.low, each.interval.high)))
    name = {"error": "top-1 error", "macro_recall": "macro recall"}.get(each.figure, each.figure)
    word = "better" if each.better else "worse"
    return f"{word} in {name} by {ends[0]:.1f} to {ends[1]:.1f} points"


def which_epoch(runs: Sequence[Run]) -> Which:
    """The best epoch where every run has chosen one on its validation part, else the last one."""
    chosen = [run.evaluation and run.evaluation.best and run.evaluation.best_on for run in runs]
    return "best" if all(each == "validation" for each in chosen) else "last"


def read_group(group: Group, which: Which) -> Judged:
    """The kept predictions of a group's runs.

    Raises:
        UnreadableError: A run has none, or damaged ones, or not of the images of the others.
    """
    right, labels, counts, digest = [], None, None, None
    for run in group.runs:
        found = read_predictions(run.path, which, "test")
        if found is None:
            raise UnreadableError(
                f"{run.path} has no predictions of its {which} epoch",
                f"make them: ltdsl eval {run.path} --predictions {run.path}",
            )
        about, arrays = found
        if labels is not None and (
            about.data_sha256 != digest or not np.array_equal(labels, arrays.label)
        ):
            raise UnreadableError(
                f"{run.path} was tested on other images than {group.runs[0].path}"
            )
        if run.facts.data is None or len(run.facts.data.train_counts) != about.classes:
            raise UnreadableError(
                f"{run.path} does not say how many training images its classes have"
            )
        labels, digest, counts = arrays.label, about.data_sha256, run.facts.data.train_counts
        right.append(arrays.prediction == arrays.label)
    assert labels is not None
    assert counts is not None
    images = np.bincount(labels, minlength=len(counts)).tolist()
    return Judged(group, np.stack(right), labels, class_weights(images, counts))


def judge(groups: Sequence[Judged], against: int, which: Which) -> list[Pair]:
    """Hold every recipe against one of them.

    Args:
        groups: At least two.
        against: The place of the one.
        which: The epoch that the predictions are of.
    """
    base = groups[against]
    pairs = [_pair(each, base, which) for each in groups if each is not base]
    told = [
        each.interval.p for pair in pairs if not pair.not_comparable for each in pair.differences
    ]
    adjusted = iter(holm(told))
    return [
        pair
        if pair.not_comparable
        else replace(
            pair,
            differences=tuple(replace(d, adjusted=next(adjusted)) for d in pair.differences),
        )
        for pair in pairs
    ]


def _pair(one: Judged, base: Judged, which: Which) -> Pair:
    differs = unlike(key(one.group.runs[0], which), key(base.group.runs[0], which))
    same_images = np.array_equal(one.labels, base.labels)
    if not same_images or f"other {TEST_IMAGES}" in differs:
        told = differs or (f"other {TEST_IMAGES}",)
        return Pair(one.group, base.group, (), told, (), None)
    places = _paired(one.group, base.group)
    first, second = (
        judged.right[[place[side] for place in places]] for side, judged in enumerate((one, base))
    )
    found = intervals(first, second, one.labels, one.weights)
    accuracy = found.pop("accuracy")
    error = Interval(-accuracy.difference, -accuracy.high, -accuracy.low, accuracy.p)
    p = None
    if len(places) == 1:
        p = mcnemar(int((first & ~second).sum()), int((second & ~first).sum()))
        error = replace(error, p=p)
    differences = {"error": error} | found
    seeds = tuple((_seed(one.group, a), _seed(base.group, b)) for a, b in places)
    judged = tuple(Difference(name, each, each.p) for name, each in differences.items())
    return Pair(one.group, base.group, seeds, differs, judged, p)


def _paired(one: Group, base: Group) -> list[tuple[int, int]]:
    """Places of runs with the same seed; where no seed is the same, in order, as they have nothing in common then."""
    seeds = [_seed(base, place) for place in range(len(base.runs))]
    same = [
        (place, seeds.index(_seed(one, place)))
        for place in range(len(one.runs))
        if _seed(one, place) in seeds
    ]
    return same or [(place, place) for place in range(min(len(one.runs), len(base.runs)))]


def _seed(group: Group, place: int) -> int:
    run = group.runs[place]
    return run.plan.seed if run.plan else run.facts.seed or 0
