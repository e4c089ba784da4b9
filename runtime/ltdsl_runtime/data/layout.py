"""Which folders are the parts of a data set, and which are its classes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from ltdsl_runtime.data.errors import DataError
from ltdsl_runtime.data.image import SUFFIXES
from ltdsl_runtime.data.names import called, readable
from ltdsl_runtime.data.reading import few
from ltdsl_runtime.data.walk import Account, entries, has_images, held_in, is_folder

#: What parts are called, in small letters, best name first.
_WORDS = {
    "train": ("train", "training"),
    "test": ("test", "testing"),
    "validation": ("val", "valid", "validation"),
    "unlabelled": ("pred", "predict", "prediction", "unlabeled", "unlabelled"),
}
_KINDS = {word: kind for kind, words in _WORDS.items() for word in words}


class Layout(NamedTuple):
    """The folders of the parts, relative to the data set's.

    Attributes:
        train: Empty where classes are at the top.
        test: None where a test part is to be held out.
        validation: None where the data bring none.
    """

    train: str
    test: str | None = None
    validation: str | None = None


def layout_of(folder: Path, account: Account) -> Layout:
    """Find the parts of a data set.

    Args:
        folder: The data set's folder.
        account: Told of folders that are neither parts nor classes.

    Raises:
        DataError: LT401 a folder cannot be read, LT403 it is not clear what is meant.
    """
    found = [entry for entry in entries(folder, Account()) if is_folder(entry)]
    names = [entry.name for entry in found]
    parts = _parts(folder, names)
    if "train" not in parts:
        if names and called_as_parts(names):
            message = f"{folder} has {few(names)} in place of classes"
            raise DataError("LT403", message, "call the folders of its parts `train` and `test`")
        return Layout("")
    for entry in entries(folder, account):
        if not is_folder(entry) and entry.name.lower().endswith(SUFFIXES):
            account.leave(
                "image", "beside the folders of the parts, in no class folder", entry.name
            )
        elif not is_folder(entry):
            account.leave("file", "beside the folders of the parts", entry.name, warn=False)
    train = _unwrapped(folder, parts["train"])
    classes = _folders(folder, train)
    test, validation = _tested(folder, parts, classes, account)
    for name in sorted(set(names) - set(parts.values())):
        account.say(
            f"not read: the folder {readable(str(folder / name))} ({held_in(folder / name)}), beside {parts['train']}/",
            f"a class has its folder in {parts['train']}/",
        )
    return Layout(train, test, validation)


def called_as_parts(names: Iterable[str]) -> bool:
    """Whether all of some folders are called as parts are."""
    return all(name.lower() in _KINDS for name in names)


def _parts(folder: Path, names: list[str]) -> Mapping[str, str]:
    """Kind of a part -> its folder; empty where the folders are classes.

    Raises:
        DataError: LT403, `train` may be a part or a class.
    """
    named: dict[str, str] = {}
    for kind, words in _WORDS.items():
        by_word = {name.lower(): name for name in sorted(names, reverse=True)}
        choices = [word for word in words if word in names] + [
            by_word[w] for w in words if w in by_word
        ]
        if choices:
            named[kind] = choices[0]
    others = [name for name in names if name.lower() not in _KINDS]
    if "train" in named and ("test" in named or "validation" in named or not others):
        return named
    if "train" not in named:
        return _with_a_word_in_common(names)
    # `train` alone among others: a vehicle, or a part that something lies beside
    train = named["train"]
    if not _folders(folder, train) and has_images(folder / train):
        return {}
    beside = [name for name in others if has_images(folder / name)]
    if not beside:
        return named
    message = f"{folder} has {few(map(readable, beside))} beside {train}/, which has class folders of its own"
    hint = (
        f"if {train} is a class, put all class folders into a folder `train` of their own; if it is the "
        "training part, move what is beside it elsewhere, or into a folder `test`"
    )
    raise DataError("LT403", message, hint)


def _with_a_word_in_common(names: list[str]) -> Mapping[str, str]:
    """Parts such as `seg_train` and `seg_test`: the same name but for the word of the part."""
    families: dict[str, dict[str, str]] = {}
    for name in names:
        words = [word for word in re.split(r"[\W_]+|(?<=\D)(?=\d)", name.lower()) if word]
        kinds = [_KINDS[word] for word in words if word in _KINDS]
        if len(kinds) == 1 and len(words) > 1:
            rest = "_".join(word for word in words if word not in _KINDS)
            families.setdefault(rest, {}).setdefault(kinds[0], name)
    for family in families.values():
        if "train" in family and ("test" in family or "validation" in family):
            return family
    return {}


def _unwrapped(folder: Path, part: str) -> str:
    """The part's folder, or one of the same name that is all there is in it, as some archives have it."""
    inside = entries(folder / part, Account())
    same = [entry for entry in inside if entry.name.lower() == Path(part).name.lower()]
    if (
        len(inside) == 1
        and same
        and is_folder(same[0])
        and _folders(folder, f"{part}/{same[0].name}")
    ):
        return f"{part}/{same[0].name}"
    return part


def _folders(folder: Path, part: str) -> tuple[str, ...]:
    """Names of the folders in a part."""
    return tuple(
        called(entry.name) for entry in entries(folder / part, Account()) if is_folder(entry)
    )


def _tested(
    folder: Path, parts: Mapping[str, str], classes: tuple[str, ...], account: Account
) -> tuple[str | None, str | None]:
    """The test and the validation part: one that has no class of the training part is not labelled."""
    labelled: dict[str, str] = {}
    for kind in ("test", "validation", "unlabelled"):
        if kind not in parts:
            continue
        name = _unwrapped(folder, parts[kind])
        inside = _folders(folder, name)
        spare = (
            kind == "validation" if "test" in labelled else kind == "test" and "validation" in parts
        )
        if spare and not has_images(folder / name):
            account.say(f"not read: {readable(name)}, which has no image", level="info")
            continue
        other = spare and not set(inside) & set(classes)
        loose = not inside and has_images(folder / name)
        if kind != "unlabelled" and not loose and not other:
            labelled[kind] = name
            continue
        why = (
            "which are in no class folder"
            if not inside
            else "which have no class of the training part"
        )
        images = held_in(folder / name)
        account.say(
            f"not read: {readable(name)} ({images}), {why}: nobody knows their classes",
            f"put its images into class folders to have them used; `ltdsl predict RUN {readable(str(folder / name))}` "
            "names what is in them",
        )
    if "test" not in labelled:
        if (used := labelled.get("validation")) is not None:
            message = f"{readable(used)} is the test part: there is none whose classes are known"
            account.say(message, level="info")
        return used, None
    return labelled["test"], labelled.get("validation")
