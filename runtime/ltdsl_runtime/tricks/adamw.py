"""Adam with decoupled weight decay, which MindSpore has only without the correction of the first steps."""

from __future__ import annotations

from typing import Any

import mindspore as ms
from mindspore import Parameter, ParameterTuple, Tensor, nn, ops

#: Added to the root of the mean of squares, as PyTorch does.
EPSILON = 1e-8


def _state(value: Tensor, name: str) -> Parameter:
    return Parameter(value, name=name, requires_grad=False)


def _update(
    beta1: Tensor,
    beta2: Tensor,
    grown1: Tensor,
    grown2: Tensor,
    decay: Tensor,
    rate: Tensor,
    weight: Parameter,
    mean: Parameter,
    square: Parameter,
    gradient: Tensor,
) -> Tensor:
    # each parameter is read before anything is assigned, and assigned once: nothing depends on their order
    new_mean = beta1 * mean + (1 - beta1) * gradient
    new_square = beta2 * square + (1 - beta2) * gradient * gradient
    direction = (new_mean / grown1) / (ops.sqrt(new_square / grown2) + EPSILON)
    new_weight = weight * (1 - rate * decay) - rate * direction
    ops.assign(mean, new_mean)
    ops.assign(square, new_square)
    return ops.assign(weight, new_weight)


class AdamW(nn.Optimizer):
    """Loshchilov and Hutter (ICLR 2019), algorithm 2, as torch.optim.AdamW has it: decay times learning rate.

    Args:
        parameters: Groups as MindSpore's optimizers take them; they have no weight decay of their own.
        rates: Learning rate of each step.
        beta1: Decay of the mean of gradients.
        beta2: Decay of the mean of squared gradients.
        decay: Weight decay, of all parameters.
    """

    def __init__(
        self,
        parameters: list[dict[str, Any]],
        rates: list[float],
        beta1: float,
        beta2: float,
        decay: float,
    ) -> None:
        super().__init__(rates, parameters)
        self.beta1, self.beta2 = Tensor(beta1, ms.float32), Tensor(beta2, ms.float32)
        self.beta1_power = _state(Tensor(1.0, ms.float32), "beta1_power")
        self.beta2_power = _state(Tensor(1.0, ms.float32), "beta2_power")
        self.moment1, self.moment2 = (
            ParameterTuple([_state(ops.zeros_like(p), f"{name}.{p.name}") for p in self.parameters])
            for name in ("moment1", "moment2")
        )
        self.decay = Tensor(decay, ms.float32)

    def construct(self, gradients: tuple[Tensor, ...]) -> Any:
        """Updates the parameters."""
        rate = self.get_lr()
        self.assignadd(self.global_step, self.global_step_increase_tensor)
        beta1_power = self.beta1_power * self.beta1
        beta2_power = self.beta2_power * self.beta2
        ops.assign(self.beta1_power, beta1_power)
        ops.assign(self.beta2_power, beta2_power)
        beta1, beta2, decay = self.beta1, self.beta2, self.decay
        grown1, grown2 = 1 - beta1_power, 1 - beta2_power
        weights, mean, square = self.parameters, self.moment1, self.moment2
        if self.is_group_lr:
            update = ops.partial(_update, beta1, beta2, grown1, grown2, decay)
            return self.map_(update, rate, weights, mean, square, gradients)
        update = ops.partial(_update, beta1, beta2, grown1, grown2, decay, rate)
        return self.map_(update, weights, mean, square, gradients)
