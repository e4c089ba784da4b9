"""Photographs that are decoded once: their pixels in the cache, for all epochs and for the runs that follow.

What is kept are the very pixels that decoding gives, so that no number depends on it: an image as evaluation sees it,
resized, where every epoch sees it so; the whole image where a random crop is cut from it before it is resized. That is
far more, and is kept only where memory holds it too: read from a disk, it would take longer than decoding.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import PIL
from PIL import Image, features

from ltdsl.cache import DECODED_IMAGES, CacheError, Store
from ltdsl.cache.place import NO_STAGES
from ltdsl.system.memory import memory_limit
from ltdsl.system.opening import IMAGE, open_file
from ltdsl.system.writing import append_to
from ltdsl_runtime.data import image as image_module
from ltdsl_runtime.data.errors import DataError
from ltdsl_runtime.data.files import ImageFiles, threads
from ltdsl_runtime.data.pixels import Decoded

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ltdsl.cache import Entry
    from ltdsl_runtime.data import LoadedData
    from ltdsl_runtime.data.part import Part

PIXELS, SIZES = "pixels.bin", "sizes.bin"

#: Libraries that a pixel may depend on, as Pillow calls them.
_DECODERS = ("jpg", "libjpeg_turbo", "jpg_2000", "zlib", "libtiff", "webp")

#: Bytes of decoded images that wait to be written.
_WAITING = 32 * 2**20

#: Images whose sizes tell how much all of them take.
_SAMPLE = 64


class _UnfitError(Exception):
    """What is decoded cannot be kept: a file cannot be read or was changed meanwhile, or all take too much."""


def decoded_once(data: LoadedData, cropped: bool, store: Store | None = None) -> LoadedData:
    """The same data, whose images in files are decoded now, if they were not before.

    Args:
        data: The data; what is in memory stays as it is.
        cropped: Some stage cuts a random box from the whole image.
        store: Where pixels are; None for the user's.
    """
    if os.environ.get(NO_STAGES):
        return data
    try:
        store = store or Store.of_user()
    except CacheError:
        return data
    return replace(
        data,
        train=_decoded(data.train, cropped, store),
        validation=data.validation and _decoded(data.validation, False, store),
        test=_decoded(data.test, False, store),
    )


def _decoded(part: Part, whole: bool, store: Store) -> Part:
    if not isinstance(part, ImageFiles) or not len(part):
        return part
    room = int(DECODED_IMAGES.share * store.limit)
    if whole:
        room = min(room, (memory_limit() or 0) // 2)
    try:
        if _expected(part, whole) > room:
            return part
        before = identity(part)
        facts = {
            "form": "whole" if whole else "resized",
            "view": {"channels": part.view.channels} if whole else asdict(part.view),
            "images": len(part),
            "files": before,
            "decoder": decoder(),
        }
        entry = store.obtain(
            DECODED_IMAGES, facts, lambda to: _build(part, whole, room, before, to)
        )
    except (_UnfitError, DataError, OSError):  # who needs the image is told
        return part
    return part if entry is None else replace(part, decoded=_open(part, whole, entry))


def _open(part: ImageFiles, whole: bool, entry: Entry) -> Decoded:
    pixels = np.memmap(entry.folder / PIXELS, np.uint8, "r")
    sizes = np.fromfile(entry.folder / SIZES, "<i4").reshape(-1, 2)
    ends = np.cumsum(sizes.astype(np.int64).prod(axis=1) * part.view.channels)
    if len(sizes) != len(part) or ends[-1] != len(pixels):
        raise _UnfitError
    starts = np.concatenate([np.zeros(1, np.int64), ends[:-1]])
    return Decoded(whole, pixels, sizes, starts, part.view.channels, entry)


def _expected(part: ImageFiles, whole: bool) -> float:
    """Bytes of all images; of whole ones, by the sizes that some of them claim."""
    if not whole:
        return float(len(part) * np.prod(part.shape, dtype=np.int64))
    chosen = np.unique(np.linspace(0, len(part) - 1, _SAMPLE).astype(int)).tolist()
    return len(part) * part.view.channels * float(np.mean([_area(part.path(at)) for at in chosen]))


def _area(path: Path) -> int:
    try:
        with (
            open_file(path, IMAGE) as file,
            Image.open(file, formats=image_module.FORMATS) as image,
        ):
            area: int = image.width * image.height
            return area
    except Exception as error:  # a broken file can raise anything in its decoder
        raise _UnfitError from error


def _build(part: ImageFiles, whole: bool, room: int, before: str, folder: Path) -> None:
    """Decode all images, and write them as they come.

    Raises:
        _UnfitError: They take too much, or the files have changed.
        DataError: One cannot be read.
    """
    written, sizes = 0, []
    with append_to(folder, PIXELS) as file:
        for pixels in _in_order(part, whole):
            content = memoryview(pixels.tobytes())
            written += len(content)
            if written > room:
                raise _UnfitError
            while content:  # a disk that is getting full may take a part of it
                content = content[file.write(content) :]
            height, width = pixels.shape[:2] if whole else pixels.shape[1:]
            sizes.append((width, height))
    with append_to(folder, SIZES) as file:
        file.write(np.array(sizes, "<i4").tobytes())
    if identity(part) != before:
        raise _UnfitError


def _in_order(part: ImageFiles, whole: bool) -> Iterator[NDArray[np.uint8]]:
    def decode(index: int) -> NDArray[np.uint8]:
        image = part.view.open(part.path(index))
        if not whole:
            return part.view(image)
        pixels = np.asarray(image)
        return pixels[..., None] if pixels.ndim == 2 else pixels

    largest, start = 1, 0
    while start < len(part):
        end = min(len(part), start + max(1, min(256, _WAITING // largest)))
        for pixels in threads().map(decode, range(start, end)):
            largest = max(largest, pixels.nbytes)
            yield pixels
        start = end


def identity(part: ImageFiles) -> str:
    """SHA-256 of what tells each file from others and from what it was before: no content is read.

    Raises:
        OSError: One is missing.
    """
    digest = hashlib.sha256(os.fsencode(part.root.resolve()))
    for index, name in enumerate(part.names):
        info = part.path(index).stat()
        told = (info.st_size, info.st_mtime_ns, info.st_ctime_ns, info.st_ino, info.st_dev)
        digest.update(os.fsencode(name) + f"\0{told}\n".encode())
    return digest.hexdigest()


def decoder() -> dict[str, Any]:
    """What turns files into pixels."""
    source = Path(image_module.__file__).read_bytes()
    return {
        "pillow": PIL.__version__,
        "libraries": {name: features.version(name) for name in _DECODERS},
        "numpy": np.__version__,
        "source": hashlib.sha256(source).hexdigest(),
    }
