"""The one place that turns per-sample losses into one number."""

from __future__ import annotations

from typing import Literal

from mindspore import Tensor, nn, ops


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
        self.workers = 1

    def share(self, workers: int) -> Reduction:
        """Leave each of several workers the terms of its own images: what they return adds up to the batch's loss.

        The denominators are those of the whole batch.
        """
        self.workers = workers
        self.all_reduce = ops.AllReduce()
        return self

    def construct(
        self,
        loss_a: Tensor,
        weight_a: Tensor,
        loss_b: Tensor | None = None,
        weight_b: Tensor | None = None,
        share: Tensor | None = None,
        totals: tuple[Tensor | int, Tensor | int] | None = None,
    ) -> Tensor:
        """Reduces a batch, or a part of one.

        Args:
            loss_a: Losses for the images' own labels, float32 [B].
            weight_a: Their weights, float32 [B].
            loss_b: Losses for the partners' labels, float32 [B]; None without mixing.
            weight_b: Their weights, float32 [B]; None without mixing.
            share: Shares λ of the images' own labels, in [0, 1], float32 [B]; None without mixing.
            totals: D_a and D_b of the whole batch, where these samples are a part of it; as :meth:`total` gives them.

        Returns:
            The loss of the batch, a float32 scalar; or the part's share of it, so that the parts' sum is the batch's.
        """
        if share is None or loss_b is None or weight_b is None:
            total = self.total(weight_a) if totals is None else totals[0]
            return (loss_a * weight_a).sum() / total
        if totals is None:
            totals = (self.total(weight_a), self.total(weight_b))
        own = (share * loss_a * weight_a).sum() / totals[0]
        return own + ((1.0 - share) * loss_b * weight_b).sum() / totals[1]

    def total(self, weights: Tensor) -> Tensor | int:
        """What a batch's sum is divided by.

        Args:
            weights: Of its samples, float32 [B].
        """
        if not self.by_weight:
            return self.workers * weights.shape[0]
        if self.workers == 1:
            return weights.sum()
        return ops.stop_gradient(self.all_reduce(weights.sum()))
