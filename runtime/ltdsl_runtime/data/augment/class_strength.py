"""Augmentation whose strength is the class's own: the operations of CUDA (Ahn, Ko, Yun, 2023).

Operations and ranges are those of the authors' code, sumyeongahn/CUDA_LTR, where several are at their strongest with a
low magnitude.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from ltdsl_runtime.data.augment.operations import by_pillow

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

#: Magnitudes are thirtieths of an operation's range.
STEPS = 30


class Change(NamedTuple):
    """One operation.

    Attributes:
        apply: (image, magnitude) -> image.
        least: The magnitude that it would have at level 0.
        most: That of level 30.
        signed: Whether the magnitude is as likely to be negative.
    """

    apply: Callable[[Image.Image, float], Image.Image]
    least: float = 0
    most: float = 1
    signed: bool = False

    def at(self, image: Image.Image, level: int, sign: float) -> Image.Image:
        """The image, changed at a level; the sign is of a number in [0, 1)."""
        magnitude = self.least + level / STEPS * (self.most - self.least)
        return self.apply(image, -magnitude if self.signed and sign > 0.5 else magnitude)


def _plain(function: Callable[[Image.Image], Image.Image]) -> Change:
    return Change(lambda image, _: function(image))


def _filtered(kind: Any) -> Change:
    return Change(lambda image, _: image.filter(kind))


def _enhanced(enhancer: Any) -> Change:
    def apply(image: Image.Image, value: float) -> Image.Image:
        changed: Image.Image = enhancer(image).enhance(value)
        return changed

    return Change(apply, 0.1, 1.9)


def _affine(matrix: Callable[[float], tuple[float, ...]], most: float) -> Change:
    """Each pixel from the nearest one that the matrix says, black where there is none."""

    def apply(image: Image.Image, value: float) -> Image.Image:
        return image.transform(image.size, Image.Transform.AFFINE, matrix(value))

    return Change(apply, 0, most, signed=True)


def _enlarged(image: Image.Image, value: float) -> Image.Image:
    (width, height), (wide, high) = image.size, (int(side * value) for side in image.size)
    left, top = wide // 2 - width // 2, high // 2 - height // 2
    resized = image.resize((wide, high), Image.Resampling.LANCZOS)
    return resized.crop((left, top, left + width, top + height))


def _solarize_add(image: Image.Image, value: float) -> Image.Image:
    brighter = np.clip(np.asarray(image).astype(np.int64) + value, 0, 255).astype(np.uint8)
    return ImageOps.solarize(Image.fromarray(brighter), 128)


OPERATIONS: Mapping[str, Change] = {
    "flip": _plain(ImageOps.flip),
    "mirror": _plain(ImageOps.mirror),
    "edge_enhance": _filtered(ImageFilter.EDGE_ENHANCE),
    "detail": _filtered(ImageFilter.DETAIL),
    "smooth": _filtered(ImageFilter.SMOOTH),
    "autocontrast": _plain(ImageOps.autocontrast),
    "equalize": _plain(ImageOps.equalize),
    "invert": _plain(ImageOps.invert),
    "gaussian_blur": Change(lambda image, v: image.filter(ImageFilter.GaussianBlur(v)), 0, 2),
    "enlarge": Change(_enlarged, 1, 1.5),
    "rotate": Change(lambda image, v: image.rotate(v), 0, 30, signed=True),
    "posterize": Change(lambda image, v: ImageOps.posterize(image, max(1, int(v))), 0, 4),
    "solarize": Change(lambda image, v: ImageOps.solarize(image, math.ceil(v)), 0, 256),
    "solarize_add": Change(_solarize_add, 0, 110),
    "color": _enhanced(ImageEnhance.Color),
    "contrast": _enhanced(ImageEnhance.Contrast),
    "brightness": _enhanced(ImageEnhance.Brightness),
    "sharpness": _enhanced(ImageEnhance.Sharpness),
    "shear_x": _affine(lambda v: (1, v, 0, 0, 1, 0), 0.3),
    "shear_y": _affine(lambda v: (1, 0, 0, v, 1, 0), 0.3),
    "translate_x": _affine(lambda v: (1, 0, v, 0, 1, 0), 100),
    "translate_y": _affine(lambda v: (1, 0, 0, 0, 1, v), 100),
}


@dataclass(frozen=True)
class ClassStrength:
    """As many operations as the class's level, each of that magnitude.

    Attributes:
        probability: Share of images that are changed, of those that training sees.
        levels: The highest level.
        accept: See :class:`ltdsl.catalogue.ClassStrength`; it decides the levels, as ``trials`` does.
        trials: Likewise.
    """

    probability: float
    levels: int
    accept: float
    trials: int

    CHOICES: ClassVar[tuple[Change, ...]] = tuple(OPERATIONS.values())

    def draw(self, rng: np.random.Generator, count: int) -> NDArray[np.float64]:
        """Uniform in [0, 1), float64 ``[count, 2 · levels + 2]``: operations, their signs, whether any; and level 0."""
        drawn = rng.random((count, 2 * self.levels + 2))
        drawn[:, -1] = 0
        return drawn

    def of_classes(self, drawn: NDArray[Any], levels: NDArray[np.int64]) -> NDArray[Any]:
        """What was drawn, with each image at its class's level, or at none."""
        return self.at(drawn, np.where(drawn[:, -2] < self.probability, levels, 0))

    def at(self, drawn: NDArray[Any], levels: NDArray[np.int64]) -> NDArray[Any]:
        """What was drawn, with each image at a level."""
        placed = drawn.copy()
        placed[:, -1] = levels
        return placed

    def apply(self, images: NDArray[np.uint8], parameters: NDArray[Any]) -> NDArray[np.uint8]:
        """Change each image by its own operations."""
        return by_pillow(images, parameters, self._changed)

    def _changed(self, image: Image.Image, row: NDArray[np.float64]) -> Image.Image:
        level = int(row[-1])
        for choice, sign in zip(row[:level], row[self.levels : self.levels + level], strict=True):
            image = self.CHOICES[int(choice * len(self.CHOICES))].at(image, level, sign)
        return image
