"""Images and labels in a NumPy ``.npz`` file; nothing in it is ever unpickled."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ltdsl.survey import Note
from ltdsl.system.memory import memory_limit
from ltdsl.system.opening import open_file
from ltdsl.wording import counted
from ltdsl_runtime.data.arrays import ImageArrays
from ltdsl_runtime.data.errors import DataError
from ltdsl_runtime.data.holdout import held_out
from ltdsl_runtime.data.labels import FROM_0, ranks
from ltdsl_runtime.data.names import called
from ltdsl_runtime.data.reading import Reading, classes_of, few

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from ltdsl.catalogue import Npz

Arrays: TypeAlias = "tuple[NDArray[np.uint8], NDArray[np.int32]]"

#: Part -> names that its images and labels go by: Keras's, and MedMNIST's.
_KEYS = {
    "train": (("x_train", "y_train"), ("train_images", "train_labels")),
    "test": (("x_test", "y_test"), ("test_images", "test_labels")),
    "validation": (
        *(("x_val", "y_val"), ("x_valid", "y_valid"), ("x_validation", "y_validation")),
        ("val_images", "val_labels"),
    ),
}

#: What an array of class names is called.
_NAMES = "class_names"


def load(dataset: Npz, path: Path) -> Reading:
    """Read a ``.npz`` file; see :class:`ltdsl.catalogue.Npz`.

    Raises:
        DataError: LT401 it is missing, LT402 it is damaged or holds something else, LT403 labels do not fit.
    """
    try:
        with open_file(path) as archive:
            if not zipfile.is_zipfile(archive):
                raise ValueError("it is not a .npz archive")
            archive.seek(0)
            file = np.load(archive, allow_pickle=False)
            _must_fit(file.zip)
            of = {part: _arrays(file, part, path) for part in _KEYS}
            names = _names(file[_NAMES]) if _NAMES in file.files else None
            held = list(file.files)
    except FileNotFoundError as error:
        raise DataError("LT401", f"{path} is missing", "check the path") from error
    except DataError:
        raise
    except Exception as error:  # a damaged archive can raise anything in its decoder
        message = f"{path} cannot be read: {_reason(error)}"
        raise DataError("LT402", message, "save arrays of numbers with numpy.savez") from error
    train = of["train"]
    if train is None:
        message = f"{path} lacks {' and '.join(_KEYS['train'][0])}"
        raise DataError("LT402", message, f"or {' and '.join(_KEYS['train'][1])}")
    classes = int(train[1].max()) + 1
    if classes > len(train[1]):  # before anything is as large as a label
        message = (
            f"{path} has {counted(len(train[1]), 'training image')} of {counted(classes, 'class')}"
        )
        raise DataError("LT403", message, f"every class needs at least one: {FROM_0}")
    if names is not None and len(names) < classes:
        message = f"{path} names {counted(len(names), 'class')} of {classes}"
        raise DataError("LT403", message, f"name them all; {FROM_0}")
    for name, arrays in of.items():
        last = len(names) if names is not None else classes
        if arrays is not None and (
            arrays[1].max() >= last or arrays[0].shape[1:] != train[0].shape[1:]
        ):
            message = f"{path}: its {name} images have another shape or other labels than its training images"
            raise DataError("LT403", message, "all parts need the same classes and sizes")
    notes = [*_unread(path, held, [name for name, arrays in of.items() if arrays is not None])]
    if names is None:
        names = tuple(map(str, range(classes)))
    else:
        of, names, unused = _used(of, names)
        if unused:
            message = f"{path} names {classes_of(unused)}, of which it has no image"
            notes.append(Note("LT405", message, "add images, or leave it at that"))
    parts = {name: ImageArrays(*each, names) for name, each in of.items() if each is not None}
    pool, validation = parts["train"], parts.get("validation")
    if "test" in parts:
        return Reading(pool, parts["test"], validation, tuple(notes))
    if validation is not None:  # as for folders
        return Reading(pool, validation, None, tuple(notes))
    kept, tested, problems = held_out(pool, dataset)
    return Reading(kept, tested, None, tuple(notes), problems)


def _must_fit(archive: zipfile.ZipFile) -> None:
    """Refuse what would take all memory: a few kilobytes can unpack to terabytes. No more than it says is unpacked."""
    size, limit = sum(each.file_size for each in archive.infolist()), memory_limit()
    if limit is not None and size > limit:
        raise ValueError(f"it unpacks to {size:,} bytes, more than this machine has memory")


def _names(array: NDArray[Any]) -> tuple[str, ...]:
    """Names of classes, which may be text or bytes of it."""
    each = np.atleast_1d(array).ravel().tolist()
    return tuple(called(os.fsdecode(n) if isinstance(n, bytes) else str(n)) for n in each)


def _used(
    of: Mapping[str, Arrays | None], names: tuple[str, ...]
) -> tuple[dict[str, Arrays | None], tuple[str, ...], tuple[str, ...]]:
    """Without the names that no part has an image of: what a background or a class number 0 is."""
    found = np.unique(np.concatenate([each[1] for each in of.values() if each is not None]))
    kept = {
        name: None if each is None else (each[0], ranks(found, each[1]))
        for name, each in of.items()
    }
    unused = tuple(name for at, name in enumerate(names) if at not in set(found.tolist()))
    return kept, tuple(names[at] for at in found.tolist()), unused


def _unread(path: Path, held: list[str], parts: list[str]) -> Iterator[Note]:
    """Arrays that are none of any part."""
    used = {_NAMES}
    for part in parts:
        used |= set(next(keys for keys in _KEYS[part] if set(keys) <= set(held)))
    left = [name for name in held if name not in used]
    if left:
        message = f"not read: {few(left)} in {path}"
        yield Note("LT405", message, "a part is a pair of arrays such as x_val and y_val")


def _reason(error: Exception) -> str:
    if "pickle" in str(error):
        return "it holds Python objects, which could run programs"
    return getattr(error, "strerror", None) or str(error) or "it is too large"


def _arrays(file: np.lib.npyio.NpzFile, part: str, path: Path) -> Arrays | None:
    """A part's images uint8 ``[N, C, H, W]`` and labels int32 ``[N]``; None where the file has no such part."""
    keys = next((keys for keys in _KEYS[part] if set(keys) <= set(file.files)), None)
    if keys is None:
        return None
    images, labels = (file[key] for key in keys)
    if images.dtype != np.uint8 or images.ndim not in (3, 4) or not images.size:
        message = f"{path}: {keys[0]} is {images.dtype} {images.shape}"
        raise DataError("LT402", message, "images are uint8 [N, H, W] or [N, H, W, 1 or 3]")
    if images.ndim == 3:
        images = images[:, None]
    elif images.shape[3] in (1, 3):
        images = images.transpose(0, 3, 1, 2)
    elif images.shape[1] not in (1, 3):
        message = f"{path}: {keys[0]} has shape {images.shape}, no side of which is 1 or 3 channels"
        raise DataError("LT402", message, "images are uint8 [N, H, W] or [N, H, W, 1 or 3]")
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.dtype.kind not in "iu" or labels.shape != images.shape[:1]:
        message = f"{path}: {keys[1]} is {labels.dtype} {labels.shape} beside {counted(len(images), 'image')}"
        raise DataError("LT402", message, "labels are whole numbers, one an image")
    if labels.min() < 0 or labels.max() >= 2**31:
        raise DataError("LT403", f"{path}: {keys[1]} has the label {labels.min()}", FROM_0)
    return np.ascontiguousarray(images), labels.astype(np.int32)
