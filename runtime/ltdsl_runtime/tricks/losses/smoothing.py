"""Cross entropy with softened targets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import mindspore as ms
import numpy as np
from mindspore import Tensor, ops

from ltdsl_runtime.tricks.losses.cell import Layout, LossCell, SampleWeight

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ltdsl_runtime.tricks.losses.cell import Strategies


class SmoothedCrossEntropy(LossCell):
    """Cross entropy −Σ_c q_c log p_c with a target that leaves the label y only a part of the weight.

    With s = z − max z, it computes log Σ_c exp(s_c) − (q_y − q_o) s_y − q_o Σ_c s_c, where q_o = ε_y / (C − 1)
    is the share of each other class, or ε_y / C where ε is spread over all classes, and q_y what is left.

    Args:
        smoothing: ε_c for a label c, shape [C], in [0, 1).
        over_all: Spread ε over all classes, the label's included.
    """

    def __init__(self, smoothing: NDArray[np.float64], over_all: bool) -> None:
        super().__init__()
        epsilon = np.asarray(smoothing, np.float64)
        share = epsilon / (len(epsilon) if over_all else len(epsilon) - 1)
        kept = 1 - epsilon + (share if over_all else 0)
        self.reduce_max = ops.ReduceMax(keep_dims=True)
        self.sub_max = ops.Sub()
        self.exp = ops.Exp()
        self.sum_exp = ops.ReduceSum()
        self.sub_one = ops.Sub()
        self.log = ops.Log1p()
        self.one_hot = ops.OneHot()
        self.mul_target = ops.Mul()
        self.sum_target = ops.ReduceSum()
        self.sum_all = ops.ReduceSum()
        self.gather_own = ops.Gather()
        self.gather_share = ops.Gather()
        self.mul_own = ops.Mul()
        self.mul_share = ops.Mul()
        self.add_parts = ops.Add()
        self.sub_parts = ops.Sub()
        self.on = Tensor(1.0, ms.float32)
        self.off = Tensor(0.0, ms.float32)
        self.own = Tensor(kept - share, ms.float32)
        self.share = Tensor(share, ms.float32)
        self.sample_weight = SampleWeight()

    def construct(self, logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Logits float32 [B, C] and labels int32 [B] -> loss and weight (1), float32 [B]."""
        shifted = self.sub_max(logits, ops.stop_gradient(self.reduce_max(logits, -1)))
        log_sum = self.log(self.sub_one(self.sum_exp(self.exp(shifted), -1), self.on))
        target = self.one_hot(labels, logits.shape[-1], self.on, self.off)
        at_label = self.sum_target(self.mul_target(shifted, target), -1)
        own = self.mul_own(self.gather_own(self.own, labels, 0), at_label)
        spread = self.mul_share(self.gather_share(self.share, labels, 0), self.sum_all(shifted, -1))
        loss = self.sub_parts(log_sum, self.add_parts(own, spread))
        return loss, self.sample_weight(loss, labels)

    def strategies(self, layout: Layout) -> Strategies:
        """Rows and classes are split; every device holds the shares of all C labels."""
        rows, row = layout.rows, layout.row
        return {
            "reduce_max": (rows,),
            "sub_max": (rows, layout.column),
            "exp": (rows,),
            "sum_exp": (rows,),
            "sub_one": (row, layout.scalar),
            "log": (row,),
            "one_hot": (rows, layout.scalar, layout.scalar),
            "mul_target": (rows, rows),
            "sum_target": (rows,),
            "sum_all": (rows,),
            "gather_own": (layout.whole, row),
            "gather_share": (layout.whole, row),
            "mul_own": (row, row),
            "mul_share": (row, row),
            "add_parts": (row, row),
            "sub_parts": (row, row),
        }
