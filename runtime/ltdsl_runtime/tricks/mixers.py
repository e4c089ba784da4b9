"""Mixing of images: what is random is drawn on the host, what touches images runs on the device.

Draws travel as dataset columns, so that none of them recompiles the training graph. Which image is the other one of a
pair is not the mixer's business: another of the batch, or one that the sampler drew for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn, ops

from ltdsl_runtime.machine.device import native

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, TypeAlias

    from numpy.typing import NDArray

    Columns: TypeAlias = tuple[NDArray[Any], ...]


class Mixer(nn.Cell):
    """What all mixers are: ``construct(x, labels, other, other_labels, *draws) -> (mixture, share)``.

    - ``x``: what is mixed, float32 [B, …]; the mixture is like it.
    - ``labels``: classes, int32 [B].
    - ``other``, ``other_labels``: the other ones of each pair.
    - ``draws``: the columns that :meth:`draw` made.
    - ``share``: of each own label in the loss, float32 [B].

    Attributes:
        layer: Whose output is mixed; None mixes images.
        of_batch: How many of the drawn columns, the first ones, belong to the batch as a whole: the others have one row
            an image.
    """

    layer: str | None = None
    of_batch = 0
    if TYPE_CHECKING:  # each mixer takes its own number of columns
        construct: Callable[..., tuple[Tensor, Tensor]]

    def draw(self, rng: np.random.Generator, batch_size: int, size: tuple[int, int]) -> Columns:
        """Draws a batch's columns; pure in the state of ``rng``.

        Args:
            rng: Source of randomness.
            batch_size: Number of images B.
            size: Height and width of an image.
        """
        raise NotImplementedError


class InputMixup(Mixer):
    """Mixes each image with another: x = λ x_a + (1−λ) x_b, one λ ~ Beta(alpha, alpha) a batch.

    Zhang et al., "mixup: Beyond Empirical Risk Minimization" (2018), eq. 1.

    Args:
        alpha: Parameter of the Beta distribution, above 0; 1 draws λ uniformly.
        layer: Whose output is mixed (Verma et al., "Manifold Mixup" (2019)); None mixes images.
    """

    def __init__(self, alpha: float = 1.0, layer: str | None = None) -> None:
        super().__init__()
        self.alpha = alpha
        self.layer = layer
        self.blend: Callable[..., Tensor] = blend
        if native() and layer is None:  # of images: no gradient is asked
            from ltdsl_runtime.machine.native.kernel import Kernel

            self.blend = Kernel("ltdsl_blend")

    def draw(self, rng: np.random.Generator, batch_size: int, size: tuple[int, int]) -> Columns:
        """Draws ``share``, float32 [B] in [0, 1]: one λ repeated B times."""
        del size
        return (np.full(batch_size, rng.beta(self.alpha, self.alpha), dtype=np.float32),)

    def construct(
        self, x: Tensor, labels: Tensor, other: Tensor, other_labels: Tensor, share: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Mixes a batch; see :class:`Mixer`."""
        return self.blend(x, other, share), share


class Remix(InputMixup):
    """Mixup whose labels lean to the rarer class.

    Chou et al., "Remix: Rebalanced Mixup" (2020), eq. 10: the own label's share is 0 where N_a/N_b ≥ κ and λ < τ, 1
    where N_a/N_b ≤ 1/κ and 1−λ < τ, else λ.

    Args:
        alpha: Parameter of the Beta distribution, above 0.
        kappa: κ, at least 1.
        tau: τ, in [0, 1].
        counts: Training images N_c of each class.
    """

    def __init__(self, alpha: float, kappa: float, tau: float, counts: Sequence[int]) -> None:
        super().__init__(alpha)
        self.kappa = kappa
        self.tau = tau
        self.counts = Tensor(np.asarray(counts), ms.float32)

    def construct(
        self, x: Tensor, labels: Tensor, other: Tensor, other_labels: Tensor, share: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Mixes a batch; see :class:`Mixer`."""
        own, others = ops.gather(self.counts, labels, 0), ops.gather(self.counts, other_labels, 0)
        gives_way = ops.logical_and(own >= self.kappa * others, share < self.tau)
        takes_all = ops.logical_and(own * self.kappa <= others, 1.0 - share < self.tau)
        leaning = ops.select(gives_way, ops.zeros_like(share), share)
        return self.blend(x, other, share), ops.select(takes_all, ops.ones_like(share), leaning)


class CutMix(Mixer):
    """Replaces a rectangle of each image by that of another; one rectangle a batch.

    Yun et al., "CutMix" (2019), section 3.1: the sides are √(1−λ) of the image's, λ ~ Beta(alpha, alpha), the centre is
    uniform, and what lies outside of the image is cut off. The share is that of the pixels that stay.

    Args:
        alpha: Parameter of the Beta distribution, above 0.
        probability: Share of batches that are mixed, in (0, 1] (Park et al., "CMO" (2022): 1/2).
    """

    of_batch = 1

    def __init__(self, alpha: float = 1.0, probability: float = 1.0) -> None:
        super().__init__()
        self.alpha = alpha
        self.probability = probability

    def draw(self, rng: np.random.Generator, batch_size: int, size: tuple[int, int]) -> Columns:
        """Draws ``box``, int32 [4]: top, left, bottom, right, half open; and ``share``, float32 [B]."""
        height, width = size
        side = np.sqrt(1 - rng.beta(self.alpha, self.alpha))
        centre = rng.integers((height, width))
        half = (side * np.array(size)).astype(int) // 2
        mixed = rng.random() < self.probability
        low = np.clip(centre - half, 0, size) * mixed
        high = np.clip(centre + half, 0, size) * mixed
        box = np.concatenate([low, high]).astype(np.int32)
        share = 1 - np.prod(high - low) / (height * width)
        return box, np.full(batch_size, share, dtype=np.float32)

    def construct(
        self,
        x: Tensor,
        labels: Tensor,
        other: Tensor,
        other_labels: Tensor,
        box: Tensor,
        share: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Mixes a batch; see :class:`Mixer`."""
        height, width = x.shape[-2:]
        row = ops.arange(height).reshape((height, 1))
        column = ops.arange(width).reshape((1, width))
        rows = ops.logical_and(row >= box[0], row < box[2])
        columns = ops.logical_and(column >= box[1], column < box[3])
        inside = ops.logical_and(rows, columns).broadcast_to(x.shape)
        return ops.select(inside, other, x), share


def blend(x: Tensor, other: Tensor, share: Tensor) -> Tensor:
    """λ x + (1−λ) x', λ float32 [B], the others [B, …]."""
    own = share.reshape(share.shape + (1,) * (x.ndim - 1))
    return own * x + (1.0 - own) * other
