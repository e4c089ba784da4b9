"""Stochastic gradient descent by one call of a native kernel for all parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mindspore as ms
from mindspore import Tensor, nn
from mindspore.ops.signature import make_sig, sig_rw

from ltdsl_runtime.machine.native.kernel import Kernel


class NativeSGD(nn.SGD):
    """What ``nn.SGD`` computes, with the same state.

    MindSpore's makes several calls for each parameter, which for small networks take longer than their arithmetic.

    Args:
        parameters: As ``nn.SGD`` takes them.
        rates: Learning rate of each step.
        momentum: Its factor, 0 for none.
        nesterov: Whether it is Nesterov's.
    """

    def __init__(
        self, parameters: list[dict[str, Any]], rates: list[float], momentum: float, nesterov: bool
    ) -> None:
        super().__init__(parameters, rates, momentum, nesterov=nesterov)
        count = len(self.parameters)
        decay = parameters[0]["weight_decay"]
        self.decay = Tensor([decay] * count, ms.float32)
        self.by_nesterov = Tensor([float(nesterov)], ms.float32)
        kernel = Kernel("ltdsl_sgd", lambda *_: ms.float32, lambda *_: [1])
        written, read = sig_rw.RW_WRITE, sig_rw.RW_READ
        kinds = [read] * 4 + [written] * count + [read] * count + [written] * 2 * count
        kernel.set_signatures([make_sig(f"x{i}", kind) for i, kind in enumerate(kinds)])
        kernel.add_prim_attr("side_effect_mem", True)  # parameters are changed in place
        self.update: Callable[..., Tensor] = kernel

    def construct(self, gradients: tuple[Tensor, ...]) -> Tensor:
        """Updates the parameters."""
        rate = self.get_lr()
        self.assignadd(self.global_step, self.global_step_increase_tensor)
        return self.update(
            rate,
            self.momentum,
            self.decay,
            self.by_nesterov,
            *self.parameters,
            *gradients,
            *self.accum,
            *self.stat,
        )
