"""Differences of figures between two recipes, over the same images and paired seeds, with their intervals.

Every figure here is a weighted sum over images of whether they are right, with weights that only depend on the image's
class. So the bootstrap that draws images anew within each class needs no drawing: with infinitely many resamples its
variance is Σ_c a_c² n_c s_c², a_c a class's weight, n_c its images and s_c² the variance of their differences.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ltdsl.judge.significance import quantile, two_sided
from ltdsl.longtail import class_groups

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

#: Seeds from which on intervals speak of other images too; fewer say too little of the variance between seeds.
MANY_SEEDS = 5

#: Fewer images on which two networks disagree say nothing: McNemar's test cannot go below 5 % then.
LEAST_DISAGREEING = 6


@dataclass(frozen=True)
class Interval:
    """A figure's difference between two recipes, in points of a percent: the first one's minus the second one's.

    Attributes:
        difference: The estimate: its mean over pairs of seeds.
        low, high: Of the 95 % interval.
        p: Two-sided p-value of no difference.
    """

    difference: float
    low: float
    high: float
    p: float


def class_weights(
    images: Sequence[int], train_counts: Sequence[int]
) -> Mapping[str, tuple[float, ...]]:
    """What an image of each class that is right adds to each accuracy, in percent.

    Args:
        images: Test images of each class.
        train_counts: Training images of each class, which decide many, medium and few.

    Returns:
        ``accuracy``, ``macro_recall``, ``many``, ``medium`` and ``few``, those that have tested classes; each of a
        weight a class.
    """
    classes = range(len(images))
    tested = [c for c in classes if images[c]]
    members = {"macro_recall": tested}
    members |= {
        name: [c for c in group if images[c]]
        for name, group in class_groups(train_counts)._asdict().items()
    }
    weights = {"accuracy": tuple(100 / sum(images) if images[c] else 0.0 for c in classes)}
    for name, group in members.items():
        if group:
            inside = set(group)
            weights[name] = tuple(
                100 / (len(group) * images[c]) if c in inside else 0.0 for c in classes
            )
    return weights


def accuracy_interval(
    right: NDArray[np.bool_], labels: NDArray[np.int32], weights: Sequence[float]
) -> tuple[float, float]:
    """The 95 % interval of one network's figure, by the bootstrap over images within each class.

    Args:
        right: Whether each image is right, [N].
        labels: Its class, [N].
        weights: See :func:`class_weights`.
    """
    values = right.astype(np.float64)[None]
    estimate = float((np.asarray(weights)[labels] * values[0]).sum())
    reach = quantile(None) * math.sqrt(_over_images(values, labels, np.asarray(weights)))
    return max(0.0, estimate - reach), min(100.0, estimate + reach)


def intervals(
    first: NDArray[np.bool_],
    second: NDArray[np.bool_],
    labels: NDArray[np.int32],
    weights: Mapping[str, Sequence[float]],
) -> dict[str, Interval]:
    """Differences of figures.

    One seed: the bootstrap over images, of these two networks. Two to four: Student's t interval of the differences of
    the pairs of seeds, on these images. Five or more: the bootstrap over seeds and images, corrected for what both
    draw twice (Owen and Eckles, 2012), with t's quantile, as seeds are few.

    Args:
        first: Whether each image is right, for the seeds of one recipe, [S, N].
        second: The same for the other one, seeds paired by place.
        labels: Classes of the images, [N].
        weights: See :func:`class_weights`.
    """
    apart = first.astype(np.float64) - second
    seeds = len(apart)
    found = {}
    for name, given in weights.items():
        by_class = np.asarray(given)
        by_image = by_class[labels]
        each = apart @ by_image
        mean = float(each.mean())
        freedom = seeds - 1 or None
        if seeds == 1:
            variance = _over_images(apart, labels, by_class)
            if np.count_nonzero(apart[0] * by_image) < LEAST_DISAGREEING:
                reach = quantile(None) * math.sqrt(variance)
                found[name] = Interval(mean, min(mean - reach, 0.0), max(mean + reach, 0.0), 1.0)
                continue
        else:
            variance = float(each.var(ddof=1)) / seeds
            if seeds >= MANY_SEEDS:
                variance += _of_images_alone(apart, labels, by_class)
        error = math.sqrt(variance)
        reach = quantile(freedom) * error
        p = two_sided(mean / error, freedom) if error > 0 else float(mean == 0)
        found[name] = Interval(mean, mean - reach, mean + reach, p)
    return found


def _over_images(apart: Floats, labels: NDArray[np.int32], weights: Floats) -> float:
    """The bootstrap's variance of a figure's mean over seeds, images drawn anew within their classes."""
    return float((weights**2 * _sum_of_squares(apart.mean(0), labels, len(weights))).sum())


def _of_images_alone(apart: Floats, labels: NDArray[np.int32], weights: Floats) -> float:
    """The part of :func:`_over_images` that is the same in all seeds: the rest is in the variance between seeds."""
    seeds = len(apart)
    within = sum(_sum_of_squares(each, labels, len(weights)) for each in apart - apart.mean(0)) / (
        seeds - 1
    )
    return max(
        0.0, _over_images(apart, labels, weights) - float((weights**2 * within).sum()) / seeds
    )


def _sum_of_squares(values: Floats, labels: NDArray[np.int32], classes: int) -> Floats:
    """n_c s_c² of the values of each class's images, [C]; s_c² with n_c − 1, and values as they are of a lone image."""
    images = np.bincount(labels, minlength=classes)
    sums = np.bincount(labels, values, classes)
    squares = np.bincount(labels, values**2, classes)
    several = images > 1
    centred = np.where(several, squares - sums**2 / np.maximum(images, 1), squares)
    found: Floats = np.maximum(centred, 0) * np.where(
        several, images / np.maximum(images - 1, 1), 1
    )
    return found
