"""Images in class folders: ``DIR/train/CLASS/…`` and ``DIR/test/CLASS/…``, or ``DIR/CLASS/…``."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ltdsl_runtime.data.errors import DataError
from ltdsl_runtime.data.files import ImageFiles, Names
from ltdsl_runtime.data.holdout import held_out
from ltdsl_runtime.data.image import SUFFIXES, View

if TYPE_CHECKING:
    from collections.abc import Collection

    from ltdsl.catalogue import ImageFolder

#: Names of a test part, in order of preference.
TEST_FOLDERS = ("test", "val", "valid", "validation")

SUFFIX_HINT = f"images are files whose names end in {', '.join(SUFFIXES)}"

#: Names, in small letters, that are those of parts if nothing else stands beside them.
PARTS = {"train", "training", "testing", *TEST_FOLDERS}


def load(dataset: ImageFolder, folder: Path) -> tuple[ImageFiles, ImageFiles]:
    """Return (train, test) of class folders; see :class:`ltdsl.catalogue.ImageFolder`.

    Raises:
        DataError: LT401 there is no such folder or no image in it, LT403 classes differ or are too few.
    """
    if not folder.is_dir():
        raise DataError(
            "LT401", f"{folder} is no folder", "name the folder of the class folders: --data DIR"
        )
    view = View.square(dataset.size, dataset.crop)
    if not (folder / "train").is_dir():
        classes = _classes(folder)
        if classes and all(name.lower() in PARTS for name in classes):
            message = f"{folder} has {' and '.join(classes)} in place of classes"
            raise DataError("LT403", message, "call the folders of its parts `train` and `test`")
        return held_out(_part(folder, "", classes, view), dataset)
    classes = _classes(folder / "train")
    train = _part(folder, "train", classes, view)
    beside = _test_folder(folder)
    if beside is None:
        return held_out(train, dataset)
    tested = _classes(folder / beside)
    unknown = sorted(set(tested) - set(classes))
    if unknown:
        message = f"{folder / beside} has the class {unknown[0]}, which {folder / 'train'} lacks"
        raise DataError("LT403", message, "both parts need the same class folders")
    test = _part(folder, beside, classes, view, tested)
    if not len(test):
        raise DataError("LT401", f"there is no image in {folder / beside}", SUFFIX_HINT)
    return train, test


def load_known(folder: Path, classes: tuple[str, ...], view: View) -> ImageFiles:
    """Return all images of class folders, for a model that knows ``classes``; some of them may have no folder.

    Raises:
        DataError: LT401 there is no such folder or no image in it, LT414 it has another class.
    """
    if not folder.is_dir():
        raise DataError("LT401", f"{folder} is no folder", "name the folder of the class folders")
    found = _classes(folder)
    unknown = sorted(set(found) - set(classes))
    if unknown:
        message = f"{folder} has the class {unknown[0]}, which the model does not know"
        raise DataError("LT414", message, "a folder is called as its class is in run.json")
    return _part(folder, "", classes, view, found)


def _test_folder(folder: Path) -> str | None:
    """The name of the test part; None where there is none."""
    return next((name for name in TEST_FOLDERS if (folder / name).is_dir()), None)


def _classes(folder: Path) -> tuple[str, ...]:
    """The names of the class folders."""
    try:
        with os.scandir(folder) as entries:
            return tuple(
                sorted(e.name for e in entries if e.is_dir() and not e.name.startswith("."))
            )
    except OSError as error:
        raise _unreadable(error) from error


def _part(
    root: Path,
    name: str,
    classes: tuple[str, ...],
    view: View,
    present: Collection[str] | None = None,
) -> ImageFiles:
    """All images of a part, class by class, by name; its names are relative to ``root``.

    Args:
        root: The data set's folder.
        name: The part's folder in it; empty where classes are at the top.
        classes: All there are.
        view: See :class:`ImageFiles`.
        present: The classes that have a folder in this part; all of them when left out.
    """
    if not classes:
        message = f"{root / name} has no class folder"
        raise DataError("LT401", message, "a class is a folder that holds its images")
    names: list[str] = []
    counts = []
    for class_name in classes:
        inside = f"{name}/{class_name}" if name else class_name
        found = (
            sorted(_images(str(root), inside)) if present is None or class_name in present else []
        )
        names += found
        counts.append(len(found))
    if not names:
        raise DataError("LT401", f"there is no image in {root / name}", SUFFIX_HINT)
    labels = np.repeat(np.arange(len(classes), dtype=np.int32), counts)
    return ImageFiles(root, Names(names), labels, classes, view)


def other_files(folder: Path) -> dict[str, int]:
    """Files of a data set that are no images by their names.

    Args:
        folder: What holds its class folders, or those of its parts.

    Returns:
        How many there are of each ending, which is in lower case.
    """
    parts = ("train", _test_folder(folder))
    inside = parts if (folder / "train").is_dir() else _classes(folder)
    found: Counter[str] = Counter()
    for name in filter(None, inside):
        for path in _files(str(folder), name):
            if not path.lower().endswith(SUFFIXES):
                found[Path(path).suffix.lower()] += 1
    return dict(sorted(found.items()))


def _images(root: str, below: str) -> Iterator[str]:
    """Names of the images in a folder and in folders below it."""
    return (path for path in _files(root, below) if path.lower().endswith(SUFFIXES))


def _files(root: str, below: str) -> Iterator[str]:
    """Names of the files in a folder and in folders below it, links followed, hidden ones left out."""
    waiting, seen = [below], set()
    while waiting:
        folder = waiting.pop()
        try:
            place = f"{root}/{folder}"
            about = Path(place).stat()
            if (about.st_dev, about.st_ino) in seen:  # a link to a folder above
                continue
            seen.add((about.st_dev, about.st_ino))
            with os.scandir(place) as entries:
                for entry in entries:
                    if entry.name.startswith("."):
                        continue
                    path = f"{folder}/{entry.name}"
                    if entry.is_dir():
                        waiting.append(path)
                    else:
                        yield path
        except OSError as error:
            raise _unreadable(error) from error


def _unreadable(error: OSError) -> DataError:
    message = f"{error.filename} cannot be read: {error.strerror or error}"
    return DataError("LT401", message, "check the path and its permissions")
