"""Influence-balanced loss: cross entropy divided by a sample's influence on the classifier."""

from __future__ import annotations

from typing import TYPE_CHECKING

import mindspore as ms
from mindspore import Tensor, ops

from ltdsl_runtime.tricks.losses.cell import LOWEST, Layout, SampleWeight, WeightedLossCell
from ltdsl_runtime.tricks.losses.log_one_plus import LogOnePlus

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ltdsl_runtime.tricks.losses.cell import Strategies

#: Keeps the factor finite where a sample has no influence, as published.
EPSILON = 1e-3


class InfluenceBalanced(WeightedLossCell):
    """α / (‖p − e_y‖₁ · ‖h‖₁ + 0.001) · (−log p_y), h the features that the linear classifier sees.

    Everything follows from d = log Σ_{c≠y} exp(z_c) − z_y: −log p_y = softplus(d), and ‖p − e_y‖₁ = 2 (1 − p_y) =
    2 σ(d). Both keep their digits when p_y is close to 1, where the factor is up to 1000 α: a logarithm of p_y, or of
    1 + exp(d), would lose them. So softplus(d) is (d + |d|) / 2 + log(1 + exp(−|d|)), by a series. Its derivative is
    written down, σ(d): that of the formula would be the difference of two halves.

    Args:
        alpha: Factor on the loss, above 0.
        class_weights: Weight of each class, shape [C], positive; None weighs all samples with 1.
        through_factor: Let gradients pass through the influence, p and h.
    """

    needs_features = True

    def __init__(
        self, alpha: float, class_weights: NDArray[np.float64] | None, through_factor: bool
    ) -> None:
        super().__init__()
        self.through_factor = through_factor
        self.one_hot_own = ops.OneHot()
        self.one_hot_lowest = ops.OneHot()
        self.add_lowest = ops.Add()
        self.reduce_max = ops.ReduceMax(keep_dims=True)
        self.sub_max = ops.Sub()
        self.exp = ops.Exp()
        self.sum_exp = ops.ReduceSum()
        self.sub_one = ops.Sub()
        self.log = ops.Log1p()
        self.sub_max_own = ops.Sub()
        self.mul_own = ops.Mul()
        self.sum_own = ops.ReduceSum()
        self.sub_own = ops.Sub()
        self.abs_gap = ops.Abs()
        self.neg = ops.Neg()
        self.exp_gap = ops.Exp()
        self.log_one_plus = LogOnePlus(of_classes=False)
        self.add_abs = ops.Add()
        self.halve = ops.Mul()
        self.add_rest = ops.Add()
        self.sub_gap = ops.Sub()
        self.mul_slope = ops.Mul()
        self.add_slope = ops.Add()
        self.sigmoid = ops.Sigmoid()
        self.abs_features = ops.Abs()
        self.sum_features = ops.ReduceSum()
        self.mul_influence = ops.Mul()
        self.add_epsilon = ops.Add()
        self.div_factor = ops.Div()
        self.mul_factor = ops.Mul()
        self.zero = Tensor(0.0, ms.float32)
        self.one = Tensor(1.0, ms.float32)
        self.half = Tensor(0.5, ms.float32)
        self.lowest = Tensor(LOWEST, ms.float32)
        # ‖p − e_y‖₁ = 2 σ(d): α / (2 σ ‖h‖₁ + ε) = (α / 2) / (σ ‖h‖₁ + ε / 2)
        self.half_alpha = Tensor(alpha / 2, ms.float32)
        self.half_epsilon = Tensor(EPSILON / 2, ms.float32)
        self.sample_weight = SampleWeight(class_weights)

    def construct(self, logits: Tensor, labels: Tensor, features: Tensor) -> tuple[Tensor, Tensor]:
        """Computes losses and weights of a batch.

        Args:
            logits: Network outputs z, float32 [B, C].
            labels: Class indices, int32 [B].
            features: Pooled features h, float32 [B, K].

        Returns:
            ``loss`` and ``weight``, both float32 [B].
        """
        gap = self._gap(logits, labels)
        wrong = self.sigmoid(gap)
        still = self.sub_gap(gap, ops.stop_gradient(gap))  # 0, with the gradient of the gap
        slope = self.mul_slope(ops.stop_gradient(wrong), still)
        loss = self.add_slope(ops.stop_gradient(self._softplus(gap)), slope)
        norm = self.sum_features(self.abs_features(features), -1)
        influence = self.mul_influence(wrong, norm)
        factor = self.div_factor(self.half_alpha, self.add_epsilon(influence, self.half_epsilon))
        if not self.through_factor:
            factor = ops.stop_gradient(factor)
        loss = self.mul_factor(factor, loss)
        return loss, self.sample_weight(loss, labels)

    def _gap(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Gap d = log Σ_{c≠y} exp(z_c) − z_y, [B]."""
        classes = logits.shape[-1]
        own = self.one_hot_own(labels, classes, self.one, self.zero)
        lowest = self.one_hot_lowest(labels, classes, self.lowest, self.zero)
        others = self.add_lowest(logits, lowest)
        highest = ops.stop_gradient(self.reduce_max(others, -1))
        total = self.sum_exp(self.exp(self.sub_max(others, highest)), -1)
        log_sum = self.log(self.sub_one(total, self.one))
        at_label = self.sum_own(self.mul_own(self.sub_max_own(logits, highest), own), -1)
        return self.sub_own(log_sum, at_label)

    def _softplus(self, gap: Tensor) -> Tensor:
        """log(1 + exp(d)), [B]."""
        size = self.abs_gap(gap)
        rest = self.log_one_plus(self.exp_gap(self.neg(size)))
        return self.add_rest(self.halve(self.add_abs(gap, size), self.half), rest)

    def strategies(self, layout: Layout) -> Strategies:
        """Rows and classes are split; features are split by rows only."""
        rows, row, scalar = layout.rows, layout.row, layout.scalar
        return {
            "one_hot_own": (rows, scalar, scalar),
            "one_hot_lowest": (rows, scalar, scalar),
            "add_lowest": (rows, rows),
            "reduce_max": (rows,),
            "sub_max": (rows, layout.column),
            "exp": (rows,),
            "sum_exp": (rows,),
            "sub_one": (row, scalar),
            "log": (row,),
            "sub_max_own": (rows, layout.column),
            "mul_own": (rows, rows),
            "sum_own": (rows,),
            "sub_own": (row, row),
            "abs_gap": (row,),
            "neg": (row,),
            "exp_gap": (row,),
            "add_abs": (row, row),
            "halve": (row, scalar),
            "add_rest": (row, row),
            "sub_gap": (row, row),
            "mul_slope": (row, row),
            "add_slope": (row, row),
            "sigmoid": (row,),
            "abs_features": (layout.column,),
            "sum_features": (layout.column,),
            "mul_influence": (row, row),
            "add_epsilon": (row, scalar),
            "div_factor": (scalar, row),
            "mul_factor": (row, row),
        }
