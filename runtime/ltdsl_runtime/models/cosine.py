"""The cosine classifier."""

from __future__ import annotations

import mindspore as ms
import numpy as np
from mindspore import Parameter, Tensor, nn, ops


class CosineClassifier(nn.Cell):
    """Logits s · cos(w_c, h): normalised features times normalised weights, no bias.

    Lengths below 1e-12 count as 1e-12, so that features of zeros give logits of zeros.

    Args:
        in_channels: Length K of the features.
        out_channels: Number of classes C.
        scale: s, above 0.

    Attributes:
        weight: Class weights w, [C, K], of any length.
        bias: None, as of a dense layer without one.
    """

    def __init__(self, in_channels: int, out_channels: int, scale: float) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.scale = scale
        zeros = Tensor(np.zeros((out_channels, in_channels)), ms.float32)
        self.weight = Parameter(zeros, name="weight")
        self.bias: Parameter | None = None
        self.cosine = ops.MatMul(transpose_b=True)

    def construct(self, features: Tensor) -> Tensor:
        """Features h, float32 [B, K] -> logits, float32 [B, C] in [−s, s]."""
        return self.scale * self.cosine(_normalise(features), _normalise(self.weight))


def _normalise(rows: Tensor) -> Tensor:
    """Rows divided by their Euclidean lengths."""
    # the limit is taken before the root, whose gradient at 0 is infinite
    square = (rows * rows).sum(-1, keepdims=True)
    return rows / ops.sqrt(ops.maximum(square, Tensor(1e-24, ms.float32)))
