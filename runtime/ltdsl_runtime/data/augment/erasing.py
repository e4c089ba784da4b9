"""Augmentations that cover a part of an image."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Cutout:
    """A black square whose centre is any pixel of the image (DeVries, Taylor, 2017).

    Attributes:
        size: Its side; what lies outside the image is cut off.
    """

    size: int

    def draw(self, rng: np.random.Generator, count: int) -> NDArray[np.float64]:
        """The centre, as shares of height and width: float64 in [0, 1), ``[count, 2]``."""
        return rng.random((count, 2))

    def apply(self, images: NDArray[np.uint8], parameters: NDArray[Any]) -> NDArray[np.uint8]:
        """Cover each image's own square."""
        images = images.copy()
        height, width = images.shape[2:]
        firsts = (parameters * (height, width)).astype(int) - self.size // 2
        for image, (top, left) in zip(images, firsts, strict=True):
            image[:, max(0, top) : top + self.size, max(0, left) : left + self.size] = 0
        return images


@dataclass(frozen=True)
class RandomErasing:
    """A rectangle of random size, shape and place with other pixels (Zhong et al., 2020).

    Attributes:
        probability: Of changing an image, in [0, 1].
        smallest, largest: Shares of the image's area.
        ratio: Height to width lies in [1/ratio, ratio], log-uniformly; at least 1.
        value: Random pixels, or black ones.
    """

    probability: float
    smallest: float
    largest: float
    ratio: float
    value: Literal["random", "black"]

    TRIES: ClassVar[int] = 10

    def draw(self, rng: np.random.Generator, count: int) -> NDArray[np.float64]:
        """Uniform numbers in [0, 1), float64 ``[count, 2 · tries + 4]``: areas, shapes, place, whether, and pixels."""
        return rng.random((count, 2 * self.TRIES + 4))

    def box(
        self, parameters: NDArray[np.float64], width: int, height: int
    ) -> tuple[int, int, int, int] | None:
        """The rectangle (left, top, right, bottom) in an image of a size, given its row of parameters."""
        down, across, whether = parameters[-4:-1]
        if whether >= self.probability:
            return None
        low, high = sorted((self.smallest, self.largest))
        areas = width * height * (low + (high - low) * parameters[: self.TRIES])
        shapes = self.ratio ** (2 * parameters[self.TRIES : -4] - 1)
        for area, shape in zip(areas, shapes, strict=True):
            tall, wide = round(math.sqrt(area * shape)), round(math.sqrt(area / shape))
            if tall < height and wide < width:
                top, left = int(down * (height - tall + 1)), int(across * (width - wide + 1))
                return left, top, left + wide, top + tall
        return None

    def apply(self, images: NDArray[np.uint8], parameters: NDArray[Any]) -> NDArray[np.uint8]:
        """Replace each image's own rectangle."""
        images = images.copy()
        height, width = images.shape[2:]
        for image, row in zip(images, parameters, strict=True):
            box = self.box(row, width, height)
            if box is not None:
                left, top, right, bottom = box
                image[:, top:bottom, left:right] = self._pixels(
                    row[-1], (len(image), bottom - top, right - left)
                )
        return images

    def _pixels(self, drawn: float, shape: tuple[int, ...]) -> NDArray[np.uint8] | int:
        if self.value == "black":
            return 0
        # their number depends on the image: they have a generator of their own, begun by what was drawn
        return np.random.default_rng(int(drawn * 2**53)).integers(256, size=shape, dtype=np.uint8)
