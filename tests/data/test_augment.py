import numpy as np
import pytest

from runtime.data.augment import (
    AUGMENTATIONS,
    RandomCrop,
    RandomHorizontalFlip,
    draw_batch,
)


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
    assert set(AUGMENTATIONS) == {"random_crop", "random_horizontal_flip"}
