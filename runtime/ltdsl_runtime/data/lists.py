"""Images named in lists: text lists, the reference toolbox's JSON, and iNaturalist's own."""

from __future__ import annotations

import json
import posixpath
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ltdsl_runtime.data.errors import DataError
from ltdsl_runtime.data.files import ImageFiles, Names
from ltdsl_runtime.data.holdout import held_out
from ltdsl_runtime.data.image import View

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ltdsl.catalogue import ListedImages


@dataclass(frozen=True)
class Listing:
    """What a list says.

    Attributes:
        path: The list.
        names: Files, relative to the data set's folder.
        labels: int32, each at least 0.
        classes: How many there are; None where the list does not say.
        class_names: One a class, where the list has them.
    """

    path: Path
    names: Names
    labels: np.ndarray
    classes: int | None = None
    class_names: tuple[str, ...] | None = None


def load(dataset: ListedImages, folder: Path) -> tuple[ImageFiles, ImageFiles]:
    """Return (train, test) of a data set whose images are listed; see :class:`ltdsl.catalogue.ListedImages`.

    Raises:
        DataError: LT401 a list is missing, LT402 it is damaged, LT403 its labels do not fit.
    """
    train = read_list(folder / dataset.train)
    test = read_list(folder / dataset.test) if dataset.test else None
    if not len(train.labels):
        raise DataError("LT401", f"{train.path} names no image", "is it the right list?")
    classes = train.classes or int(train.labels.max()) + 1
    for listing in (train, test):
        if listing is not None and len(listing.labels) and listing.labels.max() >= classes:
            message = f"{listing.path} has the label {listing.labels.max()}, and there are {classes} classes"
            raise DataError("LT403", message, "labels count from 0, in both lists")
    _check_size(dataset, train.path, len(train.labels), classes)
    if classes > len(
        train.labels
    ):  # before anything is as large as a label that may be a typing error
        message = f"{train.path} names {len(train.labels):,} images of {classes:,} classes"
        raise DataError("LT403", message, "every class needs at least one")
    names = train.class_names or _folder_names(train, classes)
    view = View.square(dataset.size, dataset.crop)
    pool = ImageFiles(folder, train.names, train.labels, names, view)
    if test is None:
        return held_out(pool, dataset)
    if not len(test.labels):
        raise DataError("LT401", f"{test.path} names no image", "is it the right list?")
    return pool, ImageFiles(folder, test.names, test.labels, names, view)


def _check_size(dataset: ListedImages, path: Path, images: int, classes: int) -> None:
    """Refuse a list of a published data set that is not the published one."""
    expected = type(dataset).published
    if expected is not None and (images, classes) != expected:
        message = (
            f"{path} names {images:,} images of {classes:,} classes; "
            f"{dataset.name} has {expected[0]:,} of {expected[1]:,}"
        )
        raise DataError("LT403", message, "use the published list, or `annotations` for your own")


def read_list(path: Path) -> Listing:
    """Read a list of images, whichever of the three kinds it is.

    Text has a line ``path label`` an image. JSON is the reference toolbox's (``annotations`` with ``fpath`` and
    ``category_id``; ``num_classes``) or iNaturalist's (``images`` with ``id`` and ``file_name``; ``annotations`` with
    ``image_id`` and ``category_id``; ``categories`` with ``id`` and ``name``).

    Raises:
        DataError: LT401 it is missing, LT402 it is damaged or names a file outside the data set's folder.
    """
    try:
        with path.open(encoding="utf-8") as file:
            start = file.read(1)
            while start.isspace():
                start = file.read(1)
            file.seek(0)
            if start == "{":
                return _from_json(path, json.load(file))
            return _from_lines(path, file)
    except FileNotFoundError as error:
        hint = "the recipe names it relative to the data set's folder"
        raise DataError("LT401", f"{path} is missing", hint) from error
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror or error}"
        raise DataError("LT401", message, "check the path and its permissions") from error
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        message = f"{path} is no list of images: {error}"
        raise DataError(
            "LT402", message, "it takes text with `path label` lines, or JSON"
        ) from error


def _from_lines(path: Path, lines: Iterable[str]) -> Listing:
    labels: list[int] = []

    def names() -> Iterator[str]:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            name, _, label = line.strip().rpartition(" ")
            if not name or not label.isascii() or not label.isdigit():
                raise _damaged(path, f"line {number} is not `path label`")
            labels.append(_label(path, int(label), f"line {number}"))
            yield _inside(path, name.strip(), f"line {number}")

    listed = Names(names())
    return Listing(path, listed, np.array(labels, np.int32))


def _from_json(path: Path, data: dict[str, Any]) -> Listing:
    files: dict[Any, str] | None = None
    try:
        if "images" in data:
            files = {image["id"]: image["file_name"] for image in data["images"]}
        labels: list[int] = []

        def names() -> Iterator[str]:
            for number, annotation in enumerate(data["annotations"], 1):
                place = f"annotation {number}"
                name = annotation["fpath"] if files is None else files[annotation["image_id"]]
                labels.append(_label(path, annotation["category_id"], place))
                yield _inside(path, name, place)

        listed = Names(names())
        classes, class_names = data.get("num_classes"), None
        if "categories" in data:
            class_names = _categories(path, data["categories"])
            classes = len(class_names)
    except (KeyError, TypeError, AttributeError) as error:
        raise _damaged(
            path, f"it lacks {error}" if isinstance(error, KeyError) else str(error)
        ) from error
    if classes is not None and (type(classes) is not int or classes < 1):
        raise _damaged(path, f"num_classes is {classes!r}")
    if labels and classes is not None and max(labels) >= classes:
        message = f"{path} has the label {max(labels)}, and there are {classes} classes"
        raise DataError("LT403", message, "labels count from 0")
    return Listing(path, listed, np.array(labels, np.int32), classes, class_names)


def _categories(path: Path, categories: list[dict[str, Any]]) -> tuple[str, ...]:
    names = {category["id"]: str(category["name"]) for category in categories}
    if sorted(names) != list(range(len(categories))):
        raise _damaged(path, "its categories are not numbered from 0")
    return tuple(names[number] for number in range(len(names)))


def _label(path: Path, label: Any, place: str) -> int:
    if type(label) is not int or not 0 <= label < 2**31:
        raise _damaged(path, f"{place} has the label {label!r}, and labels count from 0")
    return label


def _inside(path: Path, name: Any, place: str) -> str:
    """A file's name; a list may come from anyone, so it reaches no file outside the data set's folder."""
    if not isinstance(name, str) or not name or "\0" in name:
        raise _damaged(path, f"{place} names no file")
    if name.startswith(("/", "\\")) or ":" in name[:3]:
        raise _damaged(path, f"{place} names {name}, which is no relative path")
    if ".." in name and posixpath.normpath(name.replace("\\", "/")).startswith(".."):
        raise _damaged(path, f"{place} names {name}, outside the data set's folder")
    return name


def _damaged(path: Path, why: str) -> DataError:
    return DataError("LT402", f"{path}: {why}", "mend the list")


def _folder_names(listing: Listing, classes: int) -> tuple[str, ...]:
    """The classes' folders where each class has its own, as in ImageNet; else their numbers."""
    folders: list[str | None] = [None] * classes
    for name, label in zip(listing.names, listing.labels.tolist(), strict=True):
        folder = posixpath.basename(posixpath.dirname(name))
        if folders[label] is None:
            folders[label] = folder
        elif folders[label] != folder:
            break
    else:
        if all(folders) and len(set(folders)) == classes:
            return tuple(str(folder) for folder in folders)
    return tuple(map(str, range(classes)))
