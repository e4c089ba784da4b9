"""What is drawn as a whole: images that are one file, or of one named group such as a patient.

A part of a data set holds a number for each image; images with equal numbers never come into two parts.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ltdsl.survey import Note
from ltdsl.wording import counted
from ltdsl_runtime.data.errors import DataError
from ltdsl_runtime.data.names import readable
from ltdsl_runtime.data.reading import few

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ltdsl_runtime.data.files import ImageFiles


def together(parts: Sequence[ImageFiles], pattern: str | None) -> Iterator[ImageFiles]:
    """The same parts, their images numbered by group where a pattern names one, else by file where files repeat.

    Args:
        parts: Of one data set; equal numbers mean the same in all.
        pattern: Such as ``patient_{group}_*``; None where there is none.

    Raises:
        DataError: LT403, a name does not fit the pattern.
    """
    known: dict[str, int] = {}
    for part in parts:
        if pattern is not None:
            found = [known.setdefault(group, len(known)) for group in _groups(part, pattern)]
            yield part.grouped(np.array(found, np.int32))
        elif part.units is None and (units := repeated(part.names)) is not None:
            yield part.grouped(units)
        else:
            yield part


def _groups(part: ImageFiles, pattern: str) -> Iterator[str]:
    for name in part.names:
        group = group_of(name, pattern)
        if group is None:
            message = f'group = "{pattern}" does not fit {readable(name)}'
            raise DataError("LT403", message, "`*` stands for any letters, all else for itself")
        yield group


def group_of(name: str, pattern: str) -> str | None:
    """What ``{group}`` stands for in a file's name; None where the pattern does not fit.

    A pattern without ``/`` is for the file's own name, one with ``/`` for as many of the last folders too. Each sign
    that is no ``*`` stands for itself, so whatever a stranger writes is looked for in one pass.
    """
    steps = pattern.count("/") + 1
    text = "/".join(posixpath.normpath(name).rsplit("/", steps)[-steps:])
    found = None
    at, wild, is_group = 0, False, False
    for kind, piece in _pieces(pattern):
        if kind == "text":
            last = piece == ""  # what stands for the end
            place = len(text) if last else text.find(piece, at + is_group)
            if place < at + is_group or (not wild and place != at):
                return None
            if is_group:
                found = text[at:place]
            at, wild, is_group = place + len(piece), False, False
        else:
            wild, is_group = True, kind == "group"
    return found


def _pieces(pattern: str) -> Iterator[tuple[str, str]]:
    """Texts, stars and the group, a text between any two; the end of the pattern is the text that is empty."""
    for number, side in enumerate(pattern.split("{group}")):
        if number:
            yield "group", ""
        for star, piece in enumerate(side.split("*")):
            if star:
                yield "star", ""
            if piece:
                yield "text", piece
    yield "text", ""


def repeated(names: Iterable[str]) -> NDArray[np.int32] | None:
    """Numbers that are equal for equal files, int32 ``[N]``; None where no file is there twice."""
    hashes = np.fromiter((_same(name) for name in names), np.int64)
    _, units = np.unique(hashes, return_inverse=True)
    # two names of one hash would only be kept together: one in 10^8 for half a million
    return None if len(hashes) == 0 or units.max() + 1 == len(hashes) else units.astype(np.int32)


def twins(part: ImageFiles) -> tuple[ImageFiles, tuple[str, str] | None]:
    """The part, its files of one name but for the ending numbered alike, and two such: a picture and its mask, say."""
    units = repeated(_stem(name) for name in part.names)
    if units is None:
        return part, None
    first = int(np.flatnonzero(units == np.flatnonzero(np.bincount(units) > 1)[0])[0])
    names = [part.names[at] for at in np.flatnonzero(units == units[first])[:2].tolist()]
    return part.grouped(units), (names[0], names[1])


def _stem(name: str) -> str:
    return posixpath.splitext(name)[0]


def _same(name: str) -> int:
    """A number that is equal for names of the same file."""
    return hash(posixpath.normpath(name) if "//" in name or "./" in name else name)


def shared(train: ImageFiles, other: ImageFiles, name: str) -> Iterator[Note]:
    """What is in two parts that should have nothing in common.

    Args:
        train: The training part.
        other: Another.
        name: What it is called.
    """
    files = _in_both(train.names, other.names)
    if files:
        examples = few((readable(file) for file in files), 3)
        message = f"{counted(len(files), 'image', 'is')} both trained on and in the {name} part: {examples}"
        hint = "take them out of one of the two lists: figures on them say nothing about new images"
        yield Note("LT406", message, hint)


def shared_groups(train: ImageFiles, other: ImageFiles, name: str) -> Iterator[Note]:
    """Groups that are in two parts, of parts that are numbered alike."""
    if train.units is None or other.units is None:
        return
    both = np.intersect1d(train.units, other.units)
    if len(both):
        first = readable(train.names[int(np.flatnonzero(train.units == both[0])[0])])
        message = f"{counted(len(both), 'group', 'is')} both trained on and in the {name} part, such as that of {first}"
        yield Note("LT406", message, "a group belongs into one part")


def _in_both(ours: Iterable[str], theirs: Iterable[str]) -> list[str]:
    """Names of files in two lists of names, without a set of all of one."""
    hashes = np.fromiter((_same(name) for name in ours), np.int64)
    hashes.sort()
    found = []
    for name in theirs:
        wanted = _same(name)
        place = int(np.searchsorted(hashes, wanted))
        if place < len(hashes) and hashes[place] == wanted:
            found.append(name)
    return found
