"""Looking through a data set before training on it: how many, and what is wrong with which."""

from __future__ import annotations

import contextlib
import hashlib
import io
import threading
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from ltdsl.system.opening import IMAGE, read_file
from ltdsl_runtime.data.arrays import ImageArrays
from ltdsl_runtime.data.errors import DataError
from ltdsl_runtime.data.files import ImageFiles, in_threads, must_be_there
from ltdsl_runtime.data.image import depth
from ltdsl_runtime.data.names import readable

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

    from ltdsl_runtime.data.part import Part


@dataclass(frozen=True)
class Image:
    """One image of a data set.

    Attributes:
        name: Its file, or its place in memory.
        part: ``train``, ``validation`` or ``test``.
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
        blank: Images that are of one colour as a network sees them, each with a sentence that says why.
        warned: Images that are read although something in their file is damaged, each with what it is.
        sides: Height or width of each readable image, whichever is smaller, in pixels.
    """

    unreadable: list[tuple[Image, str]] = field(default_factory=list)
    alike: list[list[Image]] = field(default_factory=list)
    blank: list[tuple[Image, str]] = field(default_factory=list)
    warned: list[tuple[Image, str]] = field(default_factory=list)
    sides: list[int] = field(default_factory=list)

    @property
    def leaked(self) -> list[list[Image]]:
        """The groups that are in two parts: the test knows what was trained on."""
        return [group for group in self.alike if len({image.part for image in group}) > 1]

    @property
    def duplicates(self) -> list[list[Image]]:
        """The groups within one part."""
        return [group for group in self.alike if len({image.part for image in group}) == 1]


def inspect(parts: Mapping[str, Part], told: Callable[[], None] = lambda: None) -> Inspection:
    """Read every image once.

    Args:
        parts: By name.
        told: Called after each image.

    Raises:
        DataError: LT401, most of the files are missing.
    """
    must_be_there(parts.values(), mostly=True)
    result = Inspection()
    by_content: dict[bytes, list[Image]] = defaultdict(list)
    for name, part in parts.items():
        for image, seen in _read(name, part):
            if isinstance(seen, str):
                result.unreadable.append((image, seen))
            else:
                by_content[seen.content].append(image)
                result.sides.append(seen.side)
                if seen.blank:
                    result.blank.append((image, seen.blank))
                if seen.warned:
                    result.warned.append((image, seen.warned))
            told()
    result.alike = [group for group in by_content.values() if len(group) > 1]
    return result


class _Seen(NamedTuple):
    content: bytes  # its hash
    side: int
    blank: str = ""
    warned: str = ""


def _read(name: str, part: Part) -> Iterator[tuple[Image, _Seen | str]]:
    """Each image with what was seen of it, or why it cannot be read."""
    if isinstance(part, ImageFiles):
        with _warnings_by_thread() as heard:
            for index, seen in enumerate(_read_files(part, heard)):
                yield Image(readable(part.names[index]), name, int(part.labels[index])), seen
        return
    assert isinstance(part, ImageArrays)  # the other kind of part that there is
    for index, pixels in enumerate(part.images):
        image = Image(f"{name}[{index}]", name, int(part.labels[index]))
        blank = "it is of one colour" if pixels.min() == pixels.max() else ""
        yield image, _Seen(hashlib.sha256(pixels.tobytes()).digest(), min(pixels.shape[1:]), blank)


class _Heard(threading.local):
    """What the library warned of while this thread read an image."""

    def __init__(self) -> None:
        self.texts: list[str] = []


@contextlib.contextmanager
def _warnings_by_thread() -> Iterator[_Heard]:
    """Let warnings be heard by whoever reads the image that they are about."""
    heard = _Heard()

    def hear(message: Warning | str, *_: object, **__: object) -> None:
        heard.texts.append(str(message).strip().split("\n")[0])

    with warnings.catch_warnings():
        warnings.filterwarnings("always", module=r"PIL\b")
        warnings.showwarning = hear
        yield heard


def _read_files(part: ImageFiles, heard: _Heard) -> Iterator[_Seen | str]:
    def read(index: int) -> _Seen | str:
        path = part.path(index)
        heard.texts = []
        try:
            content = read_file(path, IMAGE)
        except OSError as error:
            return f"{readable(str(path))} cannot be read: {error.strerror or error}"
        try:
            image = part.view.open(path, io.BytesIO(content))
        except DataError as error:
            # broken ones are no duplicates: an empty file is like any other
            return error.message
        blank = _blank(image, content)
        warned = "; ".join(dict.fromkeys(heard.texts))
        return _Seen(hashlib.sha256(content).digest(), min(image.size), blank, warned)

    return in_threads(read, len(part))


def _blank(image: Picture, content: bytes) -> str:
    """Why an image is of one colour; empty where it is not.

    Args:
        image: As it is read.
        content: Its file.
    """
    if any(low != high for low, high in _extrema(image)):
        return ""
    deep = depth(content)
    if deep is not None and deep[0] != deep[1]:
        return (
            f"its file has 16 bits a pixel and values of {deep[0]:,} to {deep[1]:,} only, of which nothing is left in "
            "the upper 8 bits: save it with 8 bits, or with values up to 65,535"
        )
    return "it is of one colour"


def _extrema(image: Picture) -> tuple[tuple[int, int], ...]:
    found = image.getextrema()
    return found if isinstance(found[0], tuple) else (found,)  # type: ignore[return-value]
