"""Cross entropy of logits that are lowered at random, the more so the rarer their class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import mindspore as ms
import numpy as np
from mindspore import Tensor, ops

from ltdsl_runtime.tricks.losses.cell import Layout, LossCell
from ltdsl_runtime.tricks.losses.cross_entropy import CrossEntropy

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ltdsl_runtime.tricks.losses.cell import Strategies

#: Of the normal numbers, which are cut at 1: three of them.
DEVIATION = 1 / 3


class CloudedCrossEntropy(LossCell):
    """(1 − p_y)^focus · (−log p_y), p of z_c − r_c · k_c − m · [c = y], r drawn for each sample and class.

    The largest logit is taken away first: it cancels, and carries no gradient. The first factor carries none either.

    Args:
        clouds: k_c of each class in units of the logits, shape [C], at least 0.
        margin: m, in units of the logits.
        focus: At least 0.
    """

    def __init__(self, clouds: NDArray[np.float64], margin: float, focus: float) -> None:
        super().__init__()
        self.classes = len(clouds)
        self.focused = focus > 0
        self.reduce_max = ops.ReduceMax(keep_dims=True)
        self.sub_max = ops.Sub()
        self.one_hot = ops.OneHot()
        self.mul_cloud = ops.Mul()
        self.sub_cloud = ops.Sub()
        self.sub_margin = ops.Sub()
        self.margin = Tensor(margin, ms.float32)
        self.zero = Tensor(0.0, ms.float32)
        self.clouds = Tensor(clouds, ms.float32).reshape(1, -1)
        self.cross_entropy = CrossEntropy()
        if self.focused:
            self.neg = ops.Neg()
            self.exp = ops.Exp()
            self.neg_right = ops.Neg()
            self.log = ops.Log1p()
            self.mul_power = ops.Mul()
            self.exp_power = ops.Exp()
            self.mul_focus = ops.Mul()
            self.focus = Tensor(focus, ms.float32)

    def draw(self, rng: np.random.Generator, batch_size: int) -> tuple[NDArray[np.float32], ...]:
        """Draws r for each sample and class; pure in the state of ``rng``.

        Args:
            rng: Source of randomness.
            batch_size: Number of images B.

        Returns:
            One column, float32 [B, C] in [0, 1]: sizes of normal numbers of deviation 1/3, cut at 1.
        """
        normal = rng.standard_normal((batch_size, self.classes), dtype=np.float32)
        return (np.minimum(np.abs(normal) * np.float32(DEVIATION), np.float32(1)),)

    def construct(self, logits: Tensor, labels: Tensor, sizes: Tensor) -> tuple[Tensor, Tensor]:
        """Computes losses and weights of a batch.

        Args:
            logits: Network outputs z, float32 [B, C].
            labels: Class indices, int32 [B].
            sizes: r as drawn, float32 [B, C].

        Returns:
            ``loss`` and ``weight`` (1), both float32 [B].
        """
        shifted = self.sub_max(logits, ops.stop_gradient(self.reduce_max(logits, -1)))
        clouded = self.sub_cloud(shifted, self.mul_cloud(sizes, self.clouds))
        margins = self.one_hot(labels, logits.shape[-1], self.margin, self.zero)
        loss, weight = self.cross_entropy(self.sub_margin(clouded, margins), labels)
        if self.focused:
            # (1 − p)^focus; not by Pow, whose digits depend on the clock
            wrong = self.log(self.neg_right(self.exp(self.neg(ops.stop_gradient(loss)))))
            loss = self.mul_focus(self.exp_power(self.mul_power(wrong, self.focus)), loss)
        return loss, weight

    def strategies(self, layout: Layout) -> Strategies:
        """Rows and classes are split."""
        rows, row, scalar = layout.rows, layout.row, layout.scalar
        strategies: dict[str, tuple[tuple[int | str, ...], ...]] = {
            "reduce_max": (rows,),
            "sub_max": (rows, layout.column),
            "one_hot": (rows, scalar, scalar),
            "mul_cloud": (rows, layout.classes),
            "sub_cloud": (rows, rows),
            "sub_margin": (rows, rows),
        }
        if self.focused:
            strategies |= {
                "neg": (row,),
                "exp": (row,),
                "neg_right": (row,),
                "log": (row,),
                "mul_power": (row, scalar),
                "exp_power": (row,),
                "mul_focus": (row, row),
            }
        return strategies
