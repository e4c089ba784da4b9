"""Images that are there under other names too, byte for byte; few files are read to find them."""

from __future__ import annotations

import hashlib
import posixpath
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from itertools import chain, combinations, repeat
from typing import TYPE_CHECKING, NamedTuple

from ltdsl.survey import Note
from ltdsl.system.opening import IMAGE, MIB, open_file
from ltdsl.wording import counted
from ltdsl_runtime.data.arrays import ImageArrays
from ltdsl_runtime.data.files import ImageFiles, in_threads
from ltdsl_runtime.data.names import readable
from ltdsl_runtime.data.reading import few

if TYPE_CHECKING:
    from pathlib import Path

    from ltdsl.catalogue import Dataset
    from ltdsl_runtime.data.part import Part

#: Bytes at the end of a file that tell most files of one size apart: their beginnings are often alike.
_END = 4096

#: Files that a thread looks at before it takes others: handing over a single one takes as long as looking at it.
_AT_ONCE = 64

#: What the images of a part are called.
_CALLED = {"train": "training", "validation": "validation", "test": "test"}


class _Place(NamedTuple):
    part: str
    at: int


class _Copies(NamedTuple):
    """Images of one part that are alike, or of two."""

    names: tuple[str, ...]
    classes: tuple[str, ...]

    def __str__(self) -> str:
        differ = f" (of classes {few(self.classes)})" if len(self.classes) > 1 else ""
        return f"{' = '.join(self.names[:3])}{differ}"


def about_copies(dataset: Dataset, parts: Mapping[str, Part]) -> Iterator[Note]:
    """What there is to say of images that are alike byte for byte; nothing of those of a published data set.

    Args:
        dataset: Its declaration.
        parts: Training, validation and test part by name, as they are trained on.
    """
    if type(dataset).available is not None or getattr(type(dataset), "published", None):
        return  # nobody takes an image out of these
    groups = [_by_part(group) for group in _alike(parts)]
    for one, other in combinations(parts, 2):
        both = [(group[one], group[other]) for group in groups if one in group and other in group]
        if not both:
            continue
        number = sum(len(theirs) for _, theirs in both)
        copies = "is a copy" if number == 1 else "are copies"
        trained = "images that are trained on" if one == "train" else f"{_CALLED[one]} images"
        shown = few((str(_copies(parts, (*each[1], *each[0]))) for each in both), 3)
        message = f"{counted(number, f'{_CALLED[other]} image')} {copies}, byte for byte, of {trained}: {shown}"
        hint = "take them out of one of the two parts: figures on them say nothing about new images"
        yield Note("LT406", message, hint)
    for name in parts:
        within = [_copies(parts, group[name]) for group in groups if len(group.get(name, ())) > 1]
        yield from _within(name, within)


def _within(part: str, found: Sequence[_Copies]) -> Iterator[Note]:
    """Copies within a part: of one class each, or of several."""
    for several in (True, False):
        groups = [group for group in found if (len(group.classes) > 1) is several]
        if not groups:
            continue
        number = sum(len(group.names) - 1 for group in groups)
        copies = "is a copy of another" if number == 1 else "are copies of others"
        message = f"{counted(number, f'{_CALLED[part]} image')} {copies}, byte for byte: {few(map(str, groups), 3)}"
        if several:
            hint = "one image, one class: no network can be right about both; keep one of them"
            yield Note("LT406", message, hint)
        else:
            yield Note("LT406", message, "each counts as an image: take the copies away", "advice")


def _copies(parts: Mapping[str, Part], places: Sequence[_Place]) -> _Copies:
    labels = (parts[part].labels[index] for part, index in places)
    classes = dict.fromkeys(parts[places[0].part].class_names[label] for label in labels)
    return _Copies(tuple(_name(parts, place) for place in places), tuple(classes))


def _name(parts: Mapping[str, Part], place: _Place) -> str:
    part = parts[place.part]
    if isinstance(part, ImageFiles):
        return readable(part.names[place.at])
    return f"{place.part}[{place.at}]"


def _by_part(group: Sequence[_Place]) -> dict[str, list[_Place]]:
    found: dict[str, list[_Place]] = defaultdict(list)
    for place in group:
        found[place.part].append(place)
    return found


def _alike(parts: Mapping[str, Part]) -> list[list[_Place]]:
    """Groups of two and more images of equal content; one that is listed twice is no copy of itself.

    Files are told apart by their sizes; those of equal size by their ends; only those that are alike so far are read.
    """
    groups = _of_one_size(parts)
    files = any(isinstance(part, ImageFiles) for part in parts.values())
    for look in (_end, _whole) if files else (_pixels,):
        groups = _told_apart(groups, parts, look)
    unlike = (list({_file(parts, place): place for place in group}.values()) for group in groups)
    return [group for group in unlike if len(group) > 1]


def _of_one_size(parts: Mapping[str, Part]) -> list[list[_Place]]:
    of: dict[int, list[_Place]] = defaultdict(list)
    for name, part in parts.items():
        sizes = part.sizes() if isinstance(part, ImageFiles) else repeat(1, len(part))
        for index, size in enumerate(sizes):
            if size:  # empty files are no images
                of[size].append(_Place(name, index))
    return [group for group in of.values() if len(group) > 1]


def _told_apart(
    groups: Sequence[Sequence[_Place]],
    parts: Mapping[str, Part],
    look: Callable[[Part, int], Hashable],
) -> list[list[_Place]]:
    """Smaller groups, of images that look alike; without what is alone, and what cannot be looked at."""
    flat = list(chain.from_iterable(groups))

    def see(number: int) -> list[Hashable]:
        some = flat[number * _AT_ONCE : (number + 1) * _AT_ONCE]
        return [_seen(look, parts[part], index) for part, index in some]

    seen = chain.from_iterable(in_threads(see, -(-len(flat) // _AT_ONCE)))
    found = []
    for group in groups:
        of: dict[Hashable, list[_Place]] = defaultdict(list)
        for place in group:
            of[next(seen)].append(place)
        found += [each for what, each in of.items() if what is not None and len(each) > 1]
    return found


def _seen(look: Callable[[Part, int], Hashable], part: Part, index: int) -> Hashable:
    try:
        return look(part, index)
    except (OSError, ValueError):  # that is told where it is read
        return None


def _file(parts: Mapping[str, Part], place: _Place) -> Hashable:
    part = parts[place.part]
    return posixpath.normpath(part.names[place.at]) if isinstance(part, ImageFiles) else place


def _path(part: Part, index: int) -> Path:
    assert isinstance(part, ImageFiles)
    return part.path(index)


def _end(part: Part, index: int) -> bytes:
    with open_file(_path(part, index), IMAGE) as file:
        file.seek(max(file.seek(0, 2) - _END, 0))
        return hashlib.sha256(file.read(_END)).digest()


def _whole(part: Part, index: int) -> bytes:
    digest = hashlib.sha256()
    with open_file(_path(part, index), IMAGE) as file:
        while block := file.read(MIB):
            digest.update(block)
    return digest.digest()


def _pixels(part: Part, index: int) -> bytes:
    assert isinstance(part, ImageArrays)
    return hashlib.sha256(part.images[index].tobytes()).digest()
