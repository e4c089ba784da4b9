"""log(1 + e), of which losses need every digit, and the same ones in every step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import mindspore as ms
from mindspore import Tensor, ops

from ltdsl_runtime.tricks.losses.cell import Layout, ShardedCell

if TYPE_CHECKING:
    from ltdsl_runtime.tricks.losses.cell import Strategies

#: log(1 + e) = 2 artanh(r), r = e / (2 + e): the coefficients of r^2, r^4, … in artanh(r) / r.
ARTANH = (1 / 3, 1 / 5, 1 / 7, 1 / 9, 1 / 11, 1 / 13, 1 / 15)


class LogOnePlus(ShardedCell):
    """log(1 + e) for e in [0, 1], by a power series (r ≤ 1/3: eight terms are exact in float32).

    Not by MindSpore's own operators. On a CPU, ``Log1p`` is log(1 + x), which loses the digits of what is small, and
    ``Log``, ``Pow`` and ``Softplus`` compute the last elements of each thread's share by another routine than the
    others; how many threads there are is tried out in the first steps of a graph, by the clock.

    Args:
        of_classes: e is float32 [B, C], not [B].
    """

    def __init__(self, of_classes: bool) -> None:
        super().__init__()
        self.of_classes = of_classes
        self.add_two = ops.Add()
        self.div_ratio = ops.Div()
        self.square = ops.Mul()
        self.series_scale = ops.Mul()
        self.series_mul = ops.Mul()
        self.series_add = ops.Add()
        self.mul_ratio = ops.Mul()
        self.two = Tensor(2.0, ms.float32)
        self.coefficients = [Tensor(2 * coefficient, ms.float32) for coefficient in ARTANH]

    def construct(self, e: Tensor) -> Tensor:
        """Float32 [B] or [B, C] -> the same."""
        ratio = self.div_ratio(e, self.add_two(e, self.two))
        square = self.square(ratio, ratio)
        series = self.series_scale(square, self.coefficients[-1])
        for coefficient in self.coefficients[-2::-1]:
            series = self.series_mul(square, self.series_add(series, coefficient))
        return self.mul_ratio(ratio, self.series_add(series, self.two))

    def strategies(self, layout: Layout) -> Strategies:
        """Rows and classes are split."""
        own, scalar = layout.rows if self.of_classes else layout.row, layout.scalar
        return {
            "add_two": (own, scalar),
            "div_ratio": (own, own),
            "square": (own, own),
            "series_scale": (own, scalar),
            "series_mul": (own, own),
            "series_add": (own, scalar),
            "mul_ratio": (own, own),
        }
