"""Operations of images against their definitions in NumPy, and the policies that choose among them."""

from __future__ import annotations

import numpy as np
import pytest
from ltdsl_runtime.data.augment import AUGMENTATIONS, draw_batch
from ltdsl_runtime.data.augment.operations import (
    CIFAR,
    IMAGENET,
    INVERT,
    RANGES,
    WIDE,
    by_pillow,
    change,
)
from PIL import Image

from ltdsl.catalogue import AUGMENTS

RNG = np.random.default_rng(0)
#: Coloured noise and, since noise is equalized already, a dark image with few values.
IMAGES = (
    RNG.integers(0, 256, (12, 9, 3), dtype=np.uint8),
    RNG.integers(20, 90, (12, 9, 3), dtype=np.uint8) // 7 * 7,
)
FILL = 128
GREY = np.array([0.299, 0.587, 0.114])
NEW = (
    "rand_augment",
    "auto_augment",
    "trivial_augment",
    "cutout",
    "random_erasing",
    "random_rotation",
)


def built(name, **arguments):
    return AUGMENTATIONS[name](**dict(AUGMENTS[name](**arguments)))


def affine(image, matrix):
    """The pixel whose area holds the place that each pixel's centre comes from."""
    height, width, _ = image.shape
    y, x = np.mgrid[:height, :width] + 0.5
    a, b, c, d, e, f = matrix
    from_x, from_y = np.floor(a * x + b * y + c), np.floor(d * x + e * y + f)
    inside = (from_x >= 0) & (from_x < width) & (from_y >= 0) & (from_y < height)
    out = np.full_like(image, FILL)
    out[inside] = image[from_y[inside].astype(int), from_x[inside].astype(int)]
    return out


def rotated(image, degrees):
    angle = np.radians(degrees)
    height, width, _ = image.shape
    cos, sin = np.cos(angle), np.sin(angle)
    cx, cy = width / 2, height / 2
    # counter-clockwise on the screen, where y points down
    return affine(image, (cos, -sin, cx - cos * cx + sin * cy, sin, cos, cy - sin * cx - cos * cy))


def mixed(image, other, magnitude):
    return np.clip((1 + magnitude) * image - magnitude * other, 0, 255)


def smoothed(image):
    out = image.astype(float)
    height, width, _ = image.shape
    parts = [
        (5 if (i, j) == (1, 1) else 1) * image[i : height - 2 + i, j : width - 2 + j].astype(float)
        for i in range(3)
        for j in range(3)
    ]
    out[1:-1, 1:-1] = sum(parts) / 13
    return out


def equalized(image):
    out = np.empty_like(image)
    for channel in range(3):
        values, counts = np.unique(image[..., channel], return_counts=True)
        step = (counts.sum() - counts[-1]) // 255
        below = np.concatenate(([0], np.cumsum(counts)[:-1]))
        table = dict(zip(values, np.minimum(255, (below + step // 2) // max(1, step)), strict=True))
        out[..., channel] = (
            np.vectorize(table.get)(image[..., channel]) if step else image[..., channel]
        )
    return out


def stretched(image):
    low, high = image.min((0, 1)).astype(float), image.max((0, 1)).astype(float)
    return np.floor((image - low) * 255 / (high - low) + 1e-9)


#: By its name, what an operation makes of an image by a magnitude, and by how much rounding may differ.
FORMULAS = {
    "identity": (lambda i, m: i, 0),
    "shear_x": (lambda i, m: affine(i, (1, m, 0, 0, 1, 0)), 0),
    "shear_y": (lambda i, m: affine(i, (1, 0, 0, m, 1, 0)), 0),
    "translate_x": (lambda i, m: affine(i, (1, 0, -m, 0, 1, 0)), 0),
    "translate_y": (lambda i, m: affine(i, (1, 0, 0, 0, 1, -m)), 0),
    "rotate": (rotated, 0),
    "brightness": (lambda i, m: mixed(i, 0, m), 1),
    "color": (lambda i, m: mixed(i, (i @ GREY)[..., None], m), 2),
    "contrast": (lambda i, m: mixed(i, np.rint((i @ GREY).mean()), m), 2),
    "sharpness": (lambda i, m: mixed(i, smoothed(i), m), 2),
    "posterize": (lambda i, m: i & (256 - 2 ** (8 - int(m))), 0),
    "solarize": (lambda i, m: np.where(i < m, i, 255 - i), 0),
    "autocontrast": (lambda i, m: stretched(i), 1),
    "equalize": (lambda i, m: equalized(i), 0),
    "invert": (lambda i, m: 255 - i, 0),
}

#: From a strength to the magnitude, of an image of 9 × 12 pixels: AutoAugment's table, and TrivialAugment's wide one.
MAGNITUDES = {
    False: {
        **dict.fromkeys(("shear_x", "shear_y"), lambda s: 0.3 * s),
        "translate_x": lambda s: int(150 / 331 * 9 * s),
        "translate_y": lambda s: int(150 / 331 * 12 * s),
        "rotate": lambda s: 30 * s,
        **dict.fromkeys(("brightness", "color", "contrast", "sharpness"), lambda s: 0.9 * s),
        "posterize": lambda s: 8 - np.rint(4 * s),
        "solarize": lambda s: 255 - 255 * s,
    },
    True: {
        **dict.fromkeys(("shear_x", "shear_y"), lambda s: 0.99 * s),
        **dict.fromkeys(("translate_x", "translate_y"), lambda s: int(32 * s)),
        "rotate": lambda s: 135 * s,
        **dict.fromkeys(("brightness", "color", "contrast", "sharpness"), lambda s: 0.99 * s),
        "posterize": lambda s: 8 - np.rint(6 * s),
        "solarize": lambda s: 255 - 255 * s,
    },
}


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("name", FORMULAS)
def test_an_operation_is_what_it_is_called(name, wide):
    formula, tolerance = FORMULAS[name]
    operation = ((WIDE if wide else RANGES) | INVERT)[name]
    for pixels in IMAGES:
        for strength in (0.0, 0.2, 0.7, 1.0):
            magnitude = MAGNITUDES[wide].get(name, lambda _: 0.0)(strength)
            for sign in (1, -1) if operation.signed else (1,):
                found = change(
                    Image.fromarray(pixels), operation, strength, 0.9 if sign > 0 else 0.1, FILL
                )
                expected = formula(pixels, sign * magnitude)
                difference = np.abs(np.asarray(found).astype(float) - expected)
                assert difference.max() <= tolerance, (strength, sign)


@pytest.mark.parametrize(
    ("policy", "probabilities", "strengths"), [(CIFAR, 265, 187), (IMAGENET, 310, 159)]
)
def test_policies_are_the_papers(policy, probabilities, strengths):
    """Names, probabilities and strengths of torchvision's tables, as sums that a slip changes."""
    assert len(policy) == 25
    assert {name for pair in policy for name, _, _ in pair} <= set(RANGES) | set(INVERT)
    assert sum(tenths for pair in policy for _, tenths, _ in pair) == probabilities
    assert sum(ninths for pair in policy for _, _, ninths in pair) == strengths


def test_operations_are_drawn_evenly_and_follow_each_other():
    augment = built("rand_augment", n=2, m=15.0)
    rows = augment.draw(np.random.default_rng(1), 7000)
    counts = np.bincount((rows[:, :, 0] * 14).astype(int).ravel())
    assert ((counts - 1000) ** 2 / 1000).sum() < 42  # chi-square, 13 degrees, 99.99 %
    images = np.stack([image.transpose(2, 0, 1) for image in IMAGES])
    both = np.array([[[4.5 / 14, 0.9], [13.5 / 14, 0.0]]] * 2)  # down, then equalized
    found = augment.apply(images, both)
    for image, result in zip(IMAGES, found, strict=True):
        down = affine(image, (1, 0, 0, 0, 1, -int(150 / 331 * 12 / 2)))
        assert np.array_equal(result.transpose(1, 2, 0), equalized(down))


def test_a_pair_of_a_policy_is_applied_by_its_probabilities():
    augment = built("auto_augment")
    images = np.stack([image.transpose(2, 0, 1) for image in IMAGES])
    pair = 3.5 / 25  # shear_y with 0.5 and 8, translate_y with 0.7 and 9
    for applied, expected in (
        ((0.6, 0.8), lambda i: i),
        ((0.4, 0.8), lambda i: affine(i, (1, 0, 0, 0.3 * 8 / 9, 1, 0))),
        ((0.6, 0.6), lambda i: affine(i, (1, 0, 0, 0, 1, -5))),
    ):
        found = augment.apply(images, np.array([[pair, *applied, 0.9, 0.9]] * 2))
        for image, result in zip(IMAGES, found, strict=True):
            assert np.array_equal(result.transpose(1, 2, 0), expected(image))


def test_a_trivial_augment_is_one_operation_of_one_of_31_strengths():
    augment = built("trivial_augment")
    images = np.stack([image.transpose(2, 0, 1) for image in IMAGES])
    rows = augment.draw(np.random.default_rng(2), 2)
    rows[:] = 5.5 / 14, 30.5 / 31, 0.9
    for image, result in zip(IMAGES, augment.apply(images, rows), strict=True):
        assert np.array_equal(result.transpose(1, 2, 0), rotated(image, 135))


def test_cutout_covers_a_square_about_any_pixel():
    augment = built("cutout", size=4)
    images = np.full((3, 2, 8, 6), 7, np.uint8)
    centres = np.array([[0.0, 0.0], [4.2 / 8, 3.9 / 6], [0.999, 0.999]])
    found = augment.apply(images, centres)
    for image, (rows, columns) in zip(
        found, [((0, 2), (0, 2)), ((2, 6), (1, 5)), ((5, 8), (3, 6))], strict=True
    ):
        expected = np.full((2, 8, 6), 7)
        expected[:, slice(*rows), slice(*columns)] = 0
        assert np.array_equal(image, expected)
    assert (images == 7).all()
    drawn = augment.draw(np.random.default_rng(3), 6000)
    assert ((np.bincount((drawn[:, 0] * 8).astype(int)) - 750) ** 2 / 750).sum() < 32


def test_erased_rectangles_have_the_area_and_shape_asked_for():
    augment = built("random_erasing", probability=0.8, smallest=0.1, largest=0.3, ratio=2.0)
    rows = augment.draw(np.random.default_rng(4), 3000)
    boxes = [augment.box(row, 100, 80) for row in rows]
    there = np.array([box for box in boxes if box])
    assert abs(len(there) / 3000 - 0.8) < 0.03
    wide, high = there[:, 2] - there[:, 0], there[:, 3] - there[:, 1]
    assert there.min() >= 0
    assert (there[:, 2] <= 100).all()
    assert (there[:, 3] <= 80).all()
    area, shape = wide * high / 8000, high / wide
    assert 0.095 < area.min() < 0.105
    assert 0.295 < area.max() < 0.305
    assert abs(area.mean() - 0.2) < 0.01
    assert 0.48 < shape.min() < 0.52
    assert 1.9 < shape.max() < 2.1


@pytest.mark.parametrize("value", ["random", "black"])
def test_erased_pixels_are_random_or_black_and_the_others_stay(value):
    augment = built("random_erasing", probability=1.0, value=value)
    images = np.full((40, 3, 30, 30), 7, np.uint8)
    rows = augment.draw(np.random.default_rng(5), 40)
    found, again = augment.apply(images, rows), augment.apply(images[5:], rows[5:])
    assert np.array_equal(found[5:], again)
    inside = []
    for image, row in zip(found, rows, strict=True):
        left, top, right, bottom = augment.box(row, 30, 30)
        inside.append(image[:, top:bottom, left:right].ravel())
        outside = np.ones((30, 30), bool)
        outside[top:bottom, left:right] = False
        assert (image[:, outside] == 7).all()
    pixels = np.concatenate(inside)
    if value == "black":
        assert not pixels.any()
    else:
        expected = len(pixels) / 256
        chi_square = ((np.bincount(pixels, minlength=256) - expected) ** 2 / expected).sum()
        assert chi_square < 350  # 255 degrees, 99.99 %


def test_rotations_are_even_and_about_the_centre():
    augment = built("random_rotation", degrees=30.0, fill=FILL)
    angles = augment.draw(np.random.default_rng(6), 4000)
    assert -30 <= angles.min() < -29.9
    assert 29.9 < angles.max() <= 30
    assert abs(angles.mean()) < 1
    images = np.stack([image.transpose(2, 0, 1) for image in IMAGES])
    for image, result in zip(IMAGES, augment.apply(images, np.array([20.0, 20.0])), strict=True):
        assert np.array_equal(result.transpose(1, 2, 0), rotated(image, 20.0))


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("name", NEW)
def test_any_image_keeps_its_shape_and_depends_on_its_own_row_alone(name, channels):
    images = np.random.default_rng(7).integers(0, 256, (24, channels, 8, 7), dtype=np.uint8)
    before, augment = images.copy(), built(name)
    (rows,) = draw_batch([augment], 1, (5, 0, 0), 24)
    found = augment.apply(images, rows)
    assert (found.shape, found.dtype) == (images.shape, np.uint8)
    assert np.array_equal(images, before)
    assert not np.array_equal(found, images)
    alone = [augment.apply(images[i : i + 1], rows[i : i + 1])[0] for i in range(24)]
    assert np.array_equal(found, np.stack(alone))


def test_channels_that_are_no_colours_are_changed_one_by_one():
    pixels = RNG.integers(0, 256, (1, 2, 8, 8), dtype=np.uint8)
    strengths = np.array([1.0])
    found = by_pillow(pixels, strengths, lambda i, s: change(i, RANGES["color"], s, 0.9, FILL))
    assert np.array_equal(found, pixels)
