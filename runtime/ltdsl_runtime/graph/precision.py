"""Number formats of a training step.

Weights, their updates, losses and batch norms stay in float32; convolutions and matrix products run in the recipe's
format, as MindSpore's automatic mixed precision chooses them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import mindspore as ms
from mindspore import Parameter, Tensor, amp, nn, ops

from ltdsl_runtime.parallel.collectives import AllGradients

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeVar

    Lowered = TypeVar("Lowered", bound=nn.Cell)

Precision = Literal["fp32", "fp16", "bf16"]

FORMATS = {"fp16": ms.float16, "bf16": ms.bfloat16}

#: The loss scale of float16: where it starts, and the steps without overflow after which it doubles. Both as in
#: PyTorch's GradScaler; 2¹⁶ is near float16's largest number, 65,504, so that small gradients are not lost.
START, WINDOW = 2.0**16, 2000


def lowered(cell: Lowered, precision: Precision) -> Lowered:
    """The cell, with its convolutions and matrix products in a format whenever it is called itself.

    What it holds is not changed: a network that is evaluated too is evaluated in float32.
    """
    if precision == "fp32":
        return cell
    return amp.auto_mixed_precision(cell, "auto", FORMATS[precision])


class Update(nn.Cell):
    """What becomes of a batch's gradients: unscaled, clipped, and applied, or skipped where they are not finite.

    Args:
        optimizer: Applies them.
        clip_norm: Longest length of all gradients taken together, as one vector; None leaves them as they are.
        own: Which of the gradients are of own classes, where several workers split them; see
            :class:`ltdsl_runtime.parallel.collectives.AllGradients`. None is, unless it is said.
        scaled: Loss scaling, as float16 needs it: the loss is multiplied before the gradients are taken, so that they
            are not too small for the format, and the factor adapts. Without it nothing is checked and nothing skipped.

    Attributes:
        skipped: Steps skipped since it was last set to 0, a device scalar; with loss scaling only.
    """

    def __init__(
        self,
        optimizer: nn.Optimizer,
        clip_norm: float | None = None,
        scaled: bool = False,
        own: Sequence[bool] = (),
    ) -> None:
        super().__init__(auto_prefix=False)
        self.optimizer = optimizer
        self.clip_norm = clip_norm
        self.scaled = scaled
        self.own = tuple(own)
        self.split = any(own)
        if self.split:
            self.all_gradients = AllGradients(own)
            self.map = ops.HyperMap()
        if scaled:
            self.scaler = amp.DynamicLossScaler(START, 2, WINDOW)
            # as attributes of the cell, checkpoints know them
            self.factor, self.calm_steps = self.scaler.scale_value, self.scaler.counter
            self.factor.name, self.calm_steps.name = "loss_scale.factor", "loss_scale.calm_steps"
            self.skipped = Parameter(Tensor(0, ms.int32), "loss_scale.skipped", requires_grad=False)

    def scale(self, loss: Tensor) -> Tensor:
        """The loss whose gradients :meth:`construct` takes."""
        return self.scaler.scale(loss) if self.scaled else loss

    def construct(self, loss: Tensor, gradients: tuple[Tensor, ...]) -> Tensor:
        """Applies the gradients.

        Args:
            loss: As :meth:`scale` gave it.
            gradients: Of that loss.

        Returns:
            The loss itself, float32; 0 for a step that was skipped.
        """
        if not self.scaled:
            self.optimizer(self._clipped(gradients))
            return loss
        loss, gradients = self.scaler.unscale(loss), self.scaler.unscale(gradients)
        finite = ops.logical_and(amp.all_finite(gradients), ops.isfinite(loss))
        if self.split:
            finite = self.all_gradients.everywhere(finite)
        self.scaler.adjust(finite)
        # not in a branch: there the count would miss that `set_data` has begun it anew (MindSpore 2.10)
        ops.assign_add(self.skipped, ops.cast(ops.logical_not(finite), ms.int32))
        if finite:
            self.optimizer(self._clipped(gradients))
        return ops.select(finite, loss, ops.zeros_like(loss))

    def _clipped(self, gradients: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        if self.clip_norm is None:
            return gradients
        if self.split:
            length = self.all_gradients.length(gradients)
            factor = self.clip_norm / ops.maximum(length, Tensor(self.clip_norm, ms.float32))
            return self.map(ops.partial(ops.mul, factor), gradients)
        return ops.clip_by_global_norm(gradients, self.clip_norm)
