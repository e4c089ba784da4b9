"""Figures of one checkpoint from what is known of its classes, each with the interval that its images allow."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ltdsl.judge.significance import quantile
from ltdsl.longtail import class_groups

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ltdsl.runs.evaluation import ClassFigures, Figures


@dataclass(frozen=True)
class Share:
    """A share in percent, and what it may be on other images of the kind.

    Attributes:
        value: The share.
        low, high: Of its 95 % interval.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class ClassScores:
    """What is known of a class, in percent; None where it has no such images.

    Attributes:
        precision: Right ones among the images that were taken for it.
        recall: Right ones among its own.
        f1: Their harmonic mean, 2 · right / (images + taken for it).
    """

    precision: float | None
    recall: float | None
    f1: float | None


def shares(figures: Figures) -> dict[str, Share]:
    """``error``, ``macro_recall``, ``many``, ``medium`` and ``few``, as far as the classes tell.

    Args:
        figures: Of a checkpoint.
    """
    rows = figures.per_class
    tested = [c for c, row in enumerate(rows) if row.test_images and row.accuracy is not None]
    images = sum(rows[c].test_images for c in tested)
    if not images:
        return {}
    found = {"macro_recall": _mean([rows[c] for c in tested])}
    for name, members in class_groups([row.train_images for row in rows])._asdict().items():
        group = [rows[c] for c in members if c in set(tested)]
        # a run of before may have drawn its groups otherwise
        if group and name in figures.groups:
            found[name] = _mean(group)
    accuracy = _weighted([rows[c] for c in tested], [rows[c].test_images / images for c in tested])
    error = Share(100 - accuracy.value, 100 - accuracy.high, 100 - accuracy.low)
    return {"error": error, **found}


def of_class(row: ClassFigures) -> Share | None:
    """A class's accuracy; None where it has no test images."""
    return _mean([row]) if row.test_images and row.accuracy is not None else None


def _mean(rows: Sequence[ClassFigures]) -> Share:
    return _weighted(rows, [1 / len(rows)] * len(rows))


def _weighted(rows: Sequence[ClassFigures], weights: Sequence[float]) -> Share:
    """A mean of classes' accuracies, with Wilson's interval (1927) for as many images as its variance is worth.

    That variance is Σ w² p (1 − p) / n, p = (right + 1) / (n + 2): a class of three images that are all right is no
    class without mistakes.
    """
    value = variance = 0.0
    for row, weight in zip(rows, weights, strict=True):
        share, images = (row.accuracy or 0.0) / 100, row.test_images
        value += weight * share
        smooth = (share * images + 1) / (images + 2)
        variance += weight**2 * smooth * (1 - smooth) / images
    middle = min(max(value, 0.0), 1.0)
    smooth = sum(
        w * ((r.accuracy or 0.0) / 100 * r.test_images + 1) / (r.test_images + 2)
        for r, w in zip(rows, weights, strict=True)
    )
    worth = smooth * (1 - smooth) / variance
    z = quantile(None)
    centre = (middle + z * z / (2 * worth)) / (1 + z * z / worth)
    reach = z / (1 + z * z / worth)
    reach *= math.sqrt(middle * (1 - middle) / worth + z * z / (4 * worth * worth))
    return Share(
        100 * value, 100 * max(0.0, centre - reach), 100 * min(1.0, max(centre + reach, middle))
    )


def class_scores(figures: Figures) -> list[ClassScores]:
    """Precision, recall and F1 of each class; empty where the confusion matrix does not tell."""
    cells, classes = figures.confusion, len(figures.per_class)
    if cells is None or max((*cells.label, *cells.prediction), default=0) >= classes:
        return []
    own, taken, right = [0] * classes, [0] * classes, [0] * classes
    for label, prediction, count in zip(cells.label, cells.prediction, cells.count, strict=False):
        own[label] += count
        taken[prediction] += count
        if label == prediction:
            right[label] += count
    return [
        ClassScores(
            100 * hits / theirs if theirs else None,
            100 * hits / images if images else None,
            200 * hits / (images + theirs) if images else None,
        )
        for images, theirs, hits in zip(own, taken, right, strict=True)
    ]


def macro_f1(scores: Sequence[ClassScores]) -> float | None:
    """The mean F1 of the classes that have test images; None where nothing is known of any."""
    known = [each.f1 for each in scores if each.f1 is not None]
    return math.fsum(known) / len(known) if known else None
