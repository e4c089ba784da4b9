"""Calibration: a temperature that divides logits, so that confidence is how often a prediction is right."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import mindspore as ms
import numpy as np
from mindspore import Parameter, Tensor

from ltdsl_runtime.tricks.posthoc import Correction, EffectivePrior, corrected

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from mindspore import nn
    from numpy.typing import NDArray

    from ltdsl.plan import Plan
    from ltdsl_runtime.models import Network

#: Temperatures that are looked among: with all images right, or as good as drawn, there is no best one between.
LOWEST, HIGHEST = 0.05, 100.0

#: Halvings of the interval of 1 / T: more than float32 can tell apart.
HALVINGS = 60


class Calibrated(Correction):
    """Logits over a temperature, after a posthoc correction where there is one (Guo et al., 2017, equation 9).

    Args:
        outcome: A network, or its correction.

    Attributes:
        temperature: T, 1 until it is fitted; a parameter, so that a graph stays compiled.
    """

    def __init__(self, outcome: nn.Cell) -> None:
        inner = outcome if isinstance(outcome, Correction) else None
        super().__init__(cast("Network", outcome if inner is None else inner.network))
        self.inner = inner
        self.temperature = Parameter(
            Tensor(1.0, ms.float32), name="calibration.temperature", requires_grad=False
        )

    def correct(self, logits: Tensor) -> Tensor:
        """Logits [B, C] to corrected and calibrated ones."""
        corrected = logits if self.inner is None else self.inner.correct(logits)
        return corrected / self.temperature

    def set(self, temperature: float) -> None:
        """Divide by another temperature."""
        self.temperature.set_data(Tensor(temperature, ms.float32))


def fitted_temperature(logits: NDArray[np.floating[Any]], label: NDArray[np.int32]) -> float:
    """The temperature of the smallest mean cross entropy.

    With b = 1 / T the cross entropy of b · z is convex in b, and its slope is E[Σ_c p_c z_c − z_y], p = softmax(b · z).

    Args:
        logits: [N, C].
        label: [N].

    Returns:
        T, in [0.05, 100].
    """
    z = logits.astype(np.float64)
    z -= z.max(1, keepdims=True)
    target = z[np.arange(len(z)), label].mean()
    low, high = 1 / HIGHEST, 1 / LOWEST
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        p = np.exp(middle * z)
        slope = ((p * z).sum(1) / p.sum(1)).mean() - target
        low, high = (low, middle) if slope > 0 else (middle, high)
    return 2 / (low + high)


#: Correct logits of the validation part and their labels, to what the logits are divided by.
CALIBRATIONS: dict[str, Callable[[NDArray[np.floating[Any]], NDArray[np.int32]], float]] = {
    "temperature": fitted_temperature
}


def measures_prior(outcome: nn.Cell | None) -> EffectivePrior | None:
    """What of a network's correction is set to the prior that the network has learned; None where nothing is."""
    inner = outcome.inner if isinstance(outcome, Calibrated) else outcome
    return inner if isinstance(inner, EffectivePrior) else None


def outcome_of(plan: Plan, network: Network, counts: Sequence[int]) -> nn.Cell:
    """What a plan's results are measured on: its network, corrected and calibrated as the plan asks.

    Args:
        plan: The run.
        network: Images to logits; shares its weights with what is returned.
        counts: Training images of each class.

    Raises:
        RunError: LT412, as :func:`ltdsl_runtime.tricks.posthoc.corrected` says.
    """
    outcome = corrected(plan, network, counts)
    return outcome if plan.calibration is None else Calibrated(outcome)
