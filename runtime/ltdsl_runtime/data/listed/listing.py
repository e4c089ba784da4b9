"""What a list of images says, whichever form it has."""

from __future__ import annotations

import os
import posixpath
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ltdsl_runtime.data.errors import DataError
from ltdsl_runtime.data.files import Names
from ltdsl_runtime.data.names import readable, spellings

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Longer names are no paths.
_LONGEST = 4096


@dataclass(frozen=True)
class Listing:
    """What a list says.

    Attributes:
        path: The list.
        names: Files, relative to the data set's folder.
        labels: int32, each at least 0: numbers as the list has them.
        form: What kind of list it is, in words.
        classes: How many there are; None where the list does not say.
        class_names: Number -> name, where the list has names.
        groups: The column that was asked for: a number for each image, int32; equal ones have equal texts.
        group_names: The texts of ``groups``, by number.
        unlabelled: Images that the list names without a class.
    """

    path: Path
    names: Names
    labels: NDArray[np.int32]
    form: str
    classes: int | None = None
    class_names: Mapping[int, str] | None = None
    groups: NDArray[np.int32] | None = None
    group_names: tuple[str, ...] = ()
    unlabelled: int = 0


@dataclass
class Columns:
    """What is wanted of a list that has columns: their names, None where the reader is to find them."""

    image: str | None = None
    label: str | None = None
    group: str | None = None


@dataclass
class Texts:
    """Numbers for texts, in the order in which they come."""

    numbers: dict[str, int] = field(default_factory=dict)
    of_each: array[int] = field(default_factory=lambda: array("i"))

    def add(self, text: str) -> int:
        """Note the text of another image; its number."""
        number = self.numbers.setdefault(text, len(self.numbers))
        self.of_each.append(number)
        return number

    def array(self) -> NDArray[np.int32]:
        """The number of each image, int32."""
        return np.array(self.of_each, np.int32)


def number(path: Path, label: Any, place: str) -> int:
    """A label that is a number.

    Raises:
        DataError: LT402, it is none.
    """
    if type(label) is not int or not 0 <= label < 2**31:
        raise damaged(path, f"{place} has the label {label!r}, and labels count from 0")
    return label


def inside(path: Path, name: Any, place: str, root: Path | None = None) -> str:
    """A file's name; a list may come from anyone, so it reaches no file outside the data set's folder.

    Args:
        path: The list.
        name: What it says.
        place: Where.
        root: The data set's folder, which may write letters with accents in another form.

    Raises:
        DataError: LT402.
    """
    if not isinstance(name, str) or not name or "\0" in name or len(name) > _LONGEST:
        raise damaged(path, f"{place} names no file")
    if root is not None and ("\\" in name or name[0] == "/"):
        name = _below(root, name)
    if name.startswith(("/", "\\")) or ":" in name[:3]:
        hint = "write paths as they are seen from the data set's folder"
        raise damaged(path, f"{place} names {readable(name)}, which is no relative path", hint)
    if ".." in name and posixpath.normpath(name.replace("\\", "/")).startswith(".."):
        raise damaged(path, f"{place} names {readable(name)}, outside the data set's folder")
    file: str = name
    if root is not None and not file.isascii() and not os.path.lexists(root / file):
        return next((form for form in spellings(file) if os.path.lexists(root / form)), file)
    return file


def _below(root: Path, name: str) -> str:
    """A name as it is seen from the data set's folder: of an absolute path below it, or one with Windows' signs."""
    top = _top(root)
    if name.startswith(top):
        return name.removeprefix(top)
    slashed = name.replace("\\", "/")
    is_meant = not os.path.lexists(root / name) and os.path.lexists(root / slashed)
    return slashed if is_meant and name[0] not in "/\\" else name


@cache
def _top(root: Path) -> str:
    return f"{root.resolve()}/"


def damaged(path: Path, why: str, hint: str = "mend the list") -> DataError:
    """A list that cannot be read."""
    return DataError("LT402", f"{readable(str(path))}: {why}", hint)
