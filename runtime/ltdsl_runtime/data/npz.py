"""Images and labels in a NumPy ``.npz`` file; nothing in it is ever unpickled."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import numpy as np

from ltdsl_runtime.data.arrays import ImageArrays
from ltdsl_runtime.data.errors import DataError
from ltdsl_runtime.data.holdout import held_out

if TYPE_CHECKING:
    from pathlib import Path

    from ltdsl.catalogue import Npz

#: Part -> names that its images and labels go by: Keras's, and MedMNIST's.
_KEYS = {
    "train": (("x_train", "y_train"), ("train_images", "train_labels")),
    "test": (("x_test", "y_test"), ("test_images", "test_labels")),
}


def load(dataset: Npz, path: Path) -> tuple[ImageArrays, ImageArrays]:
    """Return (train, test) of a ``.npz`` file; see :class:`ltdsl.catalogue.Npz`.

    Raises:
        DataError: LT401 it is missing, LT402 it is damaged or holds something else, LT403 labels do not fit.
    """
    try:
        if path.exists() and not path.is_dir() and not zipfile.is_zipfile(path):
            raise ValueError("it is not a .npz archive")
        with np.load(path, allow_pickle=False) as file:
            train, test = (_arrays(file, part, path) for part in ("train", "test"))
            names = file["class_names"].tolist() if "class_names" in file.files else None
    except FileNotFoundError as error:
        raise DataError("LT401", f"{path} is missing", "check the path") from error
    except DataError:
        raise
    except Exception as error:  # a damaged archive can raise anything in its decoder
        message = f"{path} cannot be read: {_reason(error)}"
        raise DataError("LT402", message, "save arrays of numbers with numpy.savez") from error
    if train is None:
        message = f"{path} lacks {' and '.join(_KEYS['train'][0])}"
        raise DataError("LT402", message, f"or {' and '.join(_KEYS['train'][1])}")
    classes = int(train[1].max()) + 1
    if classes > len(train[1]):  # before anything is as large as a label
        message = f"{path} has {len(train[1]):,} training images of {classes:,} classes"
        raise DataError("LT403", message, "every class needs at least one")
    names = tuple(map(str, names or range(classes)))
    if len(names) < classes:
        raise DataError("LT403", f"{path} names {len(names)} classes of {classes}", "name them all")
    pool = ImageArrays(*train, names)
    if test is None:
        return held_out(pool, dataset)
    if test[1].max() >= len(names) or test[0].shape[1:] != train[0].shape[1:]:
        message = (
            f"{path}: its test images have another shape or other labels than its training images"
        )
        raise DataError("LT403", message, "both parts need the same classes and sizes")
    return pool, ImageArrays(*test, names)


def _reason(error: Exception) -> str:
    if "pickle" in str(error):
        return "it holds Python objects, which could run programs"
    return getattr(error, "strerror", None) or str(error) or "it is too large"


def _arrays(
    file: np.lib.npyio.NpzFile, part: str, path: Path
) -> tuple[np.ndarray, np.ndarray] | None:
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
        message = f"{path}: {keys[1]} is {labels.dtype} {labels.shape} beside {len(images)} images"
        raise DataError("LT402", message, "labels are whole numbers, one an image")
    if labels.min() < 0 or labels.max() >= 2**31:
        raise DataError(
            "LT403", f"{path}: {keys[1]} has the label {labels.min()}", "labels count from 0"
        )
    return np.ascontiguousarray(images), labels.astype(np.int32)
