"""Corrections of the logits in evaluation."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import mindspore as ms
import numpy as np
from mindspore import Parameter, Tensor, nn, ops

from ltdsl_runtime.errors import RunError
from ltdsl_runtime.models.scaled import ScaledClassifier
from ltdsl_runtime.plugged import implementation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from ltdsl.catalogue import phases as declared
    from ltdsl.plan import Plan
    from ltdsl_runtime.models import Network


class Correction(nn.Cell):
    """A network whose logits are corrected in evaluation.

    Args:
        network: Images to logits.
    """

    def __init__(self, network: Network) -> None:
        super().__init__(auto_prefix=False)
        self.network = network

    def correct(self, logits: Tensor) -> Tensor:
        """Logits [B, C] to corrected ones."""
        raise NotImplementedError

    def construct(self, images: Tensor) -> Tensor:
        """Images [B, ch, H, W] -> corrected logits [B, C]."""
        return self.correct(self.network(images))


class LogitAdjustment(Correction):
    """z_c − τ log π_c, π the class frequencies (Menon et al., 2021, eq. 9).

    Args:
        network: Images to logits.
        offsets: τ log π_c of each class that the network has, [C].
    """

    def __init__(self, network: Network, offsets: NDArray[np.float64]) -> None:
        super().__init__(network)
        self.offsets = Tensor(offsets, ms.float32)

    def correct(self, logits: Tensor) -> Tensor:
        """Logits [B, C] to corrected ones."""
        return logits - self.offsets


class EffectivePrior(Correction):
    """z_c − τ log p_c, p the prior that the model has learned, as it was measured last (Bhat et al., 2025).

    Args:
        network: Images to logits.
        tau: τ, at least 0.
        classes: C.

    Attributes:
        offsets: τ log p of each class, [C], 0 until it is measured; a parameter, so that a graph stays compiled.
    """

    def __init__(self, network: Network, tau: float, classes: int) -> None:
        super().__init__(network)
        self.tau = tau
        self.offsets = Parameter(
            Tensor(np.zeros(classes), ms.float32), name="posthoc.offsets", requires_grad=False
        )

    def correct(self, logits: Tensor) -> Tensor:
        """Logits [B, C] to corrected ones."""
        return logits - self.offsets

    def set(self, prior: NDArray[np.float64] | None) -> None:
        """Correct another prior, [C], each share positive; None for none."""
        offsets = np.zeros(self.offsets.shape) if prior is None else self.tau * np.log(prior)
        self.offsets.set_data(Tensor(offsets, ms.float32))


class TauNormalisation(Correction):
    """Logits of the class weights w_c / ‖w_c‖^τ (Kang et al., 2020), with the bias or without it.

    With z_c = w_c · h + b_c they are (z_c − b_c) / ‖w_c‖^τ + b_c, or only the first term.

    Args:
        network: Its classifier is a dense layer.
        tau: τ, at least 0.
        biased: Whether the bias stays.

    Attributes:
        held: What logits are divided by, float32 [C], where it is not to follow the weights; see :func:`held`.
    """

    def __init__(self, network: Network, tau: float, biased: bool) -> None:
        super().__init__(network)
        self.tau = tau
        self.biased = biased
        self.held: Tensor | None = None

    def lengths(self) -> Tensor:
        """‖w_c‖^τ of the weights as they are, float32 [C]."""
        weight = self.network.classifier.weight
        return _power((weight * weight).sum(-1), 0.5 * self.tau)

    def correct(self, logits: Tensor) -> Tensor:
        """Logits [B, C] to corrected ones."""
        bias = self.network.classifier.bias
        length = self.lengths() if self.held is None else self.held
        if bias is None:
            return logits / length
        normal = (logits - bias) / length
        return normal + bias if self.biased else normal


@contextmanager
def held(outcome: nn.Cell) -> Iterator[None]:
    """Let a correction divide by numbers, not by what it computes of the weights, for a form that lacks an operator."""
    cells = [cell for _, cell in outcome.cells_and_names() if isinstance(cell, TauNormalisation)]
    for cell in cells:
        cell.held = Tensor(cell.lengths().asnumpy())
    try:
        yield
    finally:
        for cell in cells:
            cell.held = None


def _power(squares: Tensor, exponent: float) -> Tensor:
    """Positive numbers to a power, as exp(exponent · log), not by Pow or Log, whose digits depend on the clock.

    The logarithm is that of one and the rest, on either side of 1; see
    :mod:`ltdsl_runtime.tricks.losses.log_one_plus`.
    """
    if exponent == 0:
        return ops.ones_like(squares)
    above = ops.log1p(ops.maximum(squares, 1.0) - 1.0)
    inverse = 1.0 / ops.minimum(squares, 1.0)
    below = ops.log1p(inverse - 1.0)
    return ops.exp(exponent * (above - below))


def _tau_norm(entry: declared.TauNormalisation, network: Network, counts: Sequence[int]) -> nn.Cell:
    del counts
    if isinstance(network.classifier, ScaledClassifier):
        raise RunError(
            "LT412",
            f"`{entry.name}` changes the lengths of class weights, and the first weights have factors from `lws`, "
            "which set them already",
            "start from weights that were trained without `lws`",
        )
    return TauNormalisation(network, entry.tau, entry.bias == "kept")


def _logit_adjustment(
    entry: declared.PosthocLogitAdjustment, network: Network, counts: Sequence[int]
) -> nn.Cell:
    offsets = np.asarray(entry.logit_offsets(counts))
    return LogitAdjustment(network, offsets if network.part is None else network.part.of(offsets))


def _effective_prior(
    entry: declared.Prior2Posterior, network: Network, counts: Sequence[int]
) -> nn.Cell:
    return EffectivePrior(network, entry.tau, len(counts))


def corrected(plan: Plan, network: Network, counts: Sequence[int]) -> nn.Cell:
    """What a plan's results are measured on: its network, with the correction that its last stage asks for.

    Args:
        plan: The run.
        network: Images to logits; shares its weights with what is returned.
        counts: Training images of each class.

    Raises:
        RunError: LT412, `tau_norm` where a checkpoint brought factors; the checker sees only those of the recipe.
    """
    entry = plan.stages[-1].posthoc
    return network if entry is None else implementation(POSTHOC, entry)(entry, network, counts)


#: (declaration, network, training images of each class) -> images to corrected logits
POSTHOC: dict[str, Callable[..., nn.Cell]] = {
    "tau_norm": _tau_norm,
    "posthoc_logit_adjustment": _logit_adjustment,
    "prior2posterior": _effective_prior,
}
