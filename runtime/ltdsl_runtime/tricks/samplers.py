"""Samplers: which training images an epoch visits, and in which order.

An order is a pure function of (declaration, labels, :class:`Moment`), so a resumed epoch is the same epoch and a
distribution can be tested without training. Its length is what the declaration says an epoch is.

A sampler that only has its own class shares needs nothing here: they are drawn with replacement.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ltdsl.catalogue.samplers import powers
from ltdsl_runtime.data.part import members_by_class
from ltdsl_runtime.plugged import implementation_if_any
from ltdsl_runtime.streams import generator

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from ltdsl.catalogue import Sampler


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


def order_by_class(
    labels: NDArray[np.int32],
    probabilities: NDArray[np.float64],
    draws: int,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
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
    drawn: NDArray[np.int64] = by_class[first[classes] + inside].astype(np.int64)
    return drawn


def _counts(labels: NDArray[np.int32]) -> NDArray[np.int64]:
    return np.bincount(labels)


def _drawn(sampler: Sampler, labels: NDArray[np.int32], moment: Moment) -> NDArray[np.int64]:
    passed = sampler.passed(moment.epoch, moment.stage_start, moment.stage_end, moment.run_epochs)
    counts = _counts(labels).tolist()
    shares = np.asarray(sampler.class_shares(counts, passed))
    return order_by_class(labels, shares, sampler.draws(counts), moment.rng())


def _every_image(sampler: Sampler, labels: NDArray[np.int32], moment: Moment) -> NDArray[np.int64]:
    del sampler
    return moment.rng().permutation(len(labels)).astype(np.int64)


def _over(sampler: Sampler, labels: NDArray[np.int32], moment: Moment) -> NDArray[np.int64]:
    del sampler
    rng, counts = moment.rng(), _counts(labels)
    repeats = [
        rng.choice(members, counts.max() - len(members))
        for members in members_by_class(labels, len(counts))
    ]
    return rng.permutation(np.concatenate([np.arange(len(labels)), *repeats])).astype(np.int64)


def _under(sampler: Sampler, labels: NDArray[np.int32], moment: Moment) -> NDArray[np.int64]:
    del sampler
    subset, counts = moment.stage_rng(), _counts(labels)
    kept = [
        subset.choice(members, counts.min(), replace=False)
        for members in members_by_class(labels, len(counts))
    ]
    return moment.rng().permutation(np.concatenate(kept)).astype(np.int64)


#: (declaration, labels int [N], moment) -> int64 indices into the labels, of the epoch's length. Only of samplers that
#: are more than their class shares.
ORDERS: dict[str, Callable[[Sampler, NDArray[np.int32], Moment], NDArray[np.int64]]] = {
    "instance_balanced": _every_image,
    "over_sampling": _over,
    "under_sampling": _under,
    "bbn": _every_image,
}


def order(sampler: Sampler, labels: NDArray[np.int32], moment: Moment) -> NDArray[np.int64]:
    """The images of an epoch.

    Args:
        sampler: Its declaration.
        labels: Class of each training image, int ``[N]``; every class has at least one.
        moment: The epoch.

    Returns:
        int64 indices into ``labels``, of the length that the declaration's ``draws`` gives.
    """
    drawn_by = sampler.drawn_by()
    draw = implementation_if_any(ORDERS, drawn_by) or _drawn
    return draw(drawn_by, labels, moment)


def reversed_order(
    sampler: Sampler, labels: NDArray[np.int32], moment: Moment
) -> NDArray[np.int64]:
    """The second images of an epoch, as many as its sampler draws first ones; P(c) ∝ 1 / N_c: for `bbn` and `cmo`."""
    counts = _counts(labels).tolist()
    shares = np.asarray(powers(counts, -1))
    return order_by_class(labels, shares, sampler.draws(counts), moment.rng(1))
