"""How much of a network's calibration error one number mends: its logits divided by a temperature."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from ltdsl.runs.arrays import read_predictions
from ltdsl.runs.evaluation import Bin

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from ltdsl.runs.arrays import Observed
    from ltdsl.runs.predictions import PartName

    Floats = NDArray[np.float64]

#: Ends of what is looked at, as logarithms: from a twentieth to twenty.
_RANGE = math.log(20)

#: Steps of the search, each of which leaves 62 % of the range.
_STEPS = 60


@dataclass(frozen=True)
class Tempered:
    """What a temperature that was fitted on validation images does to confidences on test images.

    Attributes:
        temperature: T; above 1 where the network is too sure of itself.
        images: Validation images that it was fitted on.
        error: Expected calibration error on the test images afterwards, in percent.
        bins: Confidences afterwards, as in evaluation.json.
    """

    temperature: float
    images: int
    error: float
    bins: tuple[Bin, ...]


def tempered(run: Path, which: Literal["last", "best"], bins: int) -> Tempered | None:
    """Of a checkpoint; None where it keeps no logits of both parts that its confidences are the softmax of.

    Guo et al., "On Calibration of Modern Neural Networks" (ICML 2017), section 4.2: T minimises the cross entropy of
    the validation images; predicted classes stay what they are.

    Args:
        run: A run directory.
        which: The checkpoint.
        bins: Equally wide bins of confidence.

    Raises:
        UnreadableError: What it keeps is damaged.
    """
    parts = []
    both: tuple[PartName, ...] = ("validation", "test")
    for part in both:
        found = read_predictions(run, which, part, logits=True)
        if found is None or found[1].logits is None:
            return None
        about, arrays = found
        if about.confidence != "softmax" or about.posthoc is not None:
            return None
        parts.append(arrays)
    held, test = parts
    temperature = fitted(held)
    assert test.logits is not None
    scores = _log_softmax(test.logits / temperature)
    confidence = np.exp(scores[np.arange(len(scores)), test.prediction])
    found_bins = _binned(confidence, test.prediction == test.label, bins)
    error = math.fsum(
        each.count * abs((each.accuracy or 0.0) - (each.confidence or 0.0)) for each in found_bins
    )
    return Tempered(temperature, len(held.label), error / len(scores), tuple(found_bins))


def fitted(held: Observed) -> float:
    """The temperature in [1/20, 20] at which the cross entropy of some images is least.

    The cross entropy is convex in 1 / T, and so has one minimum in log T: golden sections of it.
    """
    assert held.logits is not None
    logits, label = held.logits.astype(np.float64), held.label

    def entropy(log_temperature: float) -> float:
        scores = _log_softmax(logits / math.exp(log_temperature))
        return -float(scores[np.arange(len(label)), label].mean())

    ratio = (math.sqrt(5) - 1) / 2
    low, high = -_RANGE, _RANGE
    first, second = high - ratio * (high - low), low + ratio * (high - low)
    at_first, at_second = entropy(first), entropy(second)
    for _ in range(_STEPS):
        if at_first <= at_second:
            high, second, at_second = second, first, at_first
            first = high - ratio * (high - low)
            at_first = entropy(first)
        else:
            low, first, at_first = first, second, at_second
            second = low + ratio * (high - low)
            at_second = entropy(second)
    return math.exp((low + high) / 2)


def _log_softmax(logits: NDArray[np.float32] | Floats) -> Floats:
    apart = logits.astype(np.float64) - logits.max(1, keepdims=True)
    found: Floats = apart - np.log(np.exp(apart).sum(1, keepdims=True))
    return found


def _binned(confidence: Floats, right: NDArray[np.bool_], bins: int) -> list[Bin]:
    place = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    found = []
    for index in range(bins):
        here = place == index
        count = int(here.sum())
        found.append(
            Bin(
                above=100 * index / bins,
                to=100 * (index + 1) / bins,
                count=count,
                accuracy=100 * float(right[here].mean()) if count else None,
                confidence=100 * float(confidence[here].mean()) if count else None,
            )
        )
    return found
