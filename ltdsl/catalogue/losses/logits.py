"""Losses that change the logits of each class by what is known of its frequency, in training only.

Predictions use the network's own logits, which is where the correction takes effect.
"""

import math
from collections.abc import Sequence

from pydantic import Field

from ltdsl.catalogue.entry import plain
from ltdsl.catalogue.losses.cross_entropy import CrossEntropy
from ltdsl.catalogue.tricks import Loss


class BalancedSoftmax(Loss):
    """Cross entropy of a softmax that counts each class as often as it has training images."""

    name = "balanced_softmax"
    formula = "−log (N_y · exp(z_y) / Σ_c N_c · exp(z_c)), in training only"
    citation = (
        "Ren, Yu, Sheng, Ma, Zhao, Yi, Li: Balanced Meta-Softmax for Long-Tailed Visual "
        "Recognition, NeurIPS 2020, section 3"
    )

    def logit_offsets(self, counts: Sequence[int]) -> tuple[float, ...]:
        """What is added to each class's logit: log N_c."""
        return tuple(math.log(count) for count in counts)

    def without_counts(self) -> Loss:
        """Cross entropy."""
        return plain(CrossEntropy)


class LogitAdjustment(Loss):
    """Cross entropy of logits that are raised by a multiple of the log frequency of their class.

    With tau 1 it is `balanced_softmax`: N_c and N_c / N differ by a factor that the softmax cancels.
    """

    name = "logit_adjustment"
    formula = "−log softmax(z + tau · log(N_c / N))_y, in training only"
    citation = (
        "Menon, Jayasumana, Rawat, Jain, Veit, Kumar: Long-Tail Learning via Logit Adjustment, "
        "ICLR 2021, equation 10"
    )

    tau: float = Field(
        1.0, ge=0, le=10, description="Factor on the log frequencies; 0 is plain `ce`."
    )

    def logit_offsets(self, counts: Sequence[int]) -> tuple[float, ...]:
        """What is added to each class's logit: tau · log(N_c / N)."""
        total = sum(counts)
        return tuple(self.tau * math.log(count / total) for count in counts)

    def without_counts(self) -> Loss:
        """Cross entropy."""
        return plain(CrossEntropy)


class ClassDependentTemperature(Loss):
    """Cross entropy of logits divided by a temperature that is higher for rarer classes."""

    name = "cdt"
    formula = "−log softmax(z_c / a_c)_y, a_c = (N_max / N_c)^gamma, in training only"
    citation = (
        "Ye, Chen, Zhan, Chao: Identifying and Compensating for Feature Deviation in Imbalanced "
        "Deep Learning, arXiv:2001.01385, 2020"
    )

    gamma: float = Field(
        0.2,
        ge=0,
        le=2,
        description="Exponent of the frequency ratio; 0 is plain `ce`; published from 0 to 0.4.",
    )

    def temperatures(self, counts: Sequence[int]) -> tuple[float, ...]:
        """a_c = (N_max / N_c)^gamma; 1 for the largest class."""
        largest = max(counts)
        return tuple((largest / count) ** self.gamma for count in counts)

    def spread(self, counts: Sequence[int]) -> float:
        """The largest temperature: the smallest is 1."""
        return max(self.temperatures(counts))

    def without_counts(self) -> Loss:
        """Cross entropy."""
        return plain(CrossEntropy)


class VectorScaling(Loss):
    """Cross entropy of logits that are divided as in `cdt`, and raised as in `logit_adjustment`.

    Defaults are those of the authors' code, whose example for CIFAR-10-LT-100 has tau 1.2 and gamma 0.2. Temperatures
    shape the margins late in training, offsets speed up its beginning.
    """

    name = "vs"
    formula = "−log softmax(z_c / a_c + tau · log(N_c / N))_y, a_c = (N_max / N_c)^gamma, in training only"
    citation = (
        "Kini, Paraskevas, Oymak, Thrampoulidis: Label-Imbalanced and Group-Sensitive "
        "Classification under Overparameterization, NeurIPS 2021; code: orparask/VS-Loss"
    )

    tau: float = Field(1.0, ge=0, le=10, description="Factor on the log frequencies; 0 is `cdt`.")
    gamma: float = Field(
        0.3, ge=0, le=2, description="Exponent of the frequency ratio; 0 is `logit_adjustment`."
    )

    def temperatures(self, counts: Sequence[int]) -> tuple[float, ...]:
        """a_c = (N_max / N_c)^gamma; 1 for the largest class."""
        largest = max(counts)
        return tuple((largest / count) ** self.gamma for count in counts)

    def logit_offsets(self, counts: Sequence[int]) -> tuple[float, ...]:
        """What is added to each class's logit: tau · log(N_c / N)."""
        total = sum(counts)
        return tuple(self.tau * math.log(count / total) for count in counts)

    def spread(self, counts: Sequence[int]) -> float:
        """That of the offsets times the largest temperature."""
        return super().spread(counts) * max(self.temperatures(counts))

    def without_counts(self) -> Loss:
        """Cross entropy."""
        return plain(CrossEntropy)
