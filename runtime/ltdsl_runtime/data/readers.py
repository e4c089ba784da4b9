"""Which code reads which data set."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ltdsl_runtime.data import cifar, digits, folders, lists, npz
from ltdsl_runtime.data.errors import DataError
from ltdsl_runtime.data.files import ImageFiles
from ltdsl_runtime.data.folders import SUFFIX_HINT

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from ltdsl.catalogue import Dataset
    from ltdsl_runtime.data.part import Part

Statistics = tuple[tuple[float, ...], tuple[float, ...]]


@dataclass(frozen=True)
class Reader:
    """How a data set is read.

    Attributes:
        load: Declaration, folder -> (training pool, test part). An embedded data set ignores its folder.
        statistics: Published (mean, std) to normalise with, or None: those of the training part, which is in memory.
    """

    load: Callable[[Any, Path], tuple[Part, Part]]
    statistics: Statistics | None = None


#: What images of the world are normalised with, whatever the data set: that of ImageNet.
IMAGENET: Statistics = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))

#: As the published results on iNaturalist 2018 do.
INAT18: Statistics = ((0.466, 0.471, 0.380), (0.195, 0.194, 0.192))

READERS: dict[str, Reader] = {
    "digits_lt": Reader(lambda *_: digits.load()),
    "cifar10_lt": Reader(lambda _, path: cifar.load_cifar10(path), (cifar.MEAN, cifar.STD)),
    "cifar100_lt": Reader(lambda _, path: cifar.load_cifar100(path), (cifar.MEAN, cifar.STD)),
    "image_folder": Reader(folders.load, IMAGENET),
    "annotations": Reader(lists.load, IMAGENET),
    "imagenet_lt": Reader(lists.load, IMAGENET),
    "inat18": Reader(lists.load, INAT18),
    "npz": Reader(npz.load),
}


def read(
    dataset: Dataset,
    folder: Path | None,
    root: Path | None = None,
    left_out: Collection[str] = (),
) -> tuple[Part, Part]:
    """Read all of a data set's training pool and its test part.

    Args:
        dataset: Its declaration.
        folder: What ``--data`` names; it comes before a path in the recipe, which another machine may not have.
        root: The recipe's folder, which paths in the recipe are relative to.
        left_out: Names of files to go without.

    Raises:
        DataError: LT401 missing, LT402 damaged, LT403 a class without training images.
    """
    pool, test = READERS[dataset.name].load(dataset, _place(dataset, folder, root or Path()))
    if left_out:
        pool, test = (
            part.without(left_out) if isinstance(part, ImageFiles) else part
            for part in (pool, test)
        )
    if len(pool.class_names) < 2:
        message = f"{dataset.name} has only one class, {pool.class_names[0]}"
        raise DataError(
            "LT403", message, "add another, or name the folder that has the class folders"
        )
    empty = [label for label, count in enumerate(pool.counts()) if count == 0]
    if empty:
        message = f"{dataset.name} has no training image of class {pool.class_names[empty[0]]}"
        images = f": {SUFFIX_HINT}" if isinstance(pool, ImageFiles) else ""
        raise DataError("LT403", message, f"every class needs at least one{images}")
    return pool, test


def _place(dataset: Dataset, folder: Path | None, root: Path) -> Path:
    """The folder that a data set is read from."""
    if folder is not None or not dataset.needs_files:
        return folder or root
    path = getattr(dataset, "path", None)
    if path is None:
        message = f"{dataset.name} reads its images from files, and no folder was given"
        raise DataError("LT401", message, "pass --data DIR")
    return root / str(path)
