"""A batch norm with what follows it, so that a CPU's kernels can compute all of it at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mindspore import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Callable


class NormRelu(nn.BatchNorm2d):
    """A batch norm, the addition of a shortcut where there is one, and a ReLU.

    Args:
        channels: Of its input.
        ceiling: The ReLU's: 6, or None.
        eps: As ``nn.BatchNorm2d`` has it.
        momentum: Likewise.

    Attributes:
        relu: The ReLU; an identity where batch norms compute it themselves.
        joined: In training and in inference, (x, shortcut, gamma, beta, mean, variance) -> the output; or None.
    """

    def __init__(
        self,
        channels: int,
        ceiling: float | None = None,
        *,
        eps: float = 1e-5,
        momentum: float = 0.9,
    ) -> None:
        super().__init__(channels, eps=eps, momentum=momentum)
        self.relu: nn.ReLU | nn.ReLU6 | nn.Identity = nn.ReLU() if ceiling is None else nn.ReLU6()
        self.join_in_training: Callable[..., Tensor] | None = None
        self.join_in_inference: Callable[..., Tensor] | None = None

    def construct(self, x: Tensor, shortcut: Tensor | None = None) -> Tensor:
        """[B, channels, H, W], and as much, or nothing -> the same shape."""
        if shortcut is None:
            return self.relu(super().construct(x))
        if self.join_in_training is None or self.join_in_inference is None:
            return self.relu(super().construct(x) + shortcut)
        join = self.join_in_training if self.training else self.join_in_inference
        return join(x, shortcut, self.gamma, self.beta, self.moving_mean, self.moving_variance)
