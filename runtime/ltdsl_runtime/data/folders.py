"""Images in class folders: ``DIR/train/CLASS/…`` and ``DIR/test/CLASS/…``, or ``DIR/CLASS/…``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from ltdsl.survey import Note
from ltdsl.wording import counted
from ltdsl_runtime.data import units
from ltdsl_runtime.data.errors import DataError
from ltdsl_runtime.data.files import ImageFiles, Names
from ltdsl_runtime.data.holdout import held_out
from ltdsl_runtime.data.image import SUFFIXES, View
from ltdsl_runtime.data.layout import Layout, called_as_parts, layout_of
from ltdsl_runtime.data.names import called, readable
from ltdsl_runtime.data.reading import Reading, classes_of, few
from ltdsl_runtime.data.walk import SUFFIX_HINT, Account, entries, images_below, is_folder

if TYPE_CHECKING:
    from ltdsl.catalogue import ImageFolder

Folders: TypeAlias = Mapping[str, tuple[str, ...]]
"""Class -> its folders, more than one where names look the same and are written in different signs."""


def load(dataset: ImageFolder, folder: Path) -> Reading:
    """Read the parts of class folders; see :class:`ltdsl.catalogue.ImageFolder`.

    Raises:
        DataError: LT401 there is no such folder or no image in it, LT403 classes differ or are too few.
    """
    if not folder.is_dir():
        message = f"{readable(str(folder))} is no folder"
        raise DataError("LT401", message, "name the folder of the class folders: --data DIR")
    account = Account()
    view = View.square(dataset.size, dataset.crop)
    layout = layout_of(folder, account)
    trained = _classes(folder, layout.train, account)
    classes = tuple(trained)
    pool = _part(folder, layout.train, trained, classes, view, account)
    parts = [pool]
    for name in filter(None, (layout.test, layout.validation)):
        found = _classes(folder, name, account)
        _must_be_known(folder, found, name, classes, layout)
        parts.append(_part(folder, name, found, classes, view, account))
    notes: list[Note] = []
    if dataset.group is None:
        pool, *others = parts
        pool, pair = units.twins(pool)
        notes += _about_twins(pool, pair)
    else:
        pool, *others = units.together(parts, dataset.group)
        for part, name in zip(others, ("test", "validation"), strict=False):
            notes += units.shared_groups(pool, part, name)
    problems: tuple[DataError, ...] = ()
    if others:
        train, test = pool, others[0]
    else:
        train, test, problems = held_out(pool, dataset)
    return Reading(
        train,
        test,
        others[1] if len(others) > 1 else None,
        (*account.notes(), *notes),
        problems,
        dict(sorted(account.endings.items())),
    )


def _about_twins(pool: ImageFiles, pair: tuple[str, str] | None) -> Iterator[Note]:
    if pair is not None and pool.units is not None:
        names = counted(int((np.bincount(pool.units) > 1).sum()), "name", "is")
        one, other = map(readable, pair)
        message = (
            f"{names} there with more than one ending, such as {one} and {other}: all are images of their "
            "class, and those of one name stay in one part"
        )
        yield Note("LT406", message, "take away what is a mask, a preview or a copy")


def load_known(
    folder: Path, classes: tuple[str, ...], view: View
) -> tuple[ImageFiles, tuple[Note, ...]]:
    """Return all images of class folders, for a model that knows ``classes``; some of them may have no folder.

    Returns:
        The images, and what was not read.

    Raises:
        DataError: LT401 there is no such folder or no image in it, LT414 it has another class.
    """
    if not folder.is_dir():
        raise DataError("LT401", f"{folder} is no folder", "name the folder of the class folders")
    account = Account()
    found = _classes(folder, "", account)
    known = {called(name): name for name in classes}
    unknown = sorted(set(found) - set(known))
    if unknown:
        message = f"{folder} has {classes_of(unknown)}, which the model does not know"
        raise DataError("LT414", message, "a folder is called as its class is in run.json")
    ours = {known[name]: folders for name, folders in found.items()}
    return _part(folder, "", ours, classes, view, account), account.notes()


def _must_be_known(
    folder: Path, found: Folders, name: str, classes: tuple[str, ...], layout: Layout
) -> None:
    unknown = sorted(set(found) - set(classes))
    if not unknown:
        return
    message = f"{folder / name} has the {classes_of(unknown)}, which {folder / layout.train} lacks"
    hint = "both parts need the same class folders"
    small = {other.lower(): other for other in classes}
    if other := small.get(unknown[0].lower()):
        hint += f"; {unknown[0]} and {other} differ in capital letters"
    raise DataError("LT403", message, hint)


def _classes(root: Path, part: str, account: Account) -> Folders:
    """The class folders of a part, in order; images beside them are of no class."""
    found: dict[str, tuple[str, ...]] = {}
    where = readable(part) if part else readable(root.name or str(root))
    for entry in entries(root / part, account, part):
        if is_folder(entry):
            name = called(entry.name)
            found[name] = (*found.get(name, ()), entry.name)
        elif entry.name.lower().endswith(SUFFIXES):
            path = f"{part}/{entry.name}" if part else entry.name
            account.leave("image", f"right in {where}, in no class folder", path)
        else:
            path = f"{part}/{entry.name}" if part else entry.name
            account.leave("file", f"beside the class folders in {where}", path, warn=False)
    for name, folders in found.items():
        if len(folders) > 1:
            account.say(
                f"{len(folders)} folders in {where} are called {name}, written in different signs: one class"
            )
    return found


def _look_within(root: Path, inside: str, images: list[str], account: Account) -> None:
    """Say where a class is made of folders that may be classes, or parts, themselves."""
    start = len(inside) + 1
    below = sorted({name[start:].split("/", 1)[0] for name in images if "/" in name[start:]})
    if len(below) < 2 or any("/" not in name[start:] for name in images):
        return
    parts = called_as_parts(below)
    account.say(
        f"class {called(inside.rsplit('/', 1)[-1])} is made of {len(below):,} folders, {few(map(readable, below))}",
        f"if these are {'the parts of the data set' if parts else 'the classes'}, name their folder: "
        f"--data {readable(str(root / inside))}",
        level="warning" if parts else "advice",
    )


def _part(
    root: Path,
    name: str,
    folders: Folders,
    classes: tuple[str, ...],
    view: View,
    account: Account,
) -> ImageFiles:
    """All images of a part, class by class, by name; its names are relative to ``root``.

    Args:
        root: The data set's folder.
        name: The part's folder in it; empty where classes are at the top.
        folders: Those of the classes that have one in this part.
        classes: All there are.
        view: See :class:`ImageFiles`.
        account: Told of what is not read.
    """
    place = readable(str(root / name))
    if not classes:
        loose = account.loose()
        message = f"{place} has no class folder" + (
            f", and {counted(loose, 'image')} right in it" if loose else ""
        )
        raise DataError("LT401", message, "a class is a folder that holds its images")
    names: list[str] = []
    counts = []
    for class_name in classes:
        found: list[str] = []
        for folder in folders.get(class_name, ()):
            inside = f"{name}/{folder}" if name else folder
            images = sorted(images_below(str(root), inside, account))
            _look_within(root, inside, images, account)
            found += images
        names += found
        counts.append(len(found))
    if not names:
        others = [
            f"{count:,} {ending or 'without an ending'}"
            for ending, count in account.endings.items()
        ]
        message = f"there is no image in {place}" + (f", but {few(others)}" if others else "")
        raise DataError("LT401", message, SUFFIX_HINT)
    labels = np.repeat(np.arange(len(classes), dtype=np.int32), counts)
    return ImageFiles(root, Names(names), labels, classes, view)
