import numpy as np
import pytest
from ltdsl_runtime.data.augment import (
    AUGMENTATIONS,
    RandomCrop,
    RandomHorizontalFlip,
    RandomResizedCrop,
    draw_batch,
)
from ltdsl_runtime.data.augment.colour import ColorJitter
from PIL import Image, ImageEnhance

from ltdsl.catalogue import AUGMENTS


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(1, 256, (200, 3, 8, 7), dtype=np.uint8)


def naive_crop(image, padding, top, left):
    """Pixel by pixel, from the definition."""
    out = np.zeros_like(image)
    _, height, width = image.shape
    for y in range(height):
        for x in range(width):
            source_y, source_x = y + top - padding, x + left - padding
            if 0 <= source_y < height and 0 <= source_x < width:
                out[:, y, x] = image[:, source_y, source_x]
    return out


@pytest.mark.parametrize("padding", [0, 1, 4])
def test_crop_is_the_naive_crop(images, padding):
    crop = RandomCrop(padding)
    corners = crop.draw(np.random.default_rng(1), len(images))
    before = images.copy()
    cropped = crop.apply(images, corners)
    assert cropped.dtype == np.uint8
    assert np.array_equal(images, before)
    for image, (top, left), result in zip(images, corners, cropped, strict=True):
        assert np.array_equal(result, naive_crop(image, padding, top, left))


def test_corners_cover_their_range_evenly():
    corners = RandomCrop(4).draw(np.random.default_rng(2), 9000)
    for side in corners.T:
        counts = np.bincount(side)
        assert len(counts) == 9
        assert ((counts - 1000) ** 2 / 1000).sum() < 31.83  # chi-square, 8 degrees, 99.99 %


@pytest.mark.parametrize("probability", [0.0, 0.5, 0.9, 1.0])
def test_flip(images, probability):
    flip = RandomHorizontalFlip(probability)
    mirrored = flip.draw(np.random.default_rng(3), len(images))
    assert abs(mirrored.mean() - probability) < 0.12
    before = images.copy()
    flipped = flip.apply(images, mirrored)
    assert np.array_equal(images, before)
    for image, yes, result in zip(images, mirrored, flipped, strict=True):
        assert np.array_equal(result, np.flip(image, axis=2) if yes else image)


def test_streams_depend_on_seed_batch_and_place():
    chain = (RandomCrop(2), RandomHorizontalFlip())
    first = draw_batch(chain, 1, (5, 0, 0), 50)
    assert all(map(np.array_equal, first, draw_batch(chain, 1, (5, 0, 0), 50)))
    assert np.array_equal(first[0], draw_batch(chain[:1], 1, (5, 0, 0), 50)[0])
    for seed, batch in ((2, (5, 0, 0)), (1, (6, 0, 0)), (1, (5, 1, 0)), (1, (5, 0, 1))):
        assert not np.array_equal(first[0], draw_batch(chain, seed, batch, 50)[0])


def test_names():
    assert set(AUGMENTATIONS) == set(AUGMENTS)
    for name, entry in AUGMENTS.items():
        assert AUGMENTATIONS[name](**dict(entry()))  # the same parameters


def test_resized_crops_are_boxes_of_the_area_and_shape_asked_for():
    crop = RandomResizedCrop(0.25, 1.5)
    rows = crop.draw(np.random.default_rng(4), 2000)
    width, height = 300, 200
    boxes = np.array([crop.box(row, width, height) for row in rows])
    wide, high = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    assert boxes.min() >= 0
    assert (boxes[:, 2] <= width).all()
    assert (boxes[:, 3] <= height).all()
    area, shape = wide * high / (width * height), wide / high
    assert area.min() > 0.24
    assert area.max() > 0.9
    assert shape.min() > 0.65
    assert shape.max() < 1.53
    # every place that the box fits in is as likely: the mean is the middle
    left = boxes[:, 0] / np.maximum(1, width - wide)
    assert abs(left[width > wide + 20].mean() - 0.5) < 0.02


def test_a_resized_crop_that_never_fits_takes_the_centre():
    crop = RandomResizedCrop(1.0, 2.0)
    row = crop.draw(np.random.default_rng(4), 1)[0]
    assert crop.box(row, 1000, 10) == (490, 0, 510, 10)
    assert crop.box(row, 10, 1000) == (0, 490, 10, 510)
    row[:10] = 0  # the whole of a square fits only as a square
    assert RandomResizedCrop(1.0, 1.0).box(row, 50, 50) == (0, 0, 50, 50)
    assert RandomResizedCrop(1.0, 1.0).box(row, 1, 1) == (0, 0, 1, 1)


def test_resized_crop_of_an_image_in_memory(images):
    crop = RandomResizedCrop(0.3, 4 / 3)
    rows = crop.draw(np.random.default_rng(5), len(images))
    found = crop.apply(images, rows)
    assert (found.shape, found.dtype) == (images.shape, np.uint8)
    for image, row, result in zip(images[:9], rows, found, strict=False):
        left, top, right, bottom = crop.box(row, 7, 8)
        part = Image.fromarray(image[:, top:bottom, left:right].transpose(1, 2, 0).copy())
        expected = part.resize((7, 8), Image.Resampling.BILINEAR)
        assert np.array_equal(result.transpose(1, 2, 0), np.asarray(expected))


def test_colour_jitter_is_pillows(images):
    """Against ImageEnhance, which rounds down after each change, so that later ones enlarge what is lost."""
    jitter = ColorJitter(0.4, 0.3, 0.8)
    rows = jitter.draw(np.random.default_rng(6), len(images))
    low, high = rows[:, :3].min(0), rows[:, :3].max(0)
    assert np.allclose(low, (0.6, 0.7, 0.2), atol=0.02)
    assert np.allclose(high, (1.4, 1.3, 1.8), atol=0.02)
    changes = (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color)
    for image, row, result in zip(images, rows, jitter.apply(images, rows), strict=True):
        expected = Image.fromarray(image.transpose(1, 2, 0).copy())
        for change in np.argsort(row[3:]):
            expected = changes[change](expected).enhance(row[change])
        gap = np.abs(result.transpose(1, 2, 0).astype(int) - np.asarray(expected))
        assert gap.max() <= 5
    for place, change in enumerate(
        changes
    ):  # one alone: a level apart, two where the mean grey is rounded
        alone = ColorJitter(*(0.8 * (place == p) for p in range(3)))
        rows = alone.draw(np.random.default_rng(7), len(images))
        for image, row, result in zip(images, rows, alone.apply(images, rows), strict=True):
            expected = change(Image.fromarray(image.transpose(1, 2, 0).copy())).enhance(row[place])
            gap = np.abs(result.transpose(1, 2, 0).astype(int) - np.asarray(expected))
            assert gap.max() <= 2
    assert len({tuple(np.argsort(row[3:])) for row in rows}) == 6
    still = ColorJitter(0, 0, 0)
    rows = still.draw(np.random.default_rng(6), len(images))
    assert np.abs(still.apply(images, rows).astype(int) - images).max() <= 1
    grey = images[:, :1]
    assert jitter.apply(grey, jitter.draw(np.random.default_rng(1), 200)).shape == grey.shape
