"""The one way to look through folders of images, and an account of what was there and not read."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ltdsl.survey import Note
from ltdsl.wording import counted
from ltdsl_runtime.data.errors import DataError
from ltdsl_runtime.data.image import SUFFIXES
from ltdsl_runtime.data.names import readable
from ltdsl_runtime.data.reading import few

SUFFIX_HINT = f"images are files whose names end in {', '.join(SUFFIXES)}"

#: More entries are no data set, but somebody's whole disk.
MOST_ENTRIES = 20_000_000

#: What systems leave in every folder they show; nobody misses it.
_LITTER = {".ds_store", "thumbs.db", "desktop.ini", ".directory", ".gitkeep", ".gitignore"}

#: Folders that macOS adds to archives, in small letters: resource forks under the names of the images.
_FORKS = {"__macosx"}

#: Endings of text and tables, which say something about images and are none.
_TEXTS = {".txt", ".csv", ".tsv", ".json", ".xml", ".md", ".html", ".yaml", ".yml", ".log", ".pdf"}

#: A folder that is not read is counted up to so many images.
_MOST_COUNTED = 100_000


@dataclass
class Account:
    """What was seen and not read, with the reason.

    Attributes:
        endings: Files in class folders that are no images by their names: how many of each ending, in small letters.
    """

    endings: Counter[str] = field(default_factory=Counter)
    _left: dict[tuple[str, str, bool], list[str]] = field(default_factory=dict)
    _count: Counter[tuple[str, str, bool]] = field(default_factory=Counter)
    _notes: list[Note] = field(default_factory=list)
    _first: dict[str, str] = field(default_factory=dict)

    def leave(self, what: str, where: str, path: str, warn: bool = True) -> None:
        """Note a file or folder that is not read.

        Args:
            what: What one of them is called.
            where: Follows that: ``right in train, in no class folder``.
            path: One that it holds for.
            warn: Whether it matters to whoever trains; else only to whoever inspects.
        """
        key = what, where, warn
        self._count[key] += 1
        examples = self._left.setdefault(key, [])
        if len(examples) < 3:
            examples.append(readable(path))

    def say(
        self,
        message: str,
        hint: str = "",
        level: Literal["info", "warning", "advice"] = "warning",
    ) -> None:
        """Note something of a folder as a whole."""
        self._notes.append(Note("LT405", message, hint, level))

    def leave_file(self, path: str) -> None:
        """Note a file in a class folder that is no image by its name."""
        ending = readable(Path(path).suffix.lower())
        self.endings[ending] += 1
        self._first.setdefault(ending, readable(path))

    def loose(self) -> int:
        """How many images are in no class folder."""
        return sum(
            count for (_, where, _), count in self._count.items() if "no class folder" in where
        )

    def notes(self) -> tuple[Note, ...]:
        """All of it, what matters first."""
        found = [
            Note(
                "LT405",
                f"not read: {counted(self._count[key], what)}{' ' * bool(where)}{where}, such as {examples[0]}",
                "put them into the folders of their classes, or take them away"
                if "no class folder" in where
                else "",
                "warning" if warn else "info",
            )
            for key, examples in self._left.items()
            for what, where, warn in [key]
        ]
        found += [*self._by_ending(False), *self._by_ending(True)]
        return tuple(sorted([*self._notes, *found], key=lambda note: note.level == "info"))

    def _by_ending(self, texts: bool) -> Iterator[Note]:
        """Files that are no images by their names; texts and tables are seldom meant to be."""
        endings = sorted(ending for ending in self.endings if (ending in _TEXTS) == texts)
        if not endings:
            return
        kinds = (f"{self.endings[each]:,} {each or 'without an ending'}" for each in endings)
        message = f"not read, being no images by their names: {few(kinds)}, such as {self._first[endings[0]]}"
        level: Literal["info", "warning"] = "info" if texts else "warning"
        yield Note("LT405", message, f"convert or rename them; {SUFFIX_HINT}", level)


def entries(folder: Path | str, account: Account, path: str = "") -> list[os.DirEntry[str]]:
    """What a folder holds, by name, without what is hidden or a system's own.

    Args:
        folder: The folder.
        account: Told of the rest.
        path: What the folder is called in the account.

    Raises:
        DataError: LT401, it cannot be read.
    """
    try:
        with os.scandir(folder) as found:
            every = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        raise cannot_read(error) from error
    kept = []
    for entry in every:
        small, place = entry.name.lower(), f"{path}/{entry.name}" if path else entry.name
        if small in _LITTER or small.startswith("._"):  # a resource fork beside its file
            continue
        if small in _FORKS:
            account.leave("folder", "that macOS adds to archives", place, warn=False)
        elif small.startswith("."):
            account.leave("hidden entry", "", place, warn=small.endswith(SUFFIXES))
        else:
            kept.append(entry)
    return kept


def is_folder(entry: os.DirEntry[str]) -> bool:
    """True for a folder, and for a link to one; False for a link that leads round in a circle."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def _identity(folder: Path | str) -> tuple[int, int]:
    about = Path(folder).stat()
    return about.st_dev, about.st_ino


def images_below(root: str, below: str, account: Account) -> Iterator[str]:
    """Names of the images in a folder and in folders below it, relative to ``root``; links are followed.

    Args:
        root: What names are relative to.
        below: The folder, relative to ``root``; empty for ``root`` itself.
        account: Told of what is left.

    Raises:
        DataError: LT401, a folder cannot be read, or there are more entries than any data set has.
    """
    waiting, seen, count = [below], set(), 0
    above = set(map(_identity, Path(root).resolve().parents)) | (
        {_identity(root)} if below else set()
    )
    while waiting:
        folder = waiting.pop()
        place = f"{root}/{folder}" if folder else root
        try:
            identity = _identity(place)
        except OSError as error:
            raise cannot_read(error) from error
        if identity in above:  # all of a disk, say
            account.leave("link", "to a folder that the data set itself lies in", folder)
            continue
        if identity in seen:
            account.leave("link", "to a folder that is read already", folder, warn=False)
            continue
        seen.add(identity)
        for entry in entries(place, account, folder):
            count += 1
            if count > MOST_ENTRIES:
                message = f"{readable(root)} has more than {MOST_ENTRIES:,} entries"
                raise DataError("LT401", message, "name the folder of the images alone")
            path = f"{folder}/{entry.name}" if folder else entry.name
            if is_folder(entry):
                waiting.append(path)
            elif not entry.name.lower().endswith(SUFFIXES):
                account.leave_file(path)
            elif entry.is_symlink() or entry.is_file():  # a link to nothing is told when it is read
                yield path
            else:
                account.leave(
                    "special file", "with the name of an image (a pipe, a socket or a device)", path
                )


def has_images(folder: Path) -> bool:
    """True where there is an image in a folder or below it."""
    return any(True for _ in images_below(str(folder), "", Account()))


def images_in(folder: Path) -> int:
    """How many images there are in a folder and below it, up to a hundred thousand."""
    count = 0
    for _ in images_below(str(folder), "", Account()):
        count += 1
        if count == _MOST_COUNTED:
            break
    return count


def held_in(folder: Path) -> str:
    """``9 images``, or that there is none: what is in a folder that is not read."""
    count = images_in(folder)
    more = " or more" if count == _MOST_COUNTED else ""
    return f"{counted(count, 'image')}{more}" if count else "no image"


def cannot_read(error: OSError) -> DataError:
    """What the system says of a folder."""
    name = readable(str(error.filename))
    message = f"{name} cannot be read: {error.strerror or error}"
    return DataError("LT401", message, "check the path and its permissions")
