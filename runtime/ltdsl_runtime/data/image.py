"""An image file to pixels, as training, evaluation and prediction all read it.

What torchvision and timm users expect, so that a model sees the images it would see there: three channels, an alpha
channel dropped, grey repeated, an orientation in EXIF left alone, bilinear resizing with antialiasing. Beyond that,
16-bit images keep their upper byte, which Pillow would clip.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

from ltdsl_runtime.data.errors import DataError

#: What files may be, by content. Pillow knows more; some of it starts other programs.
FORMATS = ("JPEG", "PNG", "BMP", "PPM", "TIFF", "WEBP", "GIF")

#: File names that image folders are searched for.
SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".ppm", ".pgm", ".tif", ".tiff", ".webp", ".gif")

#: How many times as long as the input's shape an image is resized as a whole.
OBLONG = 16

# Pillow refuses what is twice as large, in an error that names the file
warnings.simplefilter("ignore", Image.DecompressionBombWarning)


@dataclass(frozen=True)
class View:
    """How an image of any size becomes the input of evaluation: resized, then its centre cut out.

    Attributes:
        channels: 3 for colour, 1 for grey.
        height, width: Of the input, pixels.
        ratio: The resized image covers ``ratio`` × the input; at least 1.
    """

    channels: int
    height: int
    width: int
    ratio: float = 1.0

    @classmethod
    def square(cls, size: int, crop: float) -> View:
        """Colour images of ``size`` × ``size`` pixels: ``crop`` of the shorter side of a resized image."""
        return cls(3, size, size, 1 / crop)

    def __call__(self, image: Image.Image) -> np.ndarray:
        """Pixels, uint8 ``[channels, height, width]``."""
        high, wide = round(self.height * self.ratio), round(self.width * self.ratio)
        image = _trimmed(image, wide, high)
        # the side that is relatively shorter decides; integers, so no platform rounds differently
        if image.height * wide <= image.width * high:
            size = max(wide, high * image.width // image.height), high
        else:
            size = wide, max(high, wide * image.height // image.width)
        resized = image if size == image.size else image.resize(size, Image.Resampling.BILINEAR)
        left, top = round((size[0] - self.width) / 2), round((size[1] - self.height) / 2)
        return self.pixels(resized.crop((left, top, left + self.width, top + self.height)))

    def cut(self, image: Image.Image, box: tuple[int, int, int, int]) -> np.ndarray:
        """A box (left, top, right, bottom) of an image, resized to the input: uint8 ``[channels, height, width]``."""
        part = image.crop(box)
        return self.pixels(part.resize((self.width, self.height), Image.Resampling.BILINEAR))

    def open(self, path: Path, content: BinaryIO | None = None) -> Image.Image:
        """Read an image file of any size, with the channels of the input.

        Args:
            path: The file.
            content: What is in it, where that has been read.

        Raises:
            DataError: LT401 it is missing, LT402 it cannot be read; the message names it.
            OSError: The disk or the system is in the way, not the file.
        """
        try:
            with Image.open(content or path, formats=FORMATS) as image:
                image.load()
                return _converted(image, "L" if self.channels == 1 else "RGB")
        except FileNotFoundError as error:
            raise DataError("LT401", f"{path} is missing", "was it moved or renamed?") from error
        except Exception as error:  # a broken file can raise anything in its decoder
            if isinstance(error, MemoryError) or _is_the_systems(error):
                raise
            why = _reason(error, path)
            hint = "replace it, or train without it: ltdsl run --skip-unreadable"
            raise DataError("LT402", f"{path} cannot be read: {why}", hint) from error

    @staticmethod
    def pixels(image: Image.Image) -> np.ndarray:
        """uint8 ``[channels, height, width]`` of an image."""
        array = np.asarray(image)
        return array[None] if array.ndim == 2 else array.transpose(2, 0, 1)


def _trimmed(image: Image.Image, wide: int, high: int) -> Image.Image:
    """The middle of an image that is far longer than what is seen of it, which may be gigabytes when resized."""
    width = min(image.width, max(1, OBLONG * image.height * wide // high))
    height = min(image.height, max(1, OBLONG * image.width * high // wide))
    if (width, height) == image.size:
        return image
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image.crop((left, top, left + width, top + height))


def _converted(image: Image.Image, mode: str) -> Image.Image:
    """The image in another mode, without Pillow's surprises."""
    if image.mode.startswith("I"):  # 16 bits, in 16 or 32
        wide = np.asarray(image).astype(np.int64)
        if wide.min() < 0 or wide.max() > 0xFFFF:
            raise ValueError("its pixels have more than 16 bits")
        image = Image.fromarray((wide >> 8).astype(np.uint8))
    elif image.mode == "F":
        raise ValueError("its pixels are floating-point numbers")
    elif image.mode == "P" and "transparency" in image.info:
        image = image.convert("RGBA")
    return image if image.mode == mode else image.convert(mode)


def _is_the_systems(error: Exception) -> bool:
    """True for what another attempt may not meet: a disk that is gone, too many open files. Decoders set no number."""
    about_the_file = PermissionError | IsADirectoryError | NotADirectoryError
    return (
        isinstance(error, OSError)
        and error.errno is not None
        and not isinstance(error, about_the_file)
    )


def _reason(error: Exception, path: Path) -> str:
    """Why, in words that do not repeat the file's name."""
    if isinstance(error, Image.UnidentifiedImageError):
        return "it is no JPEG, PNG, BMP, PPM, TIFF, WebP or GIF image"
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text).replace(str(path), "it")
