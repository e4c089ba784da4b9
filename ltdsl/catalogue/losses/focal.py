"""Focal losses: one sigmoid for each class instead of one softmax for all.

Both are summed over the classes and averaged over the batch, whatever the weights: the batch's sum is not divided by
the sum of its weights.
"""

from collections.abc import Sequence

from pydantic import Field

from ltdsl.catalogue.losses.shared import (
    CUI,
    effective_number_weights,
    most_effective_number,
)
from ltdsl.catalogue.tricks import Loss

_LIN = "Lin, Goyal, Girshick, He, Dollár: Focal Loss for Dense Object Detection, ICCV 2017"


class SigmoidLoss(Loss):
    """A loss that reads every logit as a question of its own, answered by a sigmoid.

    It needs a linear classifier: the cosine classifier has no bias, and of C directions none can point away from all
    others by more than a cosine of −1/(C − 1), so a sigmoid could not say no to every wrong class.
    """

    confidence = "sigmoid"
    classifier = "linear"

    gamma: float = Field(
        2.0,
        ge=0,
        le=10,
        description="How strongly easy answers count less; 0 is the sum of binary cross entropies.",
    )


class Focal(SigmoidLoss):
    """Sum of a binary cross entropy for each class, in which answers that are right already count little.

    With gamma 0 it is the sum of binary cross entropies, not `ce`. The published rows of deferred re-weighting use
    `cost_sensitive` in the second stage.
    """

    name = "focal"
    formula = (
        "Σ_c (1 − q_c)^gamma · (−log q_c), q_c the sigmoid's probability of the right answer: "
        "σ(z_c) for c = y, σ(−z_c) for the others"
    )
    citation = (
        f"{_LIN}, equation 4; without α, over all classes, as Cui et al., CVPR 2019, section 4.3"
    )

    cost_sensitive: bool = Field(False, description="Multiply a sample's loss by N_min / N_y.")

    def class_weights(self, counts: Sequence[int]) -> tuple[float, ...] | None:
        """N_min / N_c with `cost_sensitive`, else None."""
        if not self.cost_sensitive:
            return None
        rarest = min(counts)
        return tuple(rarest / count for count in counts)

    def without_counts(self) -> Loss:
        """Itself without `cost_sensitive`."""
        return self.model_copy(update={"cost_sensitive": False})


class ClassBalancedFocal(SigmoidLoss):
    """Sigmoid focal loss weighted by the inverse effective number of images of the label's class.

    Published on CIFAR-10-LT with beta 0.9999 and gamma 1 (2 at imbalance 50), on CIFAR-100-LT with beta 0.9 (0.99 at
    imbalance 50).
    """

    name = "cb_focal"
    formula = (
        "w_y · Σ_c (1 − q_c)^gamma · (−log q_c), q_c as in `focal`; "
        "w_c ∝ (1 − beta) / (1 − beta^N_c), Σ_c w_c = C"
    )
    citation = f"{CUI}, section 4.3"

    beta: float = Field(
        0.9999,
        ge=0,
        lt=1,
        description="How little a further image of a class adds; 0 is `focal`, towards 1 weights are 1 / N_c.",
    )
    gamma: float = Field(
        1.0,
        ge=0,
        le=10,
        description="How strongly easy answers count less; 0 is the sum of binary cross entropies.",
    )

    def class_weights(self, counts: Sequence[int]) -> tuple[float, ...]:
        """w_c ∝ (1 − beta) / (1 − beta^N_c), summing to C."""
        return effective_number_weights(self.beta, counts)

    def without_counts(self) -> Loss:
        """`focal` with the same gamma."""
        return Focal.model_construct(gamma=self.gamma)

    def levels_off(self) -> float:
        """1 / (1 − beta)."""
        return most_effective_number(self.beta)
