"""Images as bytes to what a network takes, at the beginning of every graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn, ops

from ltdsl_runtime.machine.device import native

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


class Normalise(nn.Cell):
    """Pixels to network input: (x / 255 − mean) / std for each channel, on the device.

    Images travel as bytes, a quarter of the size of floats.

    Args:
        mean: Channel means of pixels scaled to 0–1, float32 [ch].
        std: Channel standard deviations, likewise.
    """

    def __init__(self, mean: NDArray[np.float32], std: NDArray[np.float32]) -> None:
        super().__init__()
        mean64, std64 = np.asarray(mean, np.float64), np.asarray(std, np.float64)
        shape = (1, -1, 1, 1)
        self.scale = Tensor((1 / (255 * std64)).reshape(shape), ms.float32)
        self.shift = Tensor((-mean64 / std64).reshape(shape), ms.float32)
        self.kernel: Callable[..., Tensor] | None = None
        if native():
            from ltdsl_runtime.machine.native.kernel import Kernel

            self.kernel = Kernel("ltdsl_normalise", lambda *_: ms.float32, lambda x, *_: x)

    def construct(self, images: Tensor) -> Tensor:
        """uint8 [B, ch, H, W] -> float32 [B, ch, H, W]."""
        if self.kernel is not None:
            return self.kernel(images, self.scale, self.shift)
        return ops.cast(images, ms.float32) * self.scale + self.shift
