"""Figures that take the logits of all classes: top-5 error and the area under the ROC curves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ltdsl.runs.arrays import read_predictions

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


@dataclass(frozen=True)
class Ranking:
    """What logits tell beside the class that is first.

    Attributes:
        top5_error: Share of the images whose class is not among the five first, in percent; None for five classes or
            fewer.
        auroc: Mean over classes of the area under the ROC curve of the class's probability, one against all others, in
            percent.
    """

    top5_error: float | None
    auroc: float | None


def ranking(run: Path, which: Literal["last", "best"]) -> Ranking | None:
    """Of a checkpoint of a run, on its test images; None where it keeps no logits that classes were predicted by.

    Raises:
        UnreadableError: What it keeps is damaged.
    """
    found = read_predictions(run, which, "test", logits=True)
    # a posthoc correction changes the order of classes, and the logits are those before it
    if found is None or found[1].logits is None or found[0].posthoc is not None:
        return None
    about, arrays = found
    assert arrays.logits is not None
    logits = arrays.logits.astype(np.float64)
    top5 = None
    if about.classes > 5:
        own = np.take_along_axis(logits, arrays.label[:, None], 1)
        top5 = 100 * float(((logits > own).sum(1) >= 5).mean())
    if about.confidence == "sigmoid":
        scores = logits  # as the sigmoid orders images, and without its rounding
    else:
        highest = logits.max(1, keepdims=True)
        scores = logits - highest - np.log(np.exp(logits - highest).sum(1, keepdims=True))
    areas = [
        area
        for label in range(about.classes)
        if (area := _area(scores[:, label], arrays.label == label)) is not None
    ]
    return Ranking(top5, 100 * float(np.mean(areas)) if areas else None)


def _area(scores: NDArray[np.float64], own: NDArray[np.bool_]) -> float | None:
    """Share of the pairs of an own and another image in which the own one scores higher, ties counted half."""
    positives = int(own.sum())
    negatives = len(own) - positives
    if not positives or not negatives:
        return None
    inverse: NDArray[Any]
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2
    total = float(ranks[inverse[own]].sum())
    return (total - positives * (positives + 1) / 2) / (positives * negatives)
