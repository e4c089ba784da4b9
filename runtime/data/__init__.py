"""Datasets: from a name and its parameters to images in memory. Does not import mindspore."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ltdsl.longtail import profile_counts
from runtime.data import cifar, digits
from runtime.data.arrays import ImageArrays, channel_statistics
from runtime.data.errors import DataError
from runtime.data.split import fingerprint, long_tailed_split

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["READERS", "ImageArrays", "LoadedData", "Reader", "load_dataset"]


@dataclass(frozen=True)
class Reader:
    """How a dataset is read.

    Attributes:
        load: Folder -> (training pool, test part). The embedded dataset ignores its argument.
        needs_folder: Whether there are files to point at.
        statistics: Published (mean, std) to normalise with, or None: those of the training part.
    """

    load: Callable[[Path], tuple[ImageArrays, ImageArrays]]
    needs_folder: bool = True
    statistics: tuple[tuple[float, ...], tuple[float, ...]] | None = None


READERS: dict[str, Reader] = {
    "digits_lt": Reader(lambda _: digits.load(), needs_folder=False),
    "cifar10_lt": Reader(cifar.load_cifar10, statistics=(cifar.MEAN, cifar.STD)),
    "cifar100_lt": Reader(cifar.load_cifar100, statistics=(cifar.MEAN, cifar.STD)),
}


@dataclass(frozen=True)
class LoadedData:
    """A dataset, ready for training.

    Attributes:
        train: The long-tailed training part, without the validation part.
        validation: The validation part; None where no image is held out.
        test: The whole test part.
        counts: Training images of each class, ``[C]``, validation taken out.
        fingerprint: Part name -> :func:`runtime.data.split.fingerprint` of that part.
        mean: Channel means of pixels scaled to 0–1, float32 ``[channels]``.
        std: Channel standard deviations, likewise; never 0.
    """

    train: ImageArrays
    validation: ImageArrays | None
    test: ImageArrays
    counts: tuple[int, ...]
    fingerprint: dict[str, str]
    mean: np.ndarray
    std: np.ndarray


def load_dataset(
    name: str,
    params: Mapping[str, Any],
    data_dir: Path | None,
    validation: float,
    split_seed: int,
    expected: Sequence[int] | None = None,
) -> LoadedData:
    """Read a dataset and make its long-tailed training part.

    Args:
        name: A name of :data:`READERS`.
        params: ``imbalance`` and, optionally, ``profile``; see
            :func:`ltdsl.longtail.profile_counts`.
        data_dir: Where the dataset's files are; may be None for an embedded one.
        validation: Share of each class's training images to hold out, in [0, 1).
        split_seed: Decides which images are kept.
        expected: The training counts that were planned; None to take what there is.

    Raises:
        DataError: LT401 missing, LT402 damaged, LT403 other counts than planned.
    """
    reader = READERS[name]
    if reader.needs_folder and data_dir is None:
        message = f"{name} reads its images from files, and no folder was given"
        raise DataError(code="LT401", message=message, hint="pass --data DIR")
    pool, test = reader.load(data_dir or Path())
    empty = [label for label, count in enumerate(pool.counts()) if count == 0]
    if empty:
        message = f"{name} has no training image of class {empty[0]}"
        raise DataError(code="LT403", message=message, hint="use the published files")
    kept = profile_counts(pool.counts(), params["imbalance"], params.get("profile", "exponential"))
    split = long_tailed_split(pool.labels, kept, validation, split_seed)
    train = pool.take(split.train)
    held_out = pool.take(split.validation) if len(split.validation) else None
    counts = train.counts()
    if expected is not None and tuple(expected) != counts:
        message = (
            f"{name} gives {_list(counts)} training images, but {_list(expected)} were planned"
        )
        raise DataError(code="LT403", message=message, hint="plan and run on the same files")
    parts = {"train": train, "validation": held_out, "test": test}
    if reader.statistics is None:
        mean, std = channel_statistics(train.images)
    else:
        mean, std = (np.asarray(values, np.float32) for values in reader.statistics)
    return LoadedData(
        train=train,
        validation=held_out,
        test=test,
        counts=counts,
        fingerprint={
            part: fingerprint(arrays.labels, arrays.images)
            for part, arrays in parts.items()
            if arrays is not None
        },
        mean=mean,
        std=std,
    )


def _list(counts: Sequence[int]) -> str:
    """``5000, 2997, …, 50 (12406)``: counts of a sentence's length."""
    shown = [str(n) for n in counts]
    if len(shown) > 10:
        shown = [*shown[:3], "…", *shown[-2:]]
    return f"{', '.join(shown)} (in all {sum(counts)})"
