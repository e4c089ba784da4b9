"""Labelled images in files: labels and names in memory, pixels a batch at a time."""

from __future__ import annotations

import hashlib
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from ltdsl.system.processors import processor_count
from ltdsl.wording import counted
from ltdsl_runtime.clock import spent_on
from ltdsl_runtime.data.augment import RandomResizedCrop, apply_chain
from ltdsl_runtime.data.errors import DataError
from ltdsl_runtime.data.names import readable
from ltdsl_runtime.data.part import class_counts

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from numpy.typing import NDArray
    from PIL.Image import Image

    from ltdsl_runtime.data.augment import Augmentation
    from ltdsl_runtime.data.image import View
    from ltdsl_runtime.data.pixels import Decoded

Result = TypeVar("Result")

#: More threads than this wait for the disk or for each other.
_MOST_THREADS = 16


class Names:
    """Many file names in little memory: one run of bytes, and where each begins and ends.

    Args:
        names: The names; any but those with a NUL.
    """

    def __init__(self, names: Iterable[str]) -> None:
        buffer = bytearray()
        ends = []
        for name in names:
            buffer += os.fsencode(name)
            ends.append(len(buffer))
        self._buffer = bytes(buffer)
        self._ends = np.array(ends, np.int64)
        self._starts = np.concatenate([np.zeros(1, np.int64), self._ends])[:-1]

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, index: int) -> str:
        return os.fsdecode(self._buffer[self._starts[index] : self._ends[index]])

    def __iter__(self) -> Iterator[str]:
        encoding, errors = sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()
        for at in range(
            0, len(self), 4096
        ):  # plain numbers are many times faster, and take more memory
            starts, ends = (each[at : at + 4096].tolist() for each in (self._starts, self._ends))
            for start, end in zip(starts, ends, strict=True):
                yield self._buffer[start:end].decode(encoding, errors)

    def take(self, indices: Sequence[int] | NDArray[np.int64]) -> Names:
        """The names at ``indices``, in that order; the bytes are shared."""
        chosen = Names(())
        chosen._buffer = self._buffer
        chosen._starts, chosen._ends = self._starts[indices], self._ends[indices]
        return chosen


@dataclass(frozen=True)
class ImageFiles:
    """One part of a data set whose images are files.

    Images are decoded in threads; which thread has no part in a pixel.

    Attributes:
        root: The folder that names are relative to.
        names: The files, ``[N]``.
        labels: int32 ``[N]``, each in [0, number of classes).
        class_names: One name a class, by label.
        view: What evaluation sees of an image, and the size of training's input.
        units: See :class:`ltdsl_runtime.data.part.Part`.
    """

    root: Path
    names: Names
    labels: NDArray[np.int32]
    class_names: tuple[str, ...]
    view: View
    units: NDArray[np.int32] | None = None
    #: Their pixels, where they have been decoded already.
    decoded: Decoded | None = field(default=None, compare=False, repr=False)

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of every image of a batch."""
        return self.view.channels, self.view.height, self.view.width

    def counts(self) -> tuple[int, ...]:
        """Images of each class."""
        return class_counts(self.labels, len(self.class_names))

    def take(self, indices: Sequence[int] | NDArray[np.int64]) -> ImageFiles:
        """The images at ``indices``, in that order; no file is read."""
        names, labels = self.names.take(indices), self.labels[indices]
        units = None if self.units is None else self.units[indices]
        decoded = None if self.decoded is None else self.decoded.take(indices)
        return replace(self, names=names, labels=labels, units=units, decoded=decoded)

    def relabelled(self, label: NDArray[np.intp], class_names: tuple[str, ...]) -> ImageFiles:
        """See :meth:`ltdsl_runtime.data.part.Part.relabelled`."""
        labels = label[self.labels].astype(np.int32)
        return replace(self, labels=labels, class_names=class_names)

    def grouped(self, units: NDArray[np.int32]) -> ImageFiles:
        """The same images with the numbers of what they are drawn together with, int32 ``[N]``."""
        return replace(self, units=units)

    def without(self, names: Collection[str]) -> ImageFiles:
        """All images but those of these names."""
        names = set(names)
        return self.take([index for index, name in enumerate(self.names) if name not in names])

    def unreadable(self) -> dict[str, str]:
        """Read every image once; the names of those that cannot be read, with the reason, in order."""

        def problem(index: int) -> str | None:
            try:
                self.view.open(self.path(index))
            except DataError as error:
                return error.message
            return None

        found = zip(self.names, in_threads(problem, len(self)), strict=True)
        return {name: why for name, why in found if why is not None}

    def missing(self) -> list[int]:
        """Which files are not there."""
        root = str(self.root)
        there = os.path.exists  # half a million times
        return [at for at, name in enumerate(self.names) if not there(f"{root}/{name}")]

    def sizes(self) -> Iterator[int]:
        """Bytes of each file, in order; 0 of one that is not there."""
        return map(_size, (f"{self.root}/{name}" for name in self.names))

    def path(self, index: int) -> Path:
        """Where an image is."""
        return self.root / self.names[index]

    def batch(
        self,
        indices: Sequence[int] | NDArray[np.int64],
        chain: Sequence[Augmentation] = (),
        parameters: Sequence[NDArray[Any]] = (),
    ) -> NDArray[np.uint8]:
        """See :meth:`ltdsl_runtime.data.part.Part.batch`."""
        images = np.empty((len(indices), *self.shape), np.uint8)

        def fill(place: int) -> None:
            own = [drawn[place : place + 1] for drawn in parameters]
            images[place] = self._augmented(int(indices[place]), chain, own)

        for _ in threads().map(fill, range(len(indices))):  # raises what the first one raised
            pass
        return images

    def _augmented(
        self, index: int, chain: Sequence[Augmentation], parameters: Sequence[NDArray[Any]]
    ) -> NDArray[np.uint8]:
        """An image's pixels; a crop that opens the chain cuts from the whole image, before it is resized."""
        if chain and isinstance(chain[0], RandomResizedCrop):
            pixels = self._cut(index, chain[0], parameters[0][0])
            chain, parameters = chain[1:], parameters[1:]
        elif self.decoded is not None and not self.decoded.whole:
            pixels = self.decoded.seen(index)
        else:
            image = self._whole(index)
            with spent_on("resize"):
                pixels = self.view(image)
        with spent_on("augment"):
            augmented: NDArray[np.uint8] = apply_chain(chain, pixels[None], parameters)[0]
        return augmented

    def _cut(self, index: int, crop: RandomResizedCrop, drawn: NDArray[Any]) -> NDArray[np.uint8]:
        """What a crop cuts from the whole image, resized."""
        if self.decoded is not None and self.decoded.whole:
            with spent_on("resize"):
                box = crop.box(drawn, *self.decoded.size(index))
                part = self.decoded.image(index, box)
                return self.view.cut(part, (0, 0, *part.size))
        image = self._whole(index)
        with spent_on("resize"):
            return self.view.cut(image, crop.box(drawn, image.width, image.height))

    def _whole(self, index: int) -> Image:
        with spent_on("decode"):
            if self.decoded is not None and self.decoded.whole:
                return self.decoded.image(index)
            return self.view.open(self.path(index))

    def fingerprint(self) -> str:
        """SHA-256 of each image's name, size in bytes and label, in order: no content is read.

        Raises:
            DataError: LT401, files are missing.
        """
        digest = hashlib.sha256()
        for index, (name, label) in enumerate(zip(self.names, self.labels, strict=True)):
            try:
                size = self.path(index).stat().st_size
            except OSError as error:
                must_be_there((self,))
                message = f"{readable(str(self.path(index)))} is missing: {error.strerror or error}"
                raise DataError("LT401", message, "was it moved or renamed?") from error
            digest.update(os.fsencode(name) + f"\0{size}\0{label}\n".encode())
        return digest.hexdigest()


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size  # noqa: PTH116  # half a million times
    except OSError:
        return 0


def must_be_there(parts: Iterable[object], mostly: bool = False) -> None:
    """Refuse a data set of which files are missing, in one sentence.

    Args:
        parts: Its parts; those in memory have no files.
        mostly: Only where more than half of the files are missing: they lie elsewhere.

    Raises:
        DataError: LT401; it says how many, and which is the first.
    """
    files = [part for part in parts if isinstance(part, ImageFiles)]
    missing = [(part, at) for part in files for at in part.missing()]
    number = sum(map(len, files))
    most = 2 * len(missing) > number
    if not missing or (mostly and not most):
        return
    part, at = missing[0]
    first = readable(str(part.path(at)))
    if len(missing) == 1:
        raise DataError("LT401", f"{first} is missing", "was it moved or renamed?")
    message = (
        f"{len(missing):,} of {counted(number, 'image')} are missing, the first of them {first}"
    )
    root = readable(str(part.root))
    elsewhere = f"names are relative to {root}: name the folder that they lie in, --data DIR"
    raise DataError("LT401", message, elsewhere if most else "were they moved or renamed?")


@cache
def threads() -> ThreadPoolExecutor:
    """The threads that decode images: decoding and resizing free the interpreter lock."""
    return ThreadPoolExecutor(min(_MOST_THREADS, processor_count()), "decode")


def in_threads(function: Callable[[int], Result], count: int) -> Iterator[Result]:
    """What a function gives for 0 to ``count`` − 1, in order; a map over all would hold all results at once."""
    for start in range(0, count, 4096):
        yield from threads().map(function, range(start, min(start + 4096, count)))
