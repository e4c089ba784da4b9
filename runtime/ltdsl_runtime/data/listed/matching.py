"""Which classes of two lists are the same: by name wherever there are names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ltdsl.survey import Note
from ltdsl.system.opening import FIGURES, read_file
from ltdsl.wording import counted
from ltdsl_runtime.data.errors import DataError
from ltdsl_runtime.data.labels import FROM_0, ranks
from ltdsl_runtime.data.listed.listing import Listing, damaged
from ltdsl_runtime.data.names import called
from ltdsl_runtime.data.reading import classes_of, few

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: More lines are no names of classes.
_MOST_CLASSES = 1_000_000


class Classes(NamedTuple):
    """The classes of a data set.

    Attributes:
        names: By label.
        numbers: What the training list calls each, by label.
        said: Whether somebody wrote the names down; else they are folders, or the numbers themselves.
        unused: Names that no training image has.
        folders: Number -> folder, of classes with one of their own in the training list.
    """

    names: tuple[str, ...]
    numbers: tuple[int, ...]
    said: bool
    unused: tuple[str, ...]
    folders: Mapping[int, str]


def classes_of_list(train: Listing, classes: int, names_file: Path | None) -> Classes:
    """The classes of a training list.

    Args:
        train: The list.
        classes: How many it has, where it has no names.
        names_file: A file with their names.

    Raises:
        DataError: LT401, LT402 the file with names cannot be read; LT403 it does not have them all.
    """
    folders = _own_folders(train)
    names = train.class_names
    if names_file is not None:
        names = _from_file(names_file, train)
    if names is None:
        numbers = tuple(range(classes))
        own = [folders.get(number) for number in numbers]
        known = tuple(str(name) for name in own) if all(own) else tuple(map(str, numbers))
        return Classes(known, numbers, False, (), folders)
    trained = np.unique(train.labels).tolist()
    unused = tuple(name for number, name in sorted(names.items()) if number not in set(trained))
    return Classes(tuple(names[n] for n in trained), tuple(trained), True, unused, folders)


def matched(
    lists: Mapping[str, Listing], known: Classes, tell: Callable[[Note], None]
) -> Iterator[tuple[Listing, NDArray[np.int32]]]:
    """Each list with the labels of its images, int32, that mean the same classes in all.

    Args:
        lists: By part; the first is the training list.
        known: Its classes.
        tell: Told what is not as one would think.

    Raises:
        DataError: LT403, a list has a class that the training list lacks, or contradicts it.
    """
    train = lists["train"]
    for part, listing in lists.items():
        if listing is train:
            yield listing, ranks(known.numbers, listing.labels)
        elif listing.class_names is not None:
            yield listing, _by_name(train, listing, known, part, tell)
        else:
            _must_not_contradict(train, listing, known, part, tell)
            yield listing, _by_number(train, listing, known)


def _by_name(
    train: Listing, listing: Listing, known: Classes, part: str, tell: Callable[[Note], None]
) -> NDArray[np.int32]:
    assert listing.class_names is not None
    label = {name: at for at, name in enumerate(known.names)}
    tested = np.unique(listing.labels).tolist()
    if not known.said and known.names == tuple(map(str, known.numbers)):
        message = f"{listing.path} names its classes, and {train.path} only numbers them: they are matched by number"
        tell(
            Note(
                "LT407", message, "give both lists names, or none: class_names names a file of them"
            )
        )
        return _by_number(train, listing, known)
    unknown = [
        listing.class_names[number] for number in tested if listing.class_names[number] not in label
    ]
    if unknown:
        message = (
            f"{listing.path} has images of {classes_of(unknown)}, of which {train.path} has none"
        )
        raise DataError(
            "LT403", message, "a class needs a training image; are both lists of one data set?"
        )
    labels = np.array([label[listing.class_names[number]] for number in tested], np.int32)
    if any(known.numbers[at] != number for at, number in zip(labels.tolist(), tested, strict=True)):
        message = f"the {part} list numbers its classes in another way than the training list: they are matched by name"
        tell(Note("LT407", message, level="advice"))
    return labels[np.searchsorted(tested, listing.labels)]


def _by_number(train: Listing, listing: Listing, known: Classes) -> NDArray[np.int32]:
    unknown = sorted(set(np.unique(listing.labels).tolist()) - set(known.numbers))
    if unknown:
        labels = f"{'label' if len(unknown) == 1 else 'labels'} {few(map(str, unknown))}"
        message = f"{listing.path} has the {labels}, of which {train.path} has no image"
        raise DataError("LT403", message, f"both lists need the same labels: {FROM_0}")
    return ranks(known.numbers, listing.labels)


def _must_not_contradict(
    train: Listing, listing: Listing, known: Classes, part: str, tell: Callable[[Note], None]
) -> None:
    """Refuse a list whose folders are called as other classes; say so where folders and numbers say nothing."""
    if (
        listing.classes is not None
        and train.classes is not None
        and listing.classes != train.classes
    ):
        message = f"{listing.path} is of {counted(listing.classes, 'class')}, and {train.path} of {train.classes}"
        raise DataError("LT403", message, "both lists need the same classes")
    ours = dict(zip(known.numbers, known.names, strict=True)) if known.said else known.folders
    theirs = _own_folders(listing)
    number_of = {name: number for number, name in ours.items()}
    for number, name in sorted(theirs.items()):
        other = number_of.get(name)
        if name in number_of and other != number:
            message = f"the folder {name} has the label {number} in {listing.path}, and {other} in {train.path}"
            raise DataError(
                "LT403",
                message,
                "number the classes of both lists alike, or write their names in place of numbers",
            )
        same = any(ours.get(each) == folder for each, folder in theirs.items())
        if same and number in ours and ours[number] != name:
            message = f"the label {number} is the folder {name} in {listing.path}, and {ours[number]} in {train.path}"
            raise DataError(
                "LT403",
                message,
                "number the classes of both lists alike, or write their names in place of numbers",
            )
    same = any(ours.get(number) == name for number, name in theirs.items())
    if not same:
        strange = bool(theirs) and bool(ours)
        message = f"nothing but their numbers says which classes of the {part} list are which of the training list"
        if strange:
            message += f": folders are called {few(theirs.values(), 3)} here and {few(ours.values(), 3)} there"
        hint = "make sure that both number them alike, or write names in place of numbers"
        tell(Note("LT407", message, hint, "warning" if strange else "info"))


def _own_folders(listing: Listing) -> dict[int, str]:
    """Number -> folder, for classes all of whose images are in a folder that no other class has images in."""
    folder_of: dict[int, str | None] = {}
    owner: dict[str, int | None] = {}
    for name, label in zip(listing.names, listing.labels.tolist(), strict=True):
        folder = name.rpartition("/")[0].rpartition("/")[2]
        if folder_of.setdefault(label, folder) != folder:
            folder_of[label] = None
        if owner.setdefault(folder, label) != label:
            owner[folder] = None
    return {
        label: called(folder)
        for label, folder in folder_of.items()
        if folder and owner[folder] == label
    }


def _from_file(path: Path, train: Listing) -> dict[int, str]:
    """The names of a file: a line each, in the order of labels, or each after its label."""
    try:
        text = read_file(path, FIGURES).decode("utf-8-sig", "surrogateescape")
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror or error}"
        raise DataError(
            "LT401", message, "class_names is relative to the data set's folder"
        ) from error
    names = [called(line.strip()) for line in text.splitlines() if line.strip()]
    if not names or len(names) > _MOST_CLASSES:
        raise damaged(
            path, f"it has {counted(len(names), 'line')}", "it takes a line for each class"
        )
    split = [name.replace(",", " ", 1).replace(":", " ", 1).split(None, 1) for name in names]
    if all(len(pair) == 2 and pair[0].isascii() and pair[0].isdigit() for pair in split):
        of = {int(pair[0][:20]): pair[1].strip() for pair in split}
    else:
        of = dict(enumerate(names))
    if len(of) < len(names) or len(set(of.values())) < len(of):
        raise damaged(path, "a label or a name is there twice", "each class has a name of its own")
    if train.class_names is not None:  # the list has names already, and the file their order
        missing = sorted(set(train.class_names.values()) - set(of.values()))
        if missing:
            message = f"{path} lacks {classes_of(missing)}, which {train.path} has"
            raise DataError("LT403", message, "name every class")
        return dict(train.class_names)
    missing_numbers = sorted(set(np.unique(train.labels).tolist()) - set(of))
    if missing_numbers:
        message = f"{path} names {counted(len(of), 'class')}, and {train.path} has the label {missing_numbers[0]}"
        raise DataError("LT403", message, FROM_0)
    return of
