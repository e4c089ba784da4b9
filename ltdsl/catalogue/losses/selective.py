"""Losses that decide sample by sample how much a term counts."""

import math
from collections.abc import Sequence

from pydantic import Field

from ltdsl.catalogue.entry import Fraction, plain
from ltdsl.catalogue.losses.cross_entropy import CrossEntropy
from ltdsl.catalogue.losses.shared import scaled_to_classes
from ltdsl.catalogue.tricks import Idle, Loss


class SoftmaxEqualization(Loss):
    """Cross entropy of a softmax that leaves rare classes out of other labels' samples, at random.

    One mask for each sample and class, drawn from the run's seed, the epoch and the step; under mixing both labels
    share it. Published on long-tailed CIFAR-10 with lambda 0.05, on CIFAR-100 with 0.005.
    """

    name = "seql"
    formula = (
        "−log (exp(z_y) / Σ_c v_c · exp(z_c)), v_c = 1 − β_c · [N_c / N < lambda] · [c ≠ y], "
        "β_c ~ Bernoulli(gamma) for each sample and class"
    )
    citation = (
        "Tan, Wang, Li, Li, Ouyang, Yin, Yan: Equalization Loss for Long-Tailed Object "
        "Recognition, CVPR 2020, section 3"
    )

    gamma: Fraction = Field(
        0.9, description="Probability that a rare class is left out of another label's sample."
    )
    share: Fraction = Field(
        0.005,
        alias="lambda",
        description="Rare are classes with strictly less than this share N_c / N; 0 is plain `ce`.",
    )

    def rare(self, counts: Sequence[int]) -> tuple[bool, ...]:
        """True for the classes with N_c / N < lambda."""
        total = sum(counts)
        return tuple(count / total < self.share for count in counts)

    def spread(self, counts: Sequence[int]) -> float:
        """Infinite where some classes are rare and others not: a rare class is left out altogether, at random."""
        return math.inf if len(set(self.rare(counts))) > 1 else 1.0

    def without_counts(self) -> Loss:
        """Cross entropy."""
        return plain(CrossEntropy)

    def idle(self, counts: Sequence[int]) -> Idle | None:
        """No class lies below lambda, so that none is left out, or all do, so that none is treated as frequent."""
        if self.spread(counts) > 1:
            return None
        total = sum(counts)
        shares = sorted(count / total for count in counts)
        none, half = shares[0] >= self.share, len(shares) // 2
        middle = (shares[half - 1] + shares[half]) / 2
        return Idle(
            f"`{self.name}` finds {'no' if none else 'only'} rare classes here",
            f"{'no class has' if none else 'all classes have'} less than lambda = {self.share:g} of the {total:,} "
            f"training images: shares run from {shares[0]:.3g} to {shares[-1]:.3g}",
            f"choose lambda between them: `{self.name}(lambda = {middle:.2g})` makes the rarer half rare",
        )


class InfluenceBalanced(Loss):
    """Cross entropy divided by each sample's influence on the classifier, weighted by inverse class frequency.

    The influence is the L1 norm of the loss's gradient at the weights of a linear classifier, which it therefore
    needs. Published as a second stage, from half of the epochs on, after `ce`. Σ_c w_c is C as in the published code,
    1 in the paper; with alpha 1000 that is what was trained. The batch's sum is divided by its size.
    """

    name = "influence_balanced"
    formula = (
        "w_y · alpha / (‖p − e_y‖₁ · ‖h‖₁ + 0.001) · (−log p_y), w_c ∝ 1 / N_c, Σ_c w_c = C; "
        "h: the pooled features, e_y: one-hot"
    )
    citation = (
        "Park, Lim, Jeon, Choi: Influence-Balanced Loss for Imbalanced Visual Classification, "
        "ICCV 2021, section 3"
    )
    classifier = "linear"

    alpha: float = Field(1000.0, gt=0, le=1e6, description="Factor on the whole loss.")
    through_factor: bool = Field(
        False,
        description="Let gradients pass through the influence too, as the reference does; the paper's is a constant.",
    )

    def class_weights(self, counts: Sequence[int]) -> tuple[float, ...]:
        """w_c ∝ 1 / N_c, summing to C."""
        return scaled_to_classes([1 / count for count in counts])

    def without_counts(self) -> None:
        """None: no other loss is divided by the influence of its samples."""
