"""An image file to pixels, as training, evaluation and prediction all read it.

What torchvision and timm users expect, so that a model sees the images it would see there: three channels, an alpha
channel dropped, grey repeated, an orientation in EXIF left alone, bilinear resizing with antialiasing. Beyond that,
16-bit images keep their upper byte, which Pillow would clip.
"""

from __future__ import annotations

import io
import warnings
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from PIL import Image, TiffImagePlugin, UnidentifiedImageError

from ltdsl.system.opening import IMAGE, UnfitError, open_file
from ltdsl_runtime.data.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: What files may be, by content. Pillow knows more; some of it starts other programs.
FORMATS = ("JPEG", "PNG", "BMP", "PPM", "TIFF", "WEBP", "GIF")

#: File names that image folders are searched for.
SUFFIXES = (
    *(".jpg", ".jpeg", ".jfif", ".jpe", ".png", ".bmp", ".dib"),
    *(".ppm", ".pgm", ".pbm", ".pnm", ".tif", ".tiff", ".webp", ".gif"),
)

#: Pixels of a row or column; JPEG, WebP and GIF cannot have more. Pillow itself limits the whole image.
LONGEST_SIDE = 65_535

#: How many times as long as the input's shape an image is resized as a whole.
OBLONG = 16

# Pillow refuses what is twice as large, in an error that names the file
warnings.simplefilter("ignore", Image.DecompressionBombWarning)
# damaged EXIF and the like: the warning names no file, and the image is read all the same; `data inspect` names it
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\b")


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

    def __call__(self, image: Image.Image) -> NDArray[np.uint8]:
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

    def cut(self, image: Image.Image, box: tuple[int, int, int, int]) -> NDArray[np.uint8]:
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
            with (
                nullcontext(content) if content else open_file(path, IMAGE) as file,
                Image.open(file, formats=FORMATS) as image,
            ):
                _check_size(image)
                image.load()
                return _converted(image, "L" if self.channels == 1 else "RGB")
        except FileNotFoundError as error:
            raise DataError("LT401", f"{path} is missing", "was it moved or renamed?") from error
        except Exception as error:  # a broken file can raise anything in its decoder
            if _is_the_systems(error):
                raise
            why = _reason(error, path, content)
            hint = "replace it, or train without it: ltdsl run --skip-unreadable"
            raise DataError("LT402", f"{path} cannot be read: {why}", hint) from error

    @staticmethod
    def pixels(image: Image.Image) -> NDArray[np.uint8]:
        """uint8 ``[channels, height, width]`` of an image."""
        array = np.asarray(image)
        return array[None] if array.ndim == 2 else array.transpose(2, 0, 1)


def depth(content: bytes) -> tuple[int, int] | None:
    """Least and largest value of an image of more than 8 bits that can be read; None for all others."""
    with Image.open(io.BytesIO(content), formats=FORMATS) as image:
        if not image.mode.startswith("I"):
            return None
        low, high = image.getextrema()
        return int(low), int(high)


def _check_size(image: Image.Image) -> None:
    """Refuse an image whose head claims more than a decoder should be asked for: its file may have a few bytes."""
    if max(image.size) > LONGEST_SIDE:
        raise ValueError(
            f"it has {image.width:,} × {image.height:,} pixels, more than {LONGEST_SIDE:,} in a row or column"
        )


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
    about_the_file = PermissionError | IsADirectoryError | NotADirectoryError | UnfitError
    return (
        isinstance(error, OSError)
        and error.errno is not None
        and not isinstance(error, about_the_file)
    )


def _reason(error: Exception, path: Path, content: BinaryIO | None) -> str:
    """Why, in words that do not repeat the file's name."""
    if isinstance(error, UnidentifiedImageError):
        return _what_it_is(path, content)
    if isinstance(error, MemoryError):
        return "there is too little memory to decode it"
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text).replace(str(path), "it")


#: What files begin with that are called as images, after how many bytes, and what they are.
_OTHERS = (
    (4, b"ftyphei", "an HEIC picture: convert it to JPEG"),
    (4, b"ftypmif1", "an HEIC picture: convert it to JPEG"),
    (4, b"ftypavif", "an AVIF picture: convert it to JPEG or PNG"),
    (4, b"jP  ", "a JPEG 2000 picture: convert it to JPEG or PNG"),
    (0, b"8BPS", "a Photoshop file: convert it to PNG"),
    (0, b"%PDF", "a PDF"),
    (0, b"<svg", "an SVG drawing: convert it to PNG"),
    (0, b"<", "a web page or other text, as servers send it in place of an image"),
    (0, b"version https://git-lfs", "a pointer of Git LFS: `git lfs pull` fetches the image"),
    (0, b"\0\5\x16\7", "a resource fork of macOS, which has no image in it"),
)


def _what_it_is(path: Path, content: BinaryIO | None) -> str:
    """What a file is that Pillow does not know."""
    try:
        if content is None:
            with open_file(path) as file:
                start = file.read(64)
                tiff = _kind_of_tiff(file)
        else:
            content.seek(0)
            start = content.read(64)
            tiff = _kind_of_tiff(content)
    except OSError:
        return "it is no image"
    if tiff is not None:
        return tiff
    none = "it is no JPEG, PNG, BMP, PPM, TIFF, WebP or GIF image"
    if not start:
        return f"{none}, but empty"
    for at, magic, what in _OTHERS:
        if start[at:].lstrip(b"\xef\xbb\xbf \r\n\t" if magic == b"<" else b"").startswith(magic):
            return f"{none}, but {what}"
    return none


def _kind_of_tiff(file: BinaryIO) -> str | None:
    """Bands and bits of a TIFF whose kind of pixels is not read; None for other files."""
    file.seek(0)
    head = file.read(8)
    if head[:4] not in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return None
    unknown = "it is a TIFF whose kind of pixels is not read"
    hint = "convert it to 8 bits a band, grey or RGB"
    try:
        tags = TiffImagePlugin.ImageFileDirectory_v2(head)
        file.seek(tags.next)
        tags.load(file)
        bits, bands = tags.get(258, (1,)), tags.get(277, 1)
    except Exception:  # whatever a parser finds in arbitrary bytes
        return f"{unknown}: {hint}"
    return f"{unknown}, {bands} bands of {max(bits)} bits: {hint}"
