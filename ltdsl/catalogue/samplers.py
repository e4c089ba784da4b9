"""Declarations of the samplers. N_c: training images of class c; N: their sum; C: the number of classes."""

import math
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from ltdsl.catalogue.entry import Slot
from ltdsl.catalogue.indexes import PLAIN
from ltdsl.catalogue.tricks import PlainSampler, Sampler

_DECOUPLING = (
    "Kang, Xie, Rohrbach, Yan, Gordo, Feng, Kalantidis: Decoupling Representation and "
    "Classifier for Long-Tailed Recognition, ICLR 2020"
)


class InstanceBalanced(PlainSampler):
    """Every image once an epoch, in random order. The default sampler."""

    name = "instance_balanced"
    formula = "P(c) = N_c / N, without replacement"

    def class_shares(self, counts: Sequence[int], passed: float = 1.0) -> tuple[float, ...]:
        """N_c / N."""
        del passed
        return powers(counts, 1)


class ClassBalanced(PlainSampler):
    """Every class equally often: a class at random, then one of its images, N draws an epoch."""

    name = "class_balanced"
    formula = "P(c) = 1 / C, with replacement"
    citation = f"{_DECOUPLING}, equation 1 with q = 0"

    def class_shares(self, counts: Sequence[int], passed: float = 1.0) -> tuple[float, ...]:
        """1 / C."""
        del passed
        return powers(counts, 0)


class SquareRoot(PlainSampler):
    """Between instance- and class-balanced: classes by the square root of their counts, N draws an epoch."""

    name = "square_root"
    formula = "P(c) ∝ √N_c, with replacement"
    citation = f"{_DECOUPLING}, equation 1 with q = 1/2"

    def class_shares(self, counts: Sequence[int], passed: float = 1.0) -> tuple[float, ...]:
        """√N_c / Σ_j √N_j."""
        del passed
        return powers(counts, 0.5)


class Progressive(PlainSampler):
    """From instance-balanced at the start to class-balanced at the end, N draws an epoch."""

    name = "progressive"
    formula = "P(c) = (1 − t/T) · N_c / N + (t/T) / C, t = 1 … T epochs, with replacement"
    citation = f"{_DECOUPLING}, equation 2"

    clock: Literal["run", "stage"] = Field(
        "run", description="Whether t and T count the epochs of the run or those of the stage."
    )

    def passed(self, epoch: int, start: int, end: int, epochs: int) -> float:
        """t/T; t counts from 1, so the last epoch is class-balanced and the first is not quite instance-balanced."""
        return (epoch + 1) / epochs if self.clock == "run" else (epoch - start + 1) / (end - start)

    def class_shares(self, counts: Sequence[int], passed: float = 1.0) -> tuple[float, ...]:
        """The two distributions, weighted by time."""
        total, classes = sum(counts), len(counts)
        return tuple((1 - passed) * count / total + passed / classes for count in counts)


class OverSampling(PlainSampler):
    """Images of rarer classes are repeated at random until every class has N_max; all images are drawn."""

    name = "over_sampling"
    formula = "C · N_max draws: each image once, N_max − N_c of class c again, with replacement"

    def class_shares(self, counts: Sequence[int], passed: float = 1.0) -> tuple[float, ...]:
        """1 / C."""
        del passed
        return powers(counts, 0)

    def draws(self, counts: Sequence[int]) -> int:
        """C · N_max."""
        return len(counts) * max(counts)


class UnderSampling(PlainSampler):
    """Images of more frequent classes are dropped at random until every class has N_min: one subset a stage."""

    name = "under_sampling"
    formula = "C · N_min draws: a fixed random subset of N_min images of each class, each once"

    def class_shares(self, counts: Sequence[int], passed: float = 1.0) -> tuple[float, ...]:
        """1 / C."""
        del passed
        return powers(counts, 0)

    def draws(self, counts: Sequence[int]) -> int:
        """C · N_min."""
        return len(counts) * min(counts)


class BilateralBranch(Sampler):
    """Two images side by side: one drawn uniformly, one from the reversed distribution.

    With a mixer, the second is the other image of each pair. Without, a batch holds both.
    """

    name = "bbn"
    formula = "uniform: every image once; reversed: P(c) ∝ 1 / N_c, with replacement"
    citation = (
        "Zhou, Cui, Wei, Chen: BBN: Bilateral-Branch Network with Cumulative Learning for "
        "Long-Tailed Visual Recognition, CVPR 2020"
    )
    has_partner = True

    def class_shares(self, counts: Sequence[int], passed: float = 1.0) -> tuple[float, ...]:
        """The mean of both distributions."""
        del passed
        pairs = zip(powers(counts, 1), powers(counts, -1), strict=True)
        return tuple((uniform + reverse) / 2 for uniform, reverse in pairs)


def powers(counts: Sequence[int], power: float) -> tuple[float, ...]:
    """Shares proportional to a power of the counts: N_c^q / Σ_j N_j^q."""
    largest = max(counts)
    terms = [(count / largest) ** power for count in counts]
    total = math.fsum(terms)
    return tuple(term / total for term in terms)


def _mean(value: Any) -> Any:
    return 1.0 if value == "mean" else value


class CamBalanced(Sampler):
    """CAM-based balanced sampling: some drawn images get the foreground of their class activation map transformed."""

    name = "cam_bs"
    formula = (
        "x' = warp(x) where M ∪ warp(M), else x; M: activation map of the label > threshold · its mean; "
        "warp: one of flip, translation, rotation, scaling; "
        "P(keep x as it is) = N_c / (N_c + g_c), g_c = N_max + N_min − N_c"
    )
    citation = (
        "Zhang, Wei, Zhou, Wu: Bag of Tricks for Long-Tailed Visual Recognition with Deep "
        "Convolutional Neural Networks, AAAI 2021"
    )
    needs_weights = True

    sampler: Annotated[PlainSampler, Slot(PlainSampler, PLAIN)] = Field(
        default_factory=ClassBalanced, description="How the images are drawn."
    )
    threshold: Annotated[float, BeforeValidator(_mean)] = Field(
        1.0,
        gt=0,
        le=10,
        description="Foreground is where the map exceeds this many times its mean; `mean` is 1.",
    )
    keep_originals: bool = Field(
        True,
        description="Leave a drawn image as it is with probability N_c / (N_c + g_c); false transforms "
        "every image of a class that has g_c > 0.",
    )
    below: int | None = Field(
        None,
        ge=1,
        description="Generate for classes with fewer images only: g_c = min(below, g_c), 0 for the others.",
    )

    def drawn_by(self) -> Sampler:
        """The inner sampler."""
        return self.sampler

    def passed(self, epoch: int, start: int, end: int, epochs: int) -> float:
        """That of the inner sampler."""
        return self.sampler.passed(epoch, start, end, epochs)

    def class_shares(self, counts: Sequence[int], passed: float = 1.0) -> tuple[float, ...]:
        """Those of the inner sampler: a transformed image keeps its class."""
        return self.sampler.class_shares(counts, passed)

    def draws(self, counts: Sequence[int]) -> int:
        """Those of the inner sampler."""
        return self.sampler.draws(counts)

    def keep_shares(self, counts: Sequence[int]) -> tuple[float, ...]:
        """Probability that a drawn image of each class stays as it is."""
        ends = max(counts) + min(counts)
        made = [ends - count for count in counts]
        if self.below is not None:
            limit = self.below
            made = [
                0 if count >= limit else min(limit, g)
                for count, g in zip(counts, made, strict=True)
            ]
        if not self.keep_originals:
            return tuple(0.0 if g else 1.0 for g in made)
        return tuple(count / (count + g) for count, g in zip(counts, made, strict=True))
