"""Labelled images in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ltdsl_runtime.clock import spent_on
from ltdsl_runtime.data.augment import apply_chain
from ltdsl_runtime.data.image import View
from ltdsl_runtime.data.part import class_counts
from ltdsl_runtime.data.split import fingerprint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ltdsl_runtime.data.augment import Augmentation


@dataclass(frozen=True)
class ImageArrays:
    """One part (training, validation or test) of a dataset.

    Attributes:
        images: uint8 ``[N, C, H, W]``, 0–255, not normalised (the graph does that).
        labels: int32 ``[N]``, each in [0, number of classes).
        class_names: One name a class, by label.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int32]
    class_names: tuple[str, ...]

    #: Each image is drawn for itself; see :class:`ltdsl_runtime.data.part.Part`.
    units: ClassVar[None] = None

    def __post_init__(self) -> None:
        if self.images.dtype != np.uint8 or self.images.ndim != 4:
            raise TypeError(
                f"images must be uint8 NCHW, not {self.images.dtype} {self.images.shape}"
            )
        if self.labels.dtype != np.int32 or self.labels.shape != self.images.shape[:1]:
            raise TypeError(
                f"labels must be int32 [N], not {self.labels.dtype} {self.labels.shape}"
            )

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of every image of a batch."""
        channels, height, width = self.images.shape[1:]
        return channels, height, width

    @property
    def view(self) -> View:
        """Makes an image file of any size one of the part's shape."""
        return View(*self.shape)

    def counts(self) -> tuple[int, ...]:
        """Images of each class."""
        return class_counts(self.labels, len(self.class_names))

    def relabelled(self, label: NDArray[np.intp], class_names: tuple[str, ...]) -> ImageArrays:
        """See :meth:`ltdsl_runtime.data.part.Part.relabelled`."""
        return ImageArrays(self.images, label[self.labels].astype(np.int32), class_names)

    def batch(
        self,
        indices: Sequence[int] | NDArray[np.int64],
        chain: Sequence[Augmentation] = (),
        parameters: Sequence[NDArray[Any]] = (),
    ) -> NDArray[np.uint8]:
        """See :meth:`ltdsl_runtime.data.part.Part.batch`."""
        with spent_on("augment"):
            return apply_chain(chain, self.images[indices], parameters)

    def fingerprint(self) -> str:
        """Of pixels and labels; see :func:`ltdsl_runtime.data.split.fingerprint`."""
        return fingerprint(self.labels, self.images)

    def take(self, indices: Sequence[int] | NDArray[np.int64]) -> ImageArrays:
        """The images at ``indices``, in that order, copied."""
        return ImageArrays(self.images[indices], self.labels[indices], self.class_names)


def channel_statistics(
    images: NDArray[np.uint8],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean and standard deviation of each channel's pixels, scaled to 0–1.

    Sums are exact integers over a histogram of the 256 values, so the result does not depend on the
    order of summation. A constant channel gets standard deviation 1, so dividing by it is harmless.

    Args:
        images: uint8 ``[N, C, H, W]``.

    Returns:
        ``(mean, std)``, each float32 ``[C]``.
    """
    channels = images.shape[1]
    histogram = np.zeros((channels, 256), np.int64)
    for start in range(0, len(images), 1024):  # bincount widens its input to 8 bytes a pixel
        for c in range(channels):
            pixels = images[start : start + 1024, c].ravel()
            histogram[c] += np.bincount(pixels, minlength=256)
    values = np.arange(256) / 255.0
    weights = histogram / histogram.sum(axis=1, keepdims=True)
    mean = weights @ values
    std = np.sqrt((weights * (values - mean[:, None]) ** 2).sum(axis=1))
    std[histogram.max(axis=1) == histogram.sum(axis=1)] = 1.0
    return mean.astype(np.float32), std.astype(np.float32)
