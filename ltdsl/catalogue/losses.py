"""Declarations of the losses. N_c: training images of class c; p: softmax of the logits; y: the label."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from ltdsl.catalogue.tricks import Loss


class CrossEntropy(Loss):
    """Cross entropy, every sample with the same weight. The default loss."""

    name = "ce"
    formula = "−log p_y"


class CostSensitiveCrossEntropy(Loss):
    """Cross entropy weighted by a power of the inverse class frequency."""

    name = "cs_ce"
    formula = "w_y · (−log p_y), w_c = (N_min / N_c)^gamma"
    citation = (
        "Zhang, Wei, Zhou, Wu: Bag of Tricks for Long-Tailed Visual Recognition with Deep "
        "Convolutional Neural Networks, AAAI 2021"
    )

    gamma: float = Field(
        1.0, ge=0, le=10, description="Exponent of the frequency ratio; 0 is plain `ce`."
    )
    reduction: Literal["weighted_mean", "mean"] = Field(
        "weighted_mean",
        description="Divide the weighted sum over a batch by the sum of its weights, or by its size.",
    )

    def class_weights(self, counts: Sequence[int]) -> tuple[float, ...]:
        """w_c = (N_min / N_c)^gamma; the rarest class has weight 1."""
        rarest = min(counts)
        return tuple((rarest / count) ** self.gamma for count in counts)
