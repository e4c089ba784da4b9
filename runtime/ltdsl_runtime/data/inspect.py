"""Looking through a data set before training on it: how many, and what is wrong with which."""

from __future__ import annotations

import hashlib
import io
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from ltdsl_runtime.data.errors import DataError
from ltdsl_runtime.data.files import ImageFiles, in_threads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ltdsl_runtime.data.arrays import ImageArrays
    from ltdsl_runtime.data.part import Part


@dataclass(frozen=True)
class Image:
    """One image of a data set.

    Attributes:
        name: Its file, or its place in memory.
        part: ``train`` or ``test``.
        label: Its class.
    """

    name: str
    part: str
    label: int


@dataclass
class Inspection:
    """What was found.

    Attributes:
        unreadable: Images that cannot be read, each with a sentence that says why.
        alike: Groups of two and more images of equal content, byte for byte.
        sides: Height or width of each readable image, whichever is smaller, in pixels.
    """

    unreadable: list[tuple[Image, str]] = field(default_factory=list)
    alike: list[list[Image]] = field(default_factory=list)
    sides: list[int] = field(default_factory=list)

    @property
    def leaked(self) -> list[list[Image]]:
        """The groups that are in both parts: the test knows what was trained on."""
        return [group for group in self.alike if len({image.part for image in group}) == 2]

    @property
    def duplicates(self) -> list[list[Image]]:
        """The groups within one part."""
        return [group for group in self.alike if len({image.part for image in group}) == 1]


def inspect(train: Part, test: Part, told: Callable[[], None] = lambda: None) -> Inspection:
    """Read every image once.

    Args:
        train: The training part.
        test: The test part.
        told: Called after each image.
    """
    result = Inspection()
    by_content: dict[bytes, list[Image]] = defaultdict(list)
    for name, part in (("train", train), ("test", test)):
        for image, seen in _read(name, part):
            if isinstance(seen, str):
                result.unreadable.append((image, seen))
            else:
                by_content[seen.content].append(image)
                result.sides.append(seen.side)
            told()
    result.alike = [group for group in by_content.values() if len(group) > 1]
    return result


class _Seen(NamedTuple):
    content: bytes  # its hash
    side: int


def _read(name: str, part: Part) -> Iterator[tuple[Image, _Seen | str]]:
    """Each image with what was seen of it, or why it cannot be read."""
    if isinstance(part, ImageFiles):
        for index, seen in enumerate(_read_files(part)):
            yield Image(part.names[index], name, int(part.labels[index])), seen
        return
    arrays: ImageArrays = part  # type: ignore[assignment]
    for index, pixels in enumerate(arrays.images):
        image = Image(f"{name}[{index}]", name, int(arrays.labels[index]))
        yield image, _Seen(hashlib.sha256(pixels.tobytes()).digest(), min(pixels.shape[1:]))


def _read_files(part: ImageFiles) -> Iterator[_Seen | str]:
    def read(index: int) -> _Seen | str:
        path = part.path(index)
        try:
            content = path.read_bytes()
        except OSError as error:
            return f"{path} cannot be read: {error.strerror or error}"
        try:
            image = part.view.open(path, io.BytesIO(content))
        except DataError as error:
            # broken ones are no duplicates: an empty file is like any other
            return error.message
        return _Seen(hashlib.sha256(content).digest(), min(image.size))

    return in_threads(read, len(part))
