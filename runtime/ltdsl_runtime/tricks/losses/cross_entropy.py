"""Cross entropy of softmax outputs, the loss that most others are built on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import mindspore as ms
from mindspore import Tensor, ops

from ltdsl_runtime.machine.device import native
from ltdsl_runtime.tricks.losses.cell import Layout, SampleWeight, WeightedLossCell

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ltdsl_runtime.tricks.losses.cell import Strategies


class CrossEntropy(WeightedLossCell):
    """Cross entropy −log p_y of softmax outputs: from separate operators, or on a CPU from one, for all classes.

    With m = max_c z_c it computes log Σ_c exp(z_c − m) − (z_y − m), which equals −log softmax(z)_y
    and is finite, with finite gradients, wherever the differences of the logits are. The maximum
    carries no gradient: it cancels. The sum is at least 1, and its logarithm that of one and the rest: the digits of
    ``ops.Log`` depend on the clock (see :mod:`ltdsl_runtime.tricks.losses.log_one_plus`).

    Args:
        class_weights: Weight of each class, shape [C], positive; None weighs all samples with 1.
    """

    def __init__(self, class_weights: NDArray[np.float64] | None = None) -> None:
        super().__init__()
        self.reduce_max = ops.ReduceMax(keep_dims=True)
        self.sub_max = ops.Sub()
        self.exp = ops.Exp()
        self.sum_exp = ops.ReduceSum()
        self.sub_one = ops.Sub()
        self.log = ops.Log1p()
        self.one_hot = ops.OneHot()
        self.mul_target = ops.Mul()
        self.sum_target = ops.ReduceSum()
        self.sub_target = ops.Sub()
        self.on = Tensor(1.0, ms.float32)
        self.off = Tensor(0.0, ms.float32)
        self.sample_weight = SampleWeight(class_weights)
        if native():
            from ltdsl_runtime.tricks.losses.native import NativeCrossEntropy

            self.native = NativeCrossEntropy()

    def construct(self, logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Computes losses and weights of a batch.

        Args:
            logits: Network outputs z, float32 [B, C].
            labels: Class indices, int32 [B].

        Returns:
            ``loss`` and ``weight``, both float32 [B]; the loss is not yet weighted.
        """
        if self.native is not None:
            # it looks at no types; a cast to the same one is none
            loss = self.native(ops.cast(logits, ms.float32), ops.cast(labels, ms.int32))[0]
            return loss, self.sample_weight(loss, labels)
        shifted = self.sub_max(logits, ops.stop_gradient(self.reduce_max(logits, -1)))
        log_sum = self.log(self.sub_one(self.sum_exp(self.exp(shifted), -1), self.on))
        target = self.one_hot(labels, logits.shape[-1], self.on, self.off)
        loss = self.sub_target(log_sum, self.sum_target(self.mul_target(shifted, target), -1))
        return loss, self.sample_weight(loss, labels)

    def strategies(self, layout: Layout) -> Strategies:
        """Rows and classes are split."""
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
            "sub_target": (row, row),
        }
