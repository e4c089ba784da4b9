"""Mixing of images: what is random is drawn on the host, what touches images runs on the device.

Partner and share travel as dataset columns, so that no draw recompiles the training graph.
"""

from __future__ import annotations

import numpy as np
from mindspore import Tensor, nn, ops


class InputMixup(nn.Cell):
    """Mixes each image with a partner of the same batch: x = λ x_a + (1−λ) x_b.

    Zhang et al., "mixup: Beyond Empirical Risk Minimization" (2018), eq. 1.

    Args:
        alpha: Parameter of Beta(alpha, alpha), above 0; 1 draws λ uniformly.
    """

    def __init__(self, alpha: float = 1.0) -> None:
        super().__init__()
        self.alpha = alpha
        self.gather = ops.Gather()

    def draw(self, rng: np.random.Generator, batch_size: int) -> tuple[np.ndarray, np.ndarray]:
        """Draws a batch's partners and shares; pure in the state of ``rng``.

        Args:
            rng: Source of randomness.
            batch_size: Number of images B.

        Returns:
            ``partner``, int32 [B], a permutation of 0..B−1, and ``share``, float32 [B] in [0, 1]:
            one λ ~ Beta(alpha, alpha) repeated B times.
        """
        share = rng.beta(self.alpha, self.alpha)
        partner = rng.permutation(batch_size).astype(np.int32)
        return partner, np.full(batch_size, share, dtype=np.float32)

    def construct(
        self, images: Tensor, labels: Tensor, partner: Tensor, share: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Mixes a batch.

        Args:
            images: Batch, float32 [B, ch, H, W].
            labels: Their classes, int32 [B].
            partner: Index of each image's partner, int32 [B].
            share: Share λ of the image itself, float32 [B].

        Returns:
            Mixed images, float32 [B, ch, H, W]; the partners' classes, int32 [B]; and the share of each image's own
            label in its loss, float32 [B].
        """
        own = share.reshape((-1, 1, 1, 1))
        mixed = own * images + (1.0 - own) * self.gather(images, partner, 0)
        return mixed, self.gather(labels, partner, 0), share
