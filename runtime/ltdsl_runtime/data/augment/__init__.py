"""Augmentation of whole batches on the host, in NumPy.

Why not MindData's vision operators: their random numbers depend on the number of workers and change
after a restart. Here the augmentation of an image is a pure function of
(seed, epoch, number of the batch, place in it): parameters are drawn first, and then applied to pixels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from PIL import Image

from ltdsl_runtime.data.augment.class_strength import ClassStrength
from ltdsl_runtime.data.augment.colour import ColorJitter
from ltdsl_runtime.data.augment.erasing import Cutout, RandomErasing
from ltdsl_runtime.data.augment.operations import (
    AutoAugment,
    RandAugment,
    RandomRotation,
    TrivialAugment,
)
from ltdsl_runtime.data.image import View
from ltdsl_runtime.streams import generator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


class Augmentation(Protocol):
    """One random transformation of images: drawing and applying are separate."""

    def draw(self, rng: np.random.Generator, count: int) -> NDArray[Any]:
        """Draw the parameters of ``count`` images: an array with that leading dimension."""

    def apply(self, images: NDArray[np.uint8], parameters: NDArray[Any]) -> NDArray[np.uint8]:
        """Return transformed copies of uint8 ``[B, C, H, W]``, given one row of parameters each."""


@dataclass(frozen=True)
class RandomCrop:
    """Zero-pad all four sides, then crop at the original size: a shift by at most ``padding``.

    Attributes:
        padding: Pixels on each side, at least 0.
    """

    padding: int

    def draw(self, rng: np.random.Generator, count: int) -> NDArray[Any]:
        """Top and left corner of each crop in the padded image: int64 ``[count, 2]``."""
        return rng.integers(0, 2 * self.padding, size=(count, 2), dtype=np.int64, endpoint=True)

    def apply(self, images: NDArray[np.uint8], parameters: NDArray[Any]) -> NDArray[np.uint8]:
        """Crop each image at its own corner."""
        count, channels, height, width = images.shape
        p = self.padding
        padded = np.zeros((count, channels, height + 2 * p, width + 2 * p), images.dtype)
        padded[:, :, p : p + height, p : p + width] = images
        # All crops there are, without copying: [B, C, top, left, H, W]. Indexing
        # then copies one per image.
        # (NumPy's types know of one axis only)
        crops: NDArray[np.uint8] = sliding_window_view(padded, (height, width), axis=(2, 3))  # type: ignore[call-overload]
        return crops[np.arange(count), :, parameters[:, 0], parameters[:, 1]]


@dataclass(frozen=True)
class RandomHorizontalFlip:
    """Mirror an image left to right.

    Attributes:
        probability: Of mirroring, in [0, 1].
    """

    probability: float = 0.5

    def draw(self, rng: np.random.Generator, count: int) -> NDArray[Any]:
        """Whether each image is mirrored: bool ``[count]``."""
        return rng.random(count) < self.probability

    def apply(self, images: NDArray[np.uint8], parameters: NDArray[Any]) -> NDArray[np.uint8]:
        """Mirror the images that are to be mirrored."""
        images = images.copy()
        images[parameters] = images[parameters, :, :, ::-1]
        return images


@dataclass(frozen=True)
class RandomResizedCrop:
    """Cut a box of random size, shape and place, and resize it to the input (Szegedy et al., CVPR 2015, section 6).

    The first of ten random boxes that fits into the image; where none does, the largest box in its centre whose shape
    is allowed.

    Attributes:
        scale: Smallest share of the image's area, in (0, 1].
        ratio: Longest shape: width to height lies in [1/ratio, ratio], log-uniformly; at least 1.
    """

    scale: float
    ratio: float

    TRIES: ClassVar[int] = 10

    def draw(self, rng: np.random.Generator, count: int) -> NDArray[Any]:
        """Uniform numbers in [0, 1), float64 ``[count, 2 · tries + 2]``: areas, shapes, then the place."""
        return rng.random((count, 2 * self.TRIES + 2))

    def box(
        self, parameters: NDArray[np.float64], width: int, height: int
    ) -> tuple[int, int, int, int]:
        """The box (left, top, right, bottom) in an image of a size, given its row of parameters."""
        across, down = parameters[-2:]
        areas = width * height * (self.scale + (1 - self.scale) * parameters[: self.TRIES])
        shapes = self.ratio ** (2 * parameters[self.TRIES : -2] - 1)
        for area, shape in zip(areas, shapes, strict=True):
            wide, high = round(math.sqrt(area * shape)), round(math.sqrt(area / shape))
            if 0 < wide <= width and 0 < high <= height:
                left, top = int(across * (width - wide + 1)), int(down * (height - high + 1))
                return left, top, left + wide, top + high
        wide = min(width, max(1, round(height * self.ratio)))
        high = min(height, max(1, round(width * self.ratio)))
        left, top = (width - wide) // 2, (height - high) // 2
        return left, top, left + wide, top + high

    def apply(self, images: NDArray[np.uint8], parameters: NDArray[Any]) -> NDArray[np.uint8]:
        """Cut from images that have the input's size already."""
        height, width = images.shape[2:]
        view = View(1, height, width)
        boxes = [self.box(row, width, height) for row in parameters]
        return np.stack(
            [
                np.concatenate([view.cut(Image.fromarray(plane), box) for plane in image])
                for image, box in zip(images, boxes, strict=True)
            ]
        )


AUGMENTATIONS: dict[str, type[Augmentation]] = {
    "random_crop": RandomCrop,
    "random_resized_crop": RandomResizedCrop,
    "random_horizontal_flip": RandomHorizontalFlip,
    "color_jitter": ColorJitter,
    "random_rotation": RandomRotation,
    "rand_augment": RandAugment,
    "auto_augment": AutoAugment,
    "trivial_augment": TrivialAugment,
    "cutout": Cutout,
    "random_erasing": RandomErasing,
    "class_strength": ClassStrength,
}


def draw_batch(
    chain: Sequence[Augmentation], seed: int, batch: tuple[int, int, int], count: int
) -> list[NDArray[Any]]:
    """Draw a batch's parameters for every augmentation of a chain.

    Each place in the chain has its own stream, so that adding one to the end leaves the others'
    draws alone.

    Args:
        chain: The augmentations.
        seed: The run's seed.
        batch: The epoch of the run, the step in it, and 0 for the images or 1 for their partners.
        count: Images in it.
    """
    return [
        step.draw(generator(seed, "augment", *batch, place), count)
        for place, step in enumerate(chain)
    ]


def draw_view(
    chain: Sequence[Augmentation], seed: int, view: int, count: int
) -> list[NDArray[Any]]:
    """Draw one view of each image of a part, which is the same whenever it is seen.

    Args:
        chain: The augmentations.
        seed: The run's seed.
        view: The view's number.
        count: Images of the part.
    """
    return [
        step.draw(generator(seed, "view", view, place), count) for place, step in enumerate(chain)
    ]


def apply_chain(
    chain: Sequence[Augmentation], images: NDArray[np.uint8], parameters: Sequence[NDArray[Any]]
) -> NDArray[np.uint8]:
    """Apply a chain to a batch, given the batch's rows of each augmentation's parameters."""
    for step, rows in zip(chain, parameters, strict=True):
        images = step.apply(images, rows)
    return images
