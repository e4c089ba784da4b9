"""Pillow's operations on images, and the policies that choose among them: RandAugment, AutoAugment, TrivialAugment.

Definitions and ranges are torchvision's, which are the papers'; a strength lies in [0, 1] of an operation's range.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, TypeAlias

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray


class Operation(NamedTuple):
    """One kind of change.

    Attributes:
        apply: (image, magnitude, value of what comes from outside) -> image.
        magnitude: From a strength; None where there is only one.
        signed: Whether the magnitude is as likely to be negative.
    """

    apply: Callable[[Image.Image, float, int], Image.Image]
    magnitude: Callable[[float], float] | None = None
    signed: bool = False


def _affine(image: Image.Image, matrix: tuple[float, ...], fill: int) -> Image.Image:
    """Each pixel (x, y) from (a·x + b·y + c, d·x + e·y + f), the nearest there is."""
    outside = fill if image.mode == "L" else (fill,) * 3
    return image.transform(image.size, Image.Transform.AFFINE, matrix, fillcolor=outside)


def rotated(image: Image.Image, degrees: float, fill: int) -> Image.Image:
    """The image, turned counter-clockwise about its centre."""
    return image.rotate(degrees, fillcolor=fill if image.mode == "L" else (fill,) * 3)


def _enhanced(enhancer: Any) -> Callable[[Image.Image, float, int], Image.Image]:
    """A mixture with a flat, grey or smoothed image: 1 + magnitude of the image, −magnitude of that one."""

    def apply(image: Image.Image, magnitude: float, fill: int) -> Image.Image:
        del fill
        changed: Image.Image = enhancer(image).enhance(1 + magnitude)
        return changed

    return apply


def _operations(
    shear: float, translation: float, of_side: bool, degrees: float, factor: float, bits: int
) -> Mapping[str, Operation]:
    """All operations.

    Args:
        shear: Largest shear.
        translation: Largest translation, in pixels.
        of_side: Largest translation is a share of the image's side instead.
        degrees: Largest rotation.
        factor: Largest change of a factor from 1.
        bits: How many posterize takes at most.
    """

    def up_to(limit: float) -> Callable[[float], float]:
        return lambda strength: limit * strength

    def translated(side: int) -> Callable[[Image.Image, float, int], Image.Image]:
        def apply(image: Image.Image, magnitude: float, fill: int) -> Image.Image:
            pixels = int(magnitude * image.size[side] if of_side else magnitude)
            x, y = (-pixels, 0) if side == 0 else (0, -pixels)
            return _affine(image, (1, 0, x, 0, 1, y), fill)

        return apply

    return {
        "identity": Operation(lambda image, *_: image),
        "shear_x": Operation(
            lambda image, m, fill: _affine(image, (1, m, 0, 0, 1, 0), fill), up_to(shear), True
        ),
        "shear_y": Operation(
            lambda image, m, fill: _affine(image, (1, 0, 0, m, 1, 0), fill), up_to(shear), True
        ),
        "translate_x": Operation(translated(0), up_to(translation), True),
        "translate_y": Operation(translated(1), up_to(translation), True),
        "rotate": Operation(rotated, up_to(degrees), True),
        "brightness": Operation(_enhanced(ImageEnhance.Brightness), up_to(factor), True),
        "color": Operation(_enhanced(ImageEnhance.Color), up_to(factor), True),
        "contrast": Operation(_enhanced(ImageEnhance.Contrast), up_to(factor), True),
        "sharpness": Operation(_enhanced(ImageEnhance.Sharpness), up_to(factor), True),
        "posterize": Operation(
            lambda image, m, _: ImageOps.posterize(image, int(m)),
            lambda strength: 8 - round(bits * strength),
        ),
        "solarize": Operation(
            lambda image, m, _: ImageOps.solarize(image, math.ceil(m)),
            lambda strength: 255 * (1 - strength),
        ),
        "autocontrast": Operation(lambda image, *_: ImageOps.autocontrast(image)),
        "equalize": Operation(lambda image, *_: ImageOps.equalize(image)),
    }


#: AutoAugment's ranges, which RandAugment has taken over; and TrivialAugment's, called wide.
RANGES = _operations(0.3, 150 / 331, True, 30, 0.9, 4)
WIDE = _operations(0.99, 32, False, 135, 0.99, 6)
INVERT = {"invert": Operation(lambda image, *_: ImageOps.invert(image))}

#: Pairs of (operation, probability in tenths, strength in ninths).
Pairs: TypeAlias = "Sequence[tuple[tuple[str, int, int], tuple[str, int, int]]]"

#: AutoAugment's for CIFAR-10.
CIFAR: Pairs = (
    (("invert", 1, 0), ("contrast", 2, 6)),
    (("rotate", 7, 2), ("translate_x", 3, 9)),
    (("sharpness", 8, 1), ("sharpness", 9, 3)),
    (("shear_y", 5, 8), ("translate_y", 7, 9)),
    (("autocontrast", 5, 0), ("equalize", 9, 0)),
    (("shear_y", 2, 7), ("posterize", 3, 7)),
    (("color", 4, 3), ("brightness", 6, 7)),
    (("sharpness", 3, 9), ("brightness", 7, 9)),
    (("equalize", 6, 0), ("equalize", 5, 0)),
    (("contrast", 6, 7), ("sharpness", 6, 5)),
    (("color", 7, 7), ("translate_x", 5, 8)),
    (("equalize", 3, 0), ("autocontrast", 4, 0)),
    (("translate_y", 4, 3), ("sharpness", 2, 6)),
    (("brightness", 9, 6), ("color", 2, 8)),
    (("solarize", 5, 2), ("invert", 0, 0)),
    (("equalize", 2, 0), ("autocontrast", 6, 0)),
    (("equalize", 2, 0), ("equalize", 6, 0)),
    (("color", 9, 9), ("equalize", 6, 0)),
    (("autocontrast", 8, 0), ("solarize", 2, 8)),
    (("brightness", 1, 3), ("color", 7, 0)),
    (("solarize", 4, 5), ("autocontrast", 9, 0)),
    (("translate_y", 9, 9), ("translate_y", 7, 9)),
    (("autocontrast", 9, 0), ("solarize", 8, 3)),
    (("equalize", 8, 0), ("invert", 1, 0)),
    (("translate_y", 7, 9), ("autocontrast", 9, 0)),
)


#: AutoAugment's for ImageNet.
IMAGENET: Pairs = (
    (("posterize", 4, 8), ("rotate", 6, 9)),
    (("solarize", 6, 5), ("autocontrast", 6, 0)),
    (("equalize", 8, 0), ("equalize", 6, 0)),
    (("posterize", 6, 7), ("posterize", 6, 6)),
    (("equalize", 4, 0), ("solarize", 2, 4)),
    (("equalize", 4, 0), ("rotate", 8, 8)),
    (("solarize", 6, 3), ("equalize", 6, 0)),
    (("posterize", 8, 5), ("equalize", 10, 0)),
    (("rotate", 2, 3), ("solarize", 6, 8)),
    (("equalize", 6, 0), ("posterize", 4, 6)),
    (("rotate", 8, 8), ("color", 4, 0)),
    (("rotate", 4, 9), ("equalize", 6, 0)),
    (("equalize", 0, 0), ("equalize", 8, 0)),
    (("invert", 6, 0), ("equalize", 10, 0)),
    (("color", 6, 4), ("contrast", 10, 8)),
    (("rotate", 8, 8), ("color", 10, 2)),
    (("color", 8, 8), ("solarize", 8, 7)),
    (("sharpness", 4, 7), ("invert", 6, 0)),
    (("shear_x", 6, 5), ("equalize", 10, 0)),
    (("color", 4, 0), ("equalize", 6, 0)),
    (("equalize", 4, 0), ("solarize", 2, 4)),
    (("solarize", 6, 5), ("autocontrast", 6, 0)),
    (("invert", 6, 0), ("equalize", 10, 0)),
    (("color", 6, 4), ("contrast", 10, 8)),
    (("equalize", 8, 0), ("equalize", 6, 0)),
)

POLICIES: Mapping[str, Pairs] = {"cifar": CIFAR, "imagenet": IMAGENET}


def change(
    image: Image.Image, operation: Operation, strength: float, sign: float, fill: int
) -> Image.Image:
    """One operation on one image.

    Args:
        image: Mode ``L`` or ``RGB``.
        operation: What is done.
        strength: In [0, 1].
        sign: In [0, 1); below one half, a signed magnitude is negative.
        fill: Value of what comes from outside the image.
    """
    magnitude = 0.0 if operation.magnitude is None else operation.magnitude(strength)
    return operation.apply(
        image, -magnitude if operation.signed and sign < 0.5 else magnitude, fill
    )


def by_pillow(
    images: NDArray[np.uint8],
    parameters: NDArray[Any],
    changed: Callable[[Image.Image, Any], Image.Image],
) -> NDArray[np.uint8]:
    """Change each image of a batch [B, C, H, W] by its own row of parameters.

    One of three channels is changed as colour, another channel by channel.
    """

    def one(pixels: NDArray[np.uint8], row: Any) -> NDArray[np.uint8]:
        if len(pixels) != 3:
            return np.stack([np.asarray(changed(Image.fromarray(p), row)) for p in pixels])
        image = Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0)))
        return np.asarray(changed(image, row)).transpose(2, 0, 1)

    return np.stack([one(*each) for each in zip(images, parameters, strict=True)])


@dataclass(frozen=True)
class RandAugment:
    """Several operations of one strength, drawn with replacement (Cubuk et al., 2020).

    Attributes:
        n: How many.
        m: Their strength, in [0, 30].
        fill: Value of what comes from outside the image.
    """

    n: int
    m: float
    fill: int

    CHOICES: ClassVar[tuple[Operation, ...]] = tuple(RANGES.values())

    def draw(self, rng: np.random.Generator, count: int) -> NDArray[np.float64]:
        """Operation and sign of each of n: uniform in [0, 1), float64 ``[count, n, 2]``."""
        return rng.random((count, self.n, 2))

    def apply(self, images: NDArray[np.uint8], parameters: NDArray[Any]) -> NDArray[np.uint8]:
        """Change each image by its own operations."""
        return by_pillow(images, parameters, self._changed)

    def _changed(self, image: Image.Image, rows: NDArray[np.float64]) -> Image.Image:
        for choice, sign in rows:
            operation = self.CHOICES[int(choice * len(self.CHOICES))]
            image = change(image, operation, self.m / 30, sign, self.fill)
        return image


@dataclass(frozen=True)
class TrivialAugment:
    """One operation of a random strength (Müller, Hutter, 2021).

    Attributes:
        fill: Value of what comes from outside the image.
    """

    fill: int

    CHOICES: ClassVar[tuple[Operation, ...]] = tuple(WIDE.values())

    def draw(self, rng: np.random.Generator, count: int) -> NDArray[np.float64]:
        """Operation, strength and sign: uniform in [0, 1), float64 ``[count, 3]``."""
        return rng.random((count, 3))

    def apply(self, images: NDArray[np.uint8], parameters: NDArray[Any]) -> NDArray[np.uint8]:
        """Change each image by its own operation."""
        return by_pillow(images, parameters, self._changed)

    def _changed(self, image: Image.Image, row: NDArray[np.float64]) -> Image.Image:
        choice, strength, sign = row
        operation = self.CHOICES[int(choice * len(self.CHOICES))]
        return change(image, operation, int(strength * 31) / 30, sign, self.fill)


@dataclass(frozen=True)
class AutoAugment:
    """One of 25 pairs of operations, each applied with its own probability (Cubuk et al., 2019).

    Attributes:
        policy: Which pairs.
        fill: Value of what comes from outside the image.
    """

    policy: Literal["cifar", "imagenet"]
    fill: int

    CHOICES: ClassVar[Mapping[str, Operation]] = {**RANGES, **INVERT}

    def draw(self, rng: np.random.Generator, count: int) -> NDArray[np.float64]:
        """Pair; of each operation, whether it is applied, and sign: uniform in [0, 1), float64 ``[count, 5]``."""
        return rng.random((count, 5))

    def apply(self, images: NDArray[np.uint8], parameters: NDArray[Any]) -> NDArray[np.uint8]:
        """Change each image by its own pair."""
        return by_pillow(images, parameters, self._changed)

    def _changed(self, image: Image.Image, row: NDArray[np.float64]) -> Image.Image:
        pairs = POLICIES[self.policy]
        pair = pairs[int(row[0] * len(pairs))]
        for (name, tenths, ninths), applied, sign in zip(pair, row[1:3], row[3:5], strict=True):
            if applied < tenths / 10:
                image = change(image, self.CHOICES[name], ninths / 9, sign, self.fill)
        return image


@dataclass(frozen=True)
class RandomRotation:
    """Turn an image about its centre.

    Attributes:
        degrees: Largest angle, either way.
        fill: Value of what comes from outside the image.
    """

    degrees: float
    fill: int

    def draw(self, rng: np.random.Generator, count: int) -> NDArray[np.float64]:
        """Angles in degrees, counter-clockwise: float64 ``[count]``."""
        return rng.uniform(-self.degrees, self.degrees, count)

    def apply(self, images: NDArray[np.uint8], parameters: NDArray[Any]) -> NDArray[np.uint8]:
        """Turn each image by its own angle."""
        return by_pillow(images, parameters, lambda image, angle: rotated(image, angle, self.fill))
