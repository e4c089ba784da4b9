"""Focal loss: a binary cross entropy for each class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import mindspore as ms
from mindspore import Tensor, ops

from ltdsl_runtime.tricks.losses.cell import Layout, SampleWeight, WeightedLossCell
from ltdsl_runtime.tricks.losses.log_one_plus import LogOnePlus

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ltdsl_runtime.tricks.losses.cell import Strategies


class SigmoidFocal(WeightedLossCell):
    """Σ_c (1 − q_c)^γ · (−log q_c), q_c the sigmoid's probability of the right answer for class c.

    With u_c = −z_c for the label and z_c for the others, −log q_c = softplus(u_c) and
    (1 − q_c)^γ = exp(−γ · softplus(−u_c)): no power of a number near 0, no logarithm of one, at any logits. Both are
    max(±u, 0) + log(1 + exp(−|u|)), with their derivatives ±σ(±u) written down: that of the formula would lose the
    digits of the one that is small, and has none at 0.

    Args:
        gamma: γ, at least 0; 0 is the sum of binary cross entropies.
        class_weights: Weight of each class, shape [C], positive; None weighs all samples with 1.
    """

    def __init__(self, gamma: float, class_weights: NDArray[np.float64] | None = None) -> None:
        super().__init__()
        self.one_hot = ops.OneHot()
        self.mul_sign = ops.Mul()
        self.neg = ops.Neg()
        self.abs = ops.Abs()
        self.neg_size = ops.Neg()
        self.exp_size = ops.Exp()
        self.log_one_plus = LogOnePlus(of_classes=True)
        self.positive = ops.ReLU()
        self.add_rest = ops.Add()
        self.sigmoid = ops.Sigmoid()
        self.sub_still = ops.Sub()
        self.mul_slope = ops.Mul()
        self.add_slope = ops.Add()
        self.mul_gamma = ops.Mul()
        self.exp_gamma = ops.Exp()
        self.mul_focus = ops.Mul()
        self.sum_classes = ops.ReduceSum()
        # −1 at the label, 1 elsewhere: what turns z into u
        self.on = Tensor(-1.0, ms.float32)
        self.off = Tensor(1.0, ms.float32)
        self.minus_gamma = Tensor(-gamma, ms.float32)
        self.sample_weight = SampleWeight(class_weights)

    def construct(self, logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Logits float32 [B, C] and labels int32 [B] -> loss and weight, float32 [B]; sums over the classes."""
        sign = self.one_hot(labels, logits.shape[-1], self.on, self.off)
        wrong = self.mul_sign(logits, sign)
        right = self.neg(wrong)
        rest = self.log_one_plus(self.exp_size(self.neg_size(self.abs(wrong))))
        entropy, right = self._softplus(wrong, rest), self._softplus(right, rest)
        focus = self.exp_gamma(self.mul_gamma(right, self.minus_gamma))
        loss = self.sum_classes(self.mul_focus(focus, entropy), -1)
        return loss, self.sample_weight(loss, labels)

    def _softplus(self, u: Tensor, rest: Tensor) -> Tensor:
        """log(1 + exp(u)), [B, C], of which ``rest`` is what is beyond max(u, 0)."""
        value, slope = self.add_rest(self.positive(u), rest), self.sigmoid(u)
        still = self.sub_still(u, ops.stop_gradient(u))  # 0, with the gradient of u
        moving = self.mul_slope(ops.stop_gradient(slope), still)
        return self.add_slope(ops.stop_gradient(value), moving)

    def strategies(self, layout: Layout) -> Strategies:
        """Rows and classes are split."""
        rows, scalar = layout.rows, layout.scalar
        return {
            "one_hot": (rows, scalar, scalar),
            "mul_sign": (rows, rows),
            "neg": (rows,),
            "abs": (rows,),
            "neg_size": (rows,),
            "exp_size": (rows,),
            "positive": (rows,),
            "add_rest": (rows, rows),
            "sigmoid": (rows,),
            "sub_still": (rows, rows),
            "mul_slope": (rows, rows),
            "add_slope": (rows, rows),
            "mul_gamma": (rows, scalar),
            "exp_gamma": (rows,),
            "mul_focus": (rows, rows),
            "sum_classes": (rows,),
        }
