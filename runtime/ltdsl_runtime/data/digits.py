"""The embedded dataset: handwritten digits, for trying a recipe without downloading anything.

Source and licence: ``DIGITS-LICENSE.md`` beside this file.
"""

from __future__ import annotations

import gzip
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np

from ltdsl_runtime.data.arrays import ImageArrays

if TYPE_CHECKING:
    from numpy.typing import NDArray

TEST_PER_CLASS = 40
CLASS_NAMES = tuple("0123456789")


def load() -> tuple[ImageArrays, ImageArrays]:
    """Return the training pool and the balanced test part, 16×16 pixels, one channel.

    Test images are 40 of each class, spread evenly over the file: of a class's n images in the
    file's order, those at positions ⌊(j + ½) · n / 40⌋, j = 0..39. The file runs through its 13
    writers one after the other, so writers appear in both parts. No seed has a say in this: every
    run has the same test part.

    Returns:
        ``(train, test)``; both in the file's order.
    """
    text = gzip.decompress((files("ltdsl_runtime.data") / "digits.csv.gz").read_bytes())
    table = np.array([line.split(b",") for line in text.splitlines()], dtype=np.uint8)
    labels = table[:, 64].astype(np.int32)
    images = _enlarge(table[:, :64].reshape(-1, 1, 8, 8))
    test = np.zeros(len(labels), bool)
    for label in range(len(CLASS_NAMES)):
        members = np.flatnonzero(labels == label)
        steps = 2 * np.arange(TEST_PER_CLASS) + 1
        test[members[steps * len(members) // (2 * TEST_PER_CLASS)]] = True
    everything = ImageArrays(images, labels, CLASS_NAMES)
    return everything.take(np.flatnonzero(~test)), everything.take(np.flatnonzero(test))


def _enlarge(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Scale 0–16 to 0–255 and double height and width, bilinear with half-pixel centres.

    An enlarged pixel is ¾ of the source pixel it lies in and ¼ of the nearer neighbour (the edge
    repeats). All in integers, rounded half up once at the end: a platform or an image
    library's version cannot change a pixel, and so neither the fingerprint.
    """
    pixels = images.astype(np.int64) * 255
    for axis in (2, 3):
        pixels = _double(pixels, axis)
    scale = 16 * 4 * 4
    return ((pixels + scale // 2) // scale).astype(np.uint8)


def _double(pixels: NDArray[np.int64], axis: int) -> NDArray[np.int64]:
    """Return 4 × the linear interpolation to twice the length along ``axis``."""
    x = np.moveaxis(pixels, axis, -1)
    before = np.concatenate([x[..., :1], x[..., :-1]], axis=-1)
    after = np.concatenate([x[..., 1:], x[..., -1:]], axis=-1)
    pairs = np.stack([3 * x + before, 3 * x + after], axis=-1)
    return np.moveaxis(pairs.reshape(*x.shape[:-1], -1), -1, axis)
