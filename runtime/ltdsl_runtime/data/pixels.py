"""Pixels of image files that have been decoded."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ltdsl.cache import Entry


@dataclass(frozen=True, eq=False)
class Decoded:
    """The pixels of a part's images.

    Attributes:
        whole: They are whole images; otherwise as evaluation sees them, all of one size.
        pixels: uint8, all images one after the other, each [H, W, C] where it is whole and [C, H, W] otherwise.
        sizes: Width and height of each, int32 ``[N, 2]``.
        starts: Where each begins, int64 ``[N]``.
        channels: C.
        entry: What keeps them where they are.
    """

    whole: bool
    pixels: NDArray[np.uint8]
    sizes: NDArray[np.int32]
    starts: NDArray[np.int64]
    channels: int
    entry: Entry

    def take(self, indices: Any) -> Decoded:
        """Those at ``indices``, in that order."""
        return replace(self, sizes=self.sizes[indices], starts=self.starts[indices])

    def seen(self, index: int) -> NDArray[np.uint8]:
        """An image as evaluation sees it, uint8 ``[C, H, W]``; not of whole ones."""
        width, height = self.sizes[index].tolist()
        return self._bytes(index).reshape(self.channels, height, width)

    def image(self, index: int, box: tuple[int, int, int, int] | None = None) -> Image.Image:
        """A whole image, or what is in a box (left, top, right, bottom) of it."""
        width, height = self.size(index)
        pixels = self._bytes(index).reshape(height, width, self.channels)
        if box is not None:
            left, top, right, bottom = box
            # copied here: Pillow takes thirty times as long for what does not lie in one piece
            pixels = np.ascontiguousarray(pixels[top:bottom, left:right])
        return Image.fromarray(pixels[..., 0] if self.channels == 1 else pixels)

    def size(self, index: int) -> tuple[int, int]:
        """Width and height of an image."""
        width, height = self.sizes[index].tolist()
        return width, height

    def _bytes(self, index: int) -> NDArray[np.uint8]:
        start, (width, height) = int(self.starts[index]), self.size(index)
        return self.pixels[start : start + self.channels * width * height]
