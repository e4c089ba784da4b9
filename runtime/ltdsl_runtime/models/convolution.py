"""Square convolutions of stride 1 whose gradients take a CPU's faster kernels: the same sums, in another order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import mindspore as ms
from mindspore import Tensor, nn, ops
from mindspore.ops.operations import _grad_ops

from ltdsl_runtime.machine.device import on_cpu

if TYPE_CHECKING:
    from collections.abc import Callable

#: The weights' gradient is taken row by row for images of this many positions and more, with at most so many channels:
#: with more of them the kernel's arithmetic outweighs its threads' meetings, and short sums over a row cost more.
ROWS_FROM, ROWS_CHANNELS = 512, 32


class Convolution(nn.Conv2d):
    """An ``nn.Conv2d`` of stride 1 that keeps the size of its images, without bias.

    On a CPU its gradients are written out, for oneDNN has no good kernels for them on plain layouts:

    - of the input: a convolution of the output's gradient with the turned kernel. The kernel made for it adds up
      overlapping patches element by element.
    - of the weights, for large images of few channels: a three-dimensional convolution with rows as depth, which is
      shared out among threads by images. The two-dimensional kernel lets all threads meet twice for each image, which
      costs much where they do not all run at once.

    Elsewhere it is the cell that it derives from, as are its name, parameter and values everywhere.

    Args:
        inputs: Channels of the input.
        outputs: Channels of the output.
        kernel: Height and width of the kernel, odd.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__(
            inputs, outputs, kernel, 1, pad_mode="pad", padding=kernel // 2, has_bias=False
        )
        self.on_cpu = on_cpu()
        self.by_hand: Callable[[Tensor, Tensor], Tensor] = _WithGradients(inputs, outputs, kernel)

    def construct(self, x: Tensor) -> Tensor:
        """[B, inputs, H, W] -> [B, outputs, H, W]."""
        if self.on_cpu:
            return self.by_hand(x, self.weight)
        return self.conv2d(x, self.weight)


class _WithGradients(nn.Cell):
    """(images, weights) -> convolved images, with gradients of its own."""

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__()
        pad = kernel // 2
        self.few = max(inputs, outputs) <= ROWS_CHANNELS
        square = (kernel, kernel)  # ONNX's writer refuses a single number
        self.forward = ops.Conv2D(outputs, square, pad_mode="pad", pad=pad)
        self.backward = ops.Conv2D(inputs, square, pad_mode="pad", pad=pad)
        self.turn = ops.ReverseV2((2, 3))
        self.plane = _grad_ops.Conv2DBackpropFilter(
            outputs, square, pad_mode="pad", pad=(pad,) * 4, pad_list=(pad,) * 4
        )
        self.rows = _grad_ops.Conv3DBackpropFilter(
            outputs, (kernel, 1, kernel), pad_mode="pad", pad=(pad, pad, 0, 0, pad, pad)
        )

    def construct(self, x: Tensor, weight: Tensor) -> Tensor:
        return self.forward(x, weight)

    def bprop(
        self, x: Tensor, weight: Tensor, _out: Tensor, gradient: Tensor
    ) -> tuple[Tensor, Tensor]:
        """dL/dx[c] = Σ_o dL/dy[o] ∗ turned w[o, c], and dL/dw."""
        # with lower precision the output is of that format, and the inputs are not
        kind = gradient.dtype
        x_, weight_ = ops.cast(x, kind), ops.cast(weight, kind)
        turned = self.turn(ops.transpose(weight_, (1, 0, 2, 3)))
        of_x = self.backward(gradient, turned)
        if self.few and kind == ms.float32 and x.shape[2] * x.shape[3] >= ROWS_FROM:
            o, c, h, w = weight.shape
            deep = ops.expand_dims(x_, 3), ops.expand_dims(gradient, 3)
            of_weight = ops.reshape(self.rows(deep[0], deep[1], (o, c, h, 1, w)), (o, c, h, w))
        else:
            of_weight = self.plane(gradient, x_, weight.shape)
        return ops.cast(of_x, x.dtype), ops.cast(of_weight, weight.dtype)
