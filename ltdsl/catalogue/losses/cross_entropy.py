"""Cross entropy and its versions that weigh classes."""

from collections.abc import Sequence

from pydantic import Field

from ltdsl.catalogue.entry import plain
from ltdsl.catalogue.losses.shared import (
    CUI,
    Reduced,
    effective_number_weights,
    most_effective_number,
)
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
        "Convolutional Neural Networks, AAAI 2021, section 3.1"
    )

    gamma: float = Field(
        1.0, ge=0, le=10, description="Exponent of the frequency ratio; 0 is plain `ce`."
    )
    reduction: Reduced = "weighted_mean"

    def class_weights(self, counts: Sequence[int]) -> tuple[float, ...]:
        """w_c = (N_min / N_c)^gamma; the rarest class has weight 1."""
        rarest = min(counts)
        return tuple((rarest / count) ** self.gamma for count in counts)

    def without_counts(self) -> Loss:
        """Cross entropy."""
        return plain(CrossEntropy)


class ClassBalancedCrossEntropy(Loss):
    """Cross entropy weighted by the inverse effective number of images of each class.

    Published on long-tailed CIFAR-10 with beta 0.9999, on CIFAR-100 with 0.9.
    """

    name = "cb_ce"
    formula = "w_y · (−log p_y), w_c ∝ (1 − beta) / (1 − beta^N_c), Σ_c w_c = C"
    citation = CUI

    beta: float = Field(
        0.9999,
        ge=0,
        lt=1,
        description="How little a further image of a class adds; 0 is plain `ce`, towards 1 weights are 1 / N_c.",
    )
    reduction: Reduced = "weighted_mean"

    def class_weights(self, counts: Sequence[int]) -> tuple[float, ...]:
        """w_c ∝ (1 − beta) / (1 − beta^N_c), summing to C."""
        return effective_number_weights(self.beta, counts)

    def without_counts(self) -> Loss:
        """Cross entropy."""
        return plain(CrossEntropy)

    def levels_off(self) -> float:
        """1 / (1 − beta)."""
        return most_effective_number(self.beta)
