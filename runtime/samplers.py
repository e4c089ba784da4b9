"""Samplers: which training images an epoch visits, and in which order.

A sampler is a pure function of (labels, :class:`Moment`) to an index order, so a resumed epoch is
the same epoch and a distribution can be tested without training. Its length is what the sampler
says an epoch is; it must not change within a stage.

A sampler that only has its own class probabilities is one line: ``order_by_class`` does the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from runtime.streams import generator


@dataclass(frozen=True)
class Moment:
    """What an order may depend on besides the labels.

    Attributes:
        seed: The run's seed.
        epoch: Epochs of the run completed before this one; the first is 0.
        stage_start: The stage's first epoch; the stage covers [stage_start, stage_end).
        stage_end: The first epoch after the stage.
        run_epochs: Epochs of the whole run.
    """

    seed: int
    epoch: int
    stage_start: int = 0
    stage_end: int = 1
    run_epochs: int = 1

    def rng(self, *keys: int) -> np.random.Generator:
        """The generator of this epoch's order."""
        return generator(self.seed, "order", self.epoch, *keys)

    def stage_rng(self, *keys: int) -> np.random.Generator:
        """A generator that is the same in all epochs of the stage, for a subset kept throughout."""
        return generator(self.seed, "subset", self.stage_start, *keys)


Sampler = Callable[[np.ndarray, Moment], np.ndarray]
"""(labels int [N], moment) -> int64 indices into the labels, of the epoch's length."""


def class_probabilities(counts: np.ndarray, power: float) -> np.ndarray:
    """P(class) ∝ N_c^power over the classes that have images (Kang et al., ICLR 2020, eq. 1).

    Args:
        counts: Training images of each class, ``[C]``, at least 0.
        power: 1 is instance-balanced, 0.5 square-root, 0 class-balanced sampling.

    Returns:
        float64 ``[C]``, summing to 1; 0 where a class has no image.
    """
    counts = np.asarray(counts, dtype=np.float64)
    weights = np.zeros_like(counts)
    weights[counts > 0] = counts[counts > 0] ** power
    return weights / weights.sum()


def order_by_class(
    labels: np.ndarray, probabilities: np.ndarray, draws: int, rng: np.random.Generator
) -> np.ndarray:
    """Draw images with replacement: a class by its probability, then an image of it uniformly.

    Args:
        labels: Class of each training image, int ``[N]``, each in [0, C).
        probabilities: P(class), float ``[C]``; positive only where a class has images.
        draws: How many indices to return.
        rng: Where the random numbers come from.

    Returns:
        int64 indices into ``labels``, ``[draws]``.

    Raises:
        ValueError: If a class without images has a positive probability.
    """
    counts = np.bincount(labels, minlength=len(probabilities))
    if np.any(np.asarray(probabilities)[counts == 0] > 0):
        raise ValueError("a class without images cannot be drawn")
    by_class = np.argsort(labels, kind="stable")
    first = np.cumsum(counts) - counts
    edges = np.cumsum(probabilities)
    # Divided by the last edge because a sum of floats may end below 1, and u up to there must find
    # a class.
    classes = np.searchsorted(edges / edges[-1], rng.random(draws), side="right")
    inside = np.floor(rng.random(draws) * counts[classes]).astype(np.int64)
    return by_class[first[classes] + inside].astype(np.int64)


def instance_balanced(labels: np.ndarray, moment: Moment) -> np.ndarray:
    """Every image once an epoch, in random order: plain training."""
    return moment.rng().permutation(len(labels)).astype(np.int64)


def class_balanced(labels: np.ndarray, moment: Moment) -> np.ndarray:
    """N draws with replacement, every class equally likely (q = 0 in Kang et al., ICLR 2020)."""
    probabilities = class_probabilities(np.bincount(labels), power=0)
    return order_by_class(labels, probabilities, len(labels), moment.rng())


SAMPLERS: dict[str, Sampler] = {
    "instance_balanced": instance_balanced,
    "class_balanced": class_balanced,
}
