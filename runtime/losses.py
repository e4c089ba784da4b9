"""Losses made of separate operators, and the one place that reduces them.

A loss returns ``(loss, weight)``, both per sample; :class:`Reduction` turns them into one number.
Every primitive is an attribute of its own, so that each can be given its own sharding strategy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import mindspore as ms
from mindspore import Tensor, nn, ops

if TYPE_CHECKING:
    import numpy as np


class CrossEntropy(nn.Cell):
    """Cross entropy −log p_y of softmax outputs, from separate operators.

    With m = max_c z_c it computes log Σ_c exp(z_c − m) − (z_y − m), which equals −log softmax(z)_y
    and is finite, with finite gradients, wherever the differences of the logits are. The maximum
    carries no gradient: it cancels.

    Args:
        class_weights: Weight of each class, shape [C], positive; None weighs all samples with 1.
    """

    def __init__(self, class_weights: np.ndarray | None = None) -> None:
        super().__init__()
        self.weighted = class_weights is not None
        self.reduce_max = ops.ReduceMax(keep_dims=True)
        self.sub_max = ops.Sub()
        self.exp = ops.Exp()
        self.sum_exp = ops.ReduceSum()
        self.log = ops.Log()
        self.one_hot = ops.OneHot()
        self.mul_target = ops.Mul()
        self.sum_target = ops.ReduceSum()
        self.sub_target = ops.Sub()
        self.on = Tensor(1.0, ms.float32)
        self.off = Tensor(0.0, ms.float32)
        if class_weights is not None:
            self.class_weights = Tensor(class_weights, ms.float32)
            self.gather_weight = ops.Gather()
        else:
            self.ones_like = ops.OnesLike()

    def construct(self, logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Computes losses and weights of a batch.

        Args:
            logits: Network outputs z, float32 [B, C].
            labels: Class indices, int32 [B].

        Returns:
            ``loss`` and ``weight``, both float32 [B]; the loss is not yet weighted.
        """
        shifted = self.sub_max(logits, ops.stop_gradient(self.reduce_max(logits, -1)))
        log_sum = self.log(self.sum_exp(self.exp(shifted), -1))
        target = self.one_hot(labels, logits.shape[-1], self.on, self.off)
        loss = self.sub_target(log_sum, self.sum_target(self.mul_target(shifted, target), -1))
        if self.weighted:
            return loss, self.gather_weight(self.class_weights, labels, 0)
        return loss, self.ones_like(loss)

    def shard(self, data_parallel: int, class_parallel: int) -> CrossEntropy:
        """Splits the batch and the classes over devices (semi-automatic parallel mode).

        Args:
            data_parallel: Number of slices of the batch axis.
            class_parallel: Number of slices of the class axis; their product is the device count.

        Returns:
            This cell.
        """
        rows, row = (data_parallel, class_parallel), (data_parallel,)
        self.reduce_max.shard((rows,))
        self.sub_max.shard((rows, (data_parallel, 1)))
        self.exp.shard((rows,))
        self.sum_exp.shard((rows,))
        self.log.shard((row,))
        self.one_hot.shard((rows, (), ()))
        self.mul_target.shard((rows, rows))
        self.sum_target.shard((rows,))
        self.sub_target.shard((row, row))
        if self.weighted:
            # the C weights are small: every device holds all of them
            self.gather_weight.shard(((1,), row))
        else:
            self.ones_like.shard((row,))
        return self


class Reduction(nn.Cell):
    """Reduces per-sample losses to one number; the only place that does.

    L = Σ_i λ_i w_{a_i} L(a_i) / D_a + Σ_i (1−λ_i) w_{b_i} L(b_i) / D_b, where D_a = Σ_i w_{a_i},
    D_b = Σ_i w_{b_i} for ``weighted_mean`` and D_a = D_b = B for ``mean``. The shares λ_i may
    differ between samples. Without mixing, λ = 1 and the second term is not compiled.

    Args:
        reduction: ``weighted_mean`` divides by the sum of the weights, as published results do;
            ``mean`` divides by the batch size.
    """

    def __init__(self, reduction: Literal["weighted_mean", "mean"] = "weighted_mean") -> None:
        super().__init__()
        if reduction not in ("weighted_mean", "mean"):
            raise ValueError(f"unknown reduction {reduction!r}")
        self.by_weight = reduction == "weighted_mean"

    def construct(self, loss_a, weight_a, loss_b=None, weight_b=None, share=None) -> Tensor:
        """Reduces a batch.

        Args:
            loss_a: Losses for the images' own labels, float32 [B].
            weight_a: Their weights, float32 [B].
            loss_b: Losses for the partners' labels, float32 [B]; None without mixing.
            weight_b: Their weights, float32 [B]; None without mixing.
            share: Shares λ of the images' own labels, in [0, 1], float32 [B]; None without mixing.

        Returns:
            The loss of the batch, a float32 scalar.
        """
        if share is None:
            return self._term(loss_a * weight_a, weight_a)
        own = self._term(share * loss_a * weight_a, weight_a)
        return own + self._term((1.0 - share) * loss_b * weight_b, weight_b)

    def _term(self, products, weights):
        if self.by_weight:
            return products.sum() / weights.sum()
        return products.sum() / products.shape[0]
