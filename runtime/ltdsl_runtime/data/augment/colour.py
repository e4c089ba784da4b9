"""Random changes of colour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class ColorJitter:
    """Change brightness, contrast and saturation in random order, each by a factor around 1.

    A factor f makes f · x + (1 − f) · y of a pixel x: y is black for brightness, the mean grey of the image for
    contrast, the pixel's own grey for saturation. Grey is 0.299 red + 0.587 green + 0.114 blue; an image of another
    number of channels than three has no saturation.

    Attributes:
        brightness, contrast, saturation: Factors are uniform in [max(0, 1 − value), 1 + value].
    """

    brightness: float
    contrast: float
    saturation: float

    def draw(self, rng: np.random.Generator, count: int) -> NDArray[np.float64]:
        """Three factors and three numbers whose order is that of the changes: float64 ``[count, 6]``."""
        reach = np.array([self.brightness, self.contrast, self.saturation])
        low = np.maximum(0, 1 - reach)
        factors = low + (1 + reach - low) * rng.random((count, 3))
        return np.concatenate([factors, rng.random((count, 3))], axis=1)

    def apply(
        self, images: NDArray[np.uint8], parameters: NDArray[np.float64]
    ) -> NDArray[np.uint8]:
        """Change each image by its own factors, in its own order."""
        rows = zip(images, parameters, strict=True)
        return np.stack([self._changed(image, row[:3], np.argsort(row[3:])) for image, row in rows])

    @staticmethod
    def _changed(
        image: NDArray[np.uint8], factors: NDArray[np.float64], order: NDArray[np.int64]
    ) -> NDArray[np.uint8]:
        pixels = image.astype(np.float32)
        for change in order:
            if change == 0:
                other: NDArray[np.float32] | float = 0.0
            elif change == 1:
                other = float(_grey(pixels).mean())
            else:
                other = _grey(pixels)
            factor = np.float32(factors[change])
            pixels = np.clip(factor * pixels + (1 - factor) * other, 0, 255)
        return np.rint(pixels).astype(np.uint8)


def _grey(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """The grey image of one of three channels; another stays as it is: float32 ``[C, H, W]`` or ``[H, W]``."""
    if len(pixels) != 3:
        return pixels
    return np.tensordot(np.array([0.299, 0.587, 0.114], np.float32), pixels, 1)
