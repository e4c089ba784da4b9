"""Images named in lists: text, tables, the reference toolbox's JSON, COCO's and iNaturalist's own."""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from ltdsl.survey import Note
from ltdsl.system.opening import LIST, open_file
from ltdsl.wording import counted
from ltdsl_runtime.data import units
from ltdsl_runtime.data.errors import DataError
from ltdsl_runtime.data.files import ImageFiles
from ltdsl_runtime.data.holdout import held_out
from ltdsl_runtime.data.image import View
from ltdsl_runtime.data.labels import FROM_0
from ltdsl_runtime.data.listed.annotated import alike, from_json
from ltdsl_runtime.data.listed.listing import Columns, Listing
from ltdsl_runtime.data.listed.matching import Classes, classes_of_list, matched
from ltdsl_runtime.data.listed.published import about_lists
from ltdsl_runtime.data.listed.tables import from_lines
from ltdsl_runtime.data.names import readable
from ltdsl_runtime.data.reading import Reading, classes_of

if TYPE_CHECKING:
    from ltdsl.catalogue import ListedImages


def load(dataset: ListedImages, folder: Path) -> Reading:
    """Read a data set whose images are listed; see :class:`ltdsl.catalogue.ListedImages`.

    Raises:
        DataError: LT401 a list is missing, LT402 it is damaged, LT403 its labels do not fit.
    """
    group = dataset.group
    pattern = group if group is not None and "{group}" in group else None
    columns = Columns(
        getattr(dataset, "image_column", None),
        getattr(dataset, "label_column", None),
        None if pattern else group,
    )
    named = {"train": dataset.train, "test": dataset.test, "validation": dataset.validation}
    lists = {
        part: read_list(folder / name, folder, columns) for part, name in named.items() if name
    }
    for listing in lists.values():
        if not len(listing.labels):
            message = f"{listing.path} names no image"
            raise DataError("LT401", message, "is it the right list?")
    train = lists["train"]
    classes = train.classes or int(train.labels.max()) + 1
    names = getattr(dataset, "class_names", None)
    unnamed = train.class_names is None and names is None
    if unnamed:
        _check_labels(lists.values(), classes)
    _check_size(dataset, train.path, len(train.labels), classes)
    if classes > len(train.labels) and unnamed:
        # before anything is as large as a label that may be a typing error
        message = f"{train.path} names {counted(len(train.labels), 'image')} of {counted(classes, 'class')}"
        raise DataError("LT403", message, f"every class needs at least one: {FROM_0}")
    known = classes_of_list(train, classes, folder / names if names else None)
    view = View.square(dataset.size, dataset.crop)
    notes = [_form(listing) for listing in lists.values()]
    notes += about_lists(dataset.name, {part: each.path for part, each in lists.items()})
    notes += [note for listing in lists.values() for note in _left(listing)]
    parts = [
        ImageFiles(folder, listing.names, labels, known.names, view)
        for listing, labels in matched(lists, known, notes.append)
    ]
    parts = _grouped(parts, list(lists.values()), pattern, columns)
    of = dict(zip(lists, parts, strict=True))
    notes += _unused(known)
    notes += _repeats(of["train"]) if group is None else ()
    for name, part in list(of.items())[1:]:
        notes += units.shared(of["train"], part, name)
        notes += units.shared_groups(of["train"], part, name) if group is not None else ()
    if "test" in of:
        return Reading(of["train"], of["test"], of.get("validation"), tuple(notes))
    pool, tested, problems = held_out(of["train"], dataset)
    return Reading(pool, tested, of.get("validation"), tuple(notes), problems)


def _check_labels(lists: Iterable[Listing], classes: int) -> None:
    for listing in lists:
        if listing.class_names is None and listing.labels.max() >= classes:
            largest, number = listing.labels.max(), counted(classes, "class")
            message = f"{listing.path} has the label {largest}, and the training list has {number}"
            raise DataError("LT403", message, f"both lists need the same labels: {FROM_0}")


def _check_size(dataset: ListedImages, path: Path, images: int, classes: int) -> None:
    """Refuse a list of a published data set that is not the published one."""
    expected = type(dataset).published
    if expected is not None and (images, classes) != expected:
        message = (
            f"{path} names {counted(images, 'image')} of {counted(classes, 'class')}; "
            f"{dataset.name} has {expected[0]:,} of {expected[1]:,}"
        )
        raise DataError("LT403", message, "use the published list, or `annotations` for your own")


def _grouped(
    parts: list[ImageFiles], lists: list[Listing], pattern: str | None, columns: Columns
) -> list[ImageFiles]:
    """The parts with what is drawn together: by a column, a pattern, or by file."""
    if columns.group is None:
        return list(units.together(parts, pattern))
    known: dict[str, int] = {}
    found = []
    for part, listing in zip(parts, lists, strict=True):
        assert listing.groups is not None
        own = [known.setdefault(name, len(known)) for name in listing.group_names]
        found.append(part.grouped(np.array(own, np.int32)[listing.groups]))
    return found


def _form(listing: Listing) -> Note:
    return Note("LT405", f"{listing.path} is read as {listing.form}", level="info")


def _left(listing: Listing) -> Iterator[Note]:
    if listing.unlabelled:
        have = "has" if listing.unlabelled == 1 else "have"
        message = f"not read: {counted(listing.unlabelled, 'image')} of {listing.path} {have} no annotation"
        yield Note("LT405", message, "annotate them, or take them out of the list")
    shared = alike(listing.class_names) if listing.class_names else None
    if shared:
        message = f"categories of {listing.path} have the same name, and stay apart: {shared}"
        yield Note("LT407", message, "give one id to what is one class")


def _unused(known: Classes) -> Iterator[Note]:
    if known.unused:
        have = "have" if len(known.unused) > 1 else "has"
        classes = counted(len(known.names), "class")
        message = f"{classes_of(known.unused)} {have} no image, and no place among the {classes}"
        yield Note("LT405", message, "add images, or leave it at that")


def _repeats(train: ImageFiles) -> Iterator[Note]:
    """Files that a list names more than once."""
    if train.units is None:
        return
    sizes = np.bincount(train.units)
    order = np.argsort(train.units, kind="stable")
    labels, of = train.labels[order], train.units[order]
    differ = np.unique(of[1:][(of[1:] == of[:-1]) & (labels[1:] != labels[:-1])])
    repeated = int((sizes > 1).sum())
    first = readable(
        train.names[int(np.flatnonzero(train.units == np.flatnonzero(sizes > 1)[0])[0])]
    )
    images = counted(repeated, "image", "is")
    message = (
        f"{images} listed for training more than once, such as {first}: each stays in one part"
    )
    yield Note("LT406", message, level="info" if len(differ) else "advice")
    if len(differ):
        first = readable(train.names[int(np.flatnonzero(train.units == differ[0])[0])])
        message = f"{counted(len(differ), 'image', 'has')} more than one class in the training list, such as {first}"
        hint = "one image, one class: no network can be right about both; keep one line for each"
        yield Note("LT406", message, hint)


def read_list(path: Path, root: Path | None = None, columns: Columns | None = None) -> Listing:
    """Read a list of images, whichever form it has.

    Text has a line ``path label`` an image; a table has tabs, semicolons or commas, with a header or two columns. JSON
    is the reference toolbox's (``annotations`` with ``fpath`` and ``category_id``; ``num_classes``), or COCO's and
    iNaturalist's (``images`` with ``id`` and ``file_name``; ``annotations`` with ``image_id`` and ``category_id``;
    ``categories`` with ``id`` and ``name``).

    Args:
        path: The list.
        root: The data set's folder; that of the list where it is not given.
        columns: What is wanted of its columns.

    Raises:
        DataError: LT401 it is missing, LT402 it is damaged or names a file outside the data set's folder.
    """
    root, columns = root or path.parent, columns or Columns()
    try:
        # names that are in no encoding keep their bytes, as the disk has them
        with (
            open_file(path, LIST) as content,
            io.TextIOWrapper(content, _encoding(content), errors="surrogateescape") as file,
        ):
            start = file.read(1)
            while start.isspace():
                start = file.read(1)
            file.seek(0)
            if start == "{":
                return from_json(path, json.load(file), root, columns)
            return from_lines(path, file, root, columns)
    except FileNotFoundError as error:
        hint = "the recipe names it relative to the data set's folder"
        raise DataError("LT401", f"{path} is missing", hint) from error
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror or error}"
        raise DataError("LT401", message, "check the path and its permissions") from error
    except (ValueError, RecursionError, csv.Error) as error:
        message = f"{path} is no list of images: {error}"
        raise DataError(
            "LT402", message, "it takes text with `path label` lines, a table, or JSON"
        ) from error


def _encoding(file: BinaryIO) -> str:
    """UTF-8, with a byte-order mark or without, or UTF-16, as its mark says."""
    start = file.read(3)
    file.seek(0)
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    return "utf-8-sig"
