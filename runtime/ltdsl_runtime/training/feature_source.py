"""Features of images, in the place of the images."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ltdsl_runtime.data.source import StageSource

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class FeatureRows:
    """A part with features for images; see :class:`ltdsl_runtime.data.part.Rows`.

    Attributes:
        rows: float32 ``[N, K]``.
        labels: int32 ``[N]``.
    """

    rows: NDArray[np.float32]
    labels: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of each image's features."""
        return self.rows.shape[1:]

    def batch(self, indices: NDArray[np.int64]) -> NDArray[np.float32]:
        """The features of images, float32 ``[B, K]``."""
        return self.rows[indices]


@dataclass
class FeatureSource(StageSource):
    """A stage's batches as ever, with features in the place of images.

    Attributes:
        features: The number of a view to the features of all images in it, float32 ``[N, K]``.
    """

    features: Callable[[int], NDArray[np.float32]] = field(kw_only=True)

    def _images(
        self, epoch: int, step: int, branch: int, indices: NDArray[np.int64]
    ) -> NDArray[Any]:
        """The features of a step's images."""
        del step, branch
        rows: NDArray[Any] = self.features(epoch % (self.views or 1))[indices]
        return rows


def pieces(images: int, size: int) -> Sequence[NDArray[np.int64]]:
    """All images in order, in batches of one size but for the last."""
    return [np.arange(at, min(at + size, images)) for at in range(0, images, size)]
