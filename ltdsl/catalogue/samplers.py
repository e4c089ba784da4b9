"""Declarations of the samplers. N_c: training images of class c; N: their sum; C: the number of classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, SerializeAsAny

from ltdsl.catalogue.entry import index, revive
from ltdsl.catalogue.tricks import PlainSampler, Sampler


class InstanceBalanced(PlainSampler):
    """Every image once an epoch, in random order. The default sampler."""

    name = "instance_balanced"
    formula = "P(c) = N_c / N, without replacement"

    def class_shares(self, counts: Sequence[int]) -> tuple[float, ...]:
        """N_c / N."""
        total = sum(counts)
        return tuple(count / total for count in counts)


class ClassBalanced(PlainSampler):
    """Every class equally often: a class at random, then one of its images, N draws an epoch."""

    name = "class_balanced"
    formula = "P(c) = 1 / C, with replacement"
    citation = (
        "Kang, Xie, Rohrbach, Yan, Gordo, Feng, Kalantidis: Decoupling Representation and "
        "Classifier for Long-Tailed Recognition, ICLR 2020, equation 1 with q = 0"
    )

    def class_shares(self, counts: Sequence[int]) -> tuple[float, ...]:
        """1 / C."""
        return (1 / len(counts),) * len(counts)


PLAIN: dict[str, type[PlainSampler]] = index(InstanceBalanced, ClassBalanced)


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

    sampler: Annotated[SerializeAsAny[PlainSampler], revive(PLAIN)] = Field(
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

    def class_shares(self, counts: Sequence[int]) -> tuple[float, ...]:
        """Those of the inner sampler: a transformed image keeps its class."""
        return self.sampler.class_shares(counts)

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
