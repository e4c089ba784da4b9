"""The losses with margins, and with them the cosine classifier."""

import math
from collections.abc import Sequence

from pydantic import Field

from ltdsl.catalogue.entry import plain
from ltdsl.catalogue.losses.cross_entropy import CrossEntropy
from ltdsl.catalogue.losses.shared import (
    Reduced,
    effective_number_weights,
    most_effective_number,
)
from ltdsl.catalogue.tricks import Loss


class LabelDistributionAwareMargin(Loss):
    """Cross entropy of scaled cosines, in which the label's must win by a margin that grows with rarity.

    The cosine classifier it needs replaces the linear one for the whole run, whichever stage names `ldam`; its logits
    are s · cos, in evaluation too, so all other softmax losses of the recipe train on s · cos. The published deferred
    re-weighting is `ldam` in both stages, with beta 0.9999 in the second. (The reference switches weights on one
    epoch earlier here than for its other losses, keeps s inside the loss, and so evaluates the softmax of plain
    cosines: the same predictions, with far smaller confidences.)
    """

    name = "ldam"
    formula = (
        "w_y · (−log softmax(s · (cos_c − [c = y] · Δ_y))_y), Δ_c = margin · (N_min / N_c)^(1/4); "
        "cos_c of features and class weights; w_c as in `cb_ce`"
    )
    citation = (
        "Cao, Wei, Gaidon, Arechiga, Ma: Learning Imbalanced Datasets with "
        "Label-Distribution-Aware Margin Loss, NeurIPS 2019, equations 12 and 13"
    )
    classifier = "cosine"

    s: float = Field(
        30.0,
        gt=0,
        le=1000,
        description="Scale of the cosines; one value for all stages of a recipe.",
    )
    margin: float = Field(
        0.5, ge=0, le=2, description="Margin of the rarest class, as a difference of cosines."
    )
    beta: float = Field(
        0.0, ge=0, lt=1, description="Class-balanced weights as in `cb_ce`; 0 weighs all the same."
    )
    reduction: Reduced = "weighted_mean"

    @property
    def logit_scale(self) -> float:
        """The scale s of the cosine classifier."""
        return self.s

    def class_weights(self, counts: Sequence[int]) -> tuple[float, ...] | None:
        """Those of `cb_ce`; None where beta is 0."""
        return effective_number_weights(self.beta, counts) if self.beta else None

    def spread(self, counts: Sequence[int]) -> float:
        """That of the weights times exp(s · (Δ_max − Δ_min)), the odds that margins differ by."""
        margins = self.margins(counts)
        return super().spread(counts) * math.exp(self.s * (max(margins) - min(margins)))

    def without_counts(self) -> None:
        """None: a margin that is the same for all classes is no other loss here."""

    def levels_off(self) -> float | None:
        """1 / (1 − beta) where there are weights."""
        return most_effective_number(self.beta) if self.beta else None

    def margins(self, counts: Sequence[int]) -> tuple[float, ...]:
        """Δ_c = margin · (N_min / N_c)^(1/4), in cosines; the rarest class has `margin`."""
        rarest = min(counts)
        return tuple(self.margin * (rarest / count) ** 0.25 for count in counts)


class GaussianClouded(Loss):
    """Cross entropy of scaled cosines, each lowered by the size of a random number, the more so the rarer its class.

    Rare classes get larger clouds of logits, and with them more room. The random numbers are drawn from the run's seed,
    the epoch and the step; under mixing both labels share them. It brings the cosine classifier, as `ldam` does. The
    authors' code for CIFAR trains with noise 0.5, no margin and s 30 first; then the classifier alone, with balanced
    draws, margin 0.1, focus 1 and s 20, where a recipe here keeps one s.
    """

    name = "gcl"
    formula = (
        "(1 − p_y)^focus · (−log p_y), p = softmax(s · (cos_c − noise · δ_c / δ_max · |ε_c| − margin · [c = y])), "
        "δ_c = log N_max − log N_c, ε_c ~ Normal(0, 1/3) cut at ±1 for each sample and class; "
        "the focus carries no gradient"
    )
    citation = (
        "Li, Cheung, Lu: Long-tailed Visual Recognition via Gaussian Clouded Logit Adjustment, "
        "CVPR 2022; code: Keke921/GCLLoss"
    )
    classifier = "cosine"

    s: float = Field(
        30.0,
        gt=0,
        le=1000,
        description="Scale of the cosines; one value for all stages of a recipe.",
    )
    noise: float = Field(
        0.5, ge=0, le=2, description="Largest change of the rarest class's cosine; 0 changes none."
    )
    margin: float = Field(
        0.0, ge=0, le=2, description="By how much the label's cosine is lowered besides."
    )
    focus: float = Field(
        0.0, ge=0, le=10, description="Exponent of 1 − p_y; 0 weighs all samples the same."
    )

    @property
    def logit_scale(self) -> float:
        """The scale s of the cosine classifier."""
        return self.s

    def clouds(self, counts: Sequence[int]) -> tuple[float, ...]:
        """The largest shift of each class, noise · δ_c / δ_max, in cosines; 0 where all are equally large."""
        largest, rarest = max(counts), min(counts)
        if largest == rarest:
            return (0.0,) * len(counts)
        reach = math.log(largest / rarest)
        return tuple(self.noise * math.log(largest / count) / reach for count in counts)

    def spread(self, counts: Sequence[int]) -> float:
        """exp(s · (the largest cloud)): the largest class has none."""
        return math.exp(self.s * max(self.clouds(counts)))

    def without_counts(self) -> Loss | None:
        """Cross entropy, unless there is a margin or a focus."""
        return None if self.margin or self.focus else plain(CrossEntropy)
