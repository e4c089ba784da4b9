"""Softmax equalization: rare classes are left out of other labels' samples, at random."""

from __future__ import annotations

from typing import TYPE_CHECKING

import mindspore as ms
import numpy as np
from mindspore import Tensor, ops

from ltdsl_runtime.tricks.losses.cell import LOWEST, Layout, LossCell
from ltdsl_runtime.tricks.losses.cross_entropy import CrossEntropy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ltdsl_runtime.tricks.losses.cell import Strategies


class SoftmaxEqualization(LossCell):
    """Cross entropy over the classes that a sample keeps: its label, frequent classes, and rare ones by chance.

    A class that is left out gets the lowest logit there is, so that it counts neither in the sum nor in the maximum
    that is taken away first; no gradient reaches its own logit.

    Args:
        gamma: Probability that a rare class is left out, in [0, 1].
        rare: True for rare classes, shape [C].
    """

    def __init__(self, gamma: float, rare: Sequence[bool]) -> None:
        super().__init__()
        self.gamma = gamma
        self.classes = len(rare)
        self.cast = ops.Cast()
        self.mul_rare = ops.Mul()
        self.one_hot = ops.OneHot()
        self.mul_others = ops.Mul()
        self.sub_left = ops.Sub()
        self.mul_kept = ops.Mul()
        self.mul_lowest = ops.Mul()
        self.add_left = ops.Add()
        self.zero = Tensor(0.0, ms.float32)
        self.one = Tensor(1.0, ms.float32)
        self.lowest = Tensor(LOWEST, ms.float32)
        self.rare = Tensor(np.asarray(rare), ms.float32).reshape(1, -1)
        self.cross_entropy = CrossEntropy()

    def draw(self, rng: np.random.Generator, batch_size: int) -> tuple[NDArray[np.uint8], ...]:
        """Draws β for each sample and class; pure in the state of ``rng``.

        Args:
            rng: Source of randomness.
            batch_size: Number of images B.

        Returns:
            One column, uint8 [B, C]: 1 with probability gamma, where the class is left out if it is rare.
        """
        uniform = rng.random((batch_size, self.classes), dtype=np.float32)
        return ((uniform < self.gamma).astype(np.uint8),)

    def construct(self, logits: Tensor, labels: Tensor, beta: Tensor) -> tuple[Tensor, Tensor]:
        """Computes losses and weights of a batch.

        Args:
            logits: Network outputs z, float32 [B, C].
            labels: Class indices, int32 [B].
            beta: As drawn, uint8 [B, C].

        Returns:
            ``loss`` and ``weight`` (1), both float32 [B].
        """
        others = self.one_hot(labels, logits.shape[-1], self.zero, self.one)
        left = self.mul_others(self.mul_rare(self.cast(beta, ms.float32), self.rare), others)
        kept = self.mul_kept(logits, self.sub_left(self.one, left))
        return self.cross_entropy(self.add_left(kept, self.mul_lowest(left, self.lowest)), labels)

    def strategies(self, layout: Layout) -> Strategies:
        """Rows and classes are split."""
        rows, scalar = layout.rows, layout.scalar
        return {
            "cast": (rows,),
            "mul_rare": (rows, layout.classes),
            "one_hot": (rows, scalar, scalar),
            "mul_others": (rows, rows),
            "sub_left": (scalar, rows),
            "mul_kept": (rows, rows),
            "mul_lowest": (rows, scalar),
            "add_left": (rows, rows),
        }
