"""Which code reads which data set."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ltdsl.catalogue import ImageFolder
from ltdsl_runtime.data import cifar, digits, folders, lists, npz
from ltdsl_runtime.data.errors import DataError
from ltdsl_runtime.data.files import ImageFiles
from ltdsl_runtime.data.labels import FROM_0, are
from ltdsl_runtime.data.reading import Reading, classes_of
from ltdsl_runtime.data.walk import SUFFIX_HINT
from ltdsl_runtime.plugged import implementation

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from ltdsl.catalogue import Dataset
    from ltdsl_runtime.data.part import Part

Statistics = tuple[tuple[float, ...], tuple[float, ...]]


@dataclass(frozen=True)
class Reader:
    """How a data set is read.

    Attributes:
        load: Declaration, folder -> what is there. An embedded data set ignores its folder.
        statistics: Published (mean, std) to normalise with, or None: those of the training part, which is in memory.
    """

    load: Callable[[Any, Path], Reading]
    statistics: Statistics | None = None


#: What images of the world are normalised with, whatever the data set: that of ImageNet.
IMAGENET: Statistics = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))

#: As the published results on iNaturalist 2018 do.
INAT18: Statistics = ((0.466, 0.471, 0.380), (0.195, 0.194, 0.192))

READERS: dict[str, Reader] = {
    "digits_lt": Reader(lambda *_: Reading(*digits.load())),
    "cifar10_lt": Reader(
        lambda _, path: Reading(*cifar.load_cifar10(path)), (cifar.MEAN, cifar.STD)
    ),
    "cifar100_lt": Reader(
        lambda _, path: Reading(*cifar.load_cifar100(path)), (cifar.MEAN, cifar.STD)
    ),
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
    *,
    anyhow: bool = False,
) -> Reading:
    """Read all of a data set's training pool, its test part, and a validation part where it brings one.

    Args:
        dataset: Its declaration.
        folder: What ``--data`` names; it comes before a path in the recipe, which another machine may not have.
        root: The recipe's folder, which paths in the recipe are relative to.
        left_out: Names of files to go without.
        anyhow: Give what is there to be counted, with the problems that a run stops on.

    Raises:
        DataError: LT401 missing, LT402 damaged, LT403 a class without training images, among others.
    """
    reading = load(dataset, folder, root)
    whole = reading.train
    if left_out:
        kept = {
            name: part.without(left_out) if isinstance(part, ImageFiles) else part
            for name, part in reading.parts.items()
        }
        validation = kept.get("validation")
        reading = replace(reading, train=kept["train"], test=kept["test"], validation=validation)
    problems = (*_few_classes(dataset, reading.train), *_empty(dataset, whole, reading.train))
    reading = replace(reading, problems=(*reading.problems, *problems))
    if reading.problems and not anyhow:
        raise reading.problems[0]
    return reading


def load(dataset: Dataset, folder: Path | None, root: Path | None = None) -> Reading:
    """What a data set's reader gives, as it gives it.

    Arguments and errors are those of :func:`read`.
    """
    reader = implementation(READERS, dataset)
    return reader.load(dataset, _place(dataset, folder, root or Path()))


def _few_classes(dataset: Dataset, pool: Part) -> Iterator[DataError]:
    if len(pool.class_names) < 2:
        message = f"{dataset.name} has only one class, {pool.class_names[0]}"
        hint = "add another, or name the folder that has the class folders"
        yield DataError("LT403", message, hint)


def _empty(dataset: Dataset, whole: Part, pool: Part) -> Iterator[DataError]:
    """Classes without a training image, with the reason."""
    names, counts = pool.class_names, pool.counts()
    unread = [names[c] for c, count in enumerate(whole.counts()) if count and not counts[c]]
    if unread:
        message = f"{dataset.name} has no training image of {classes_of(unread)} that can be read"
        yield DataError("LT403", message, "replace them, or take the class away")
    empty = [names[c] for c, count in enumerate(whole.counts()) if not count]
    if not empty:
        return
    message = f"{dataset.name} has no training image of {classes_of(empty)}"
    if isinstance(dataset, ImageFolder):
        yield DataError("LT403", message, f"every class needs at least one: {SUFFIX_HINT}")
    else:
        yield DataError("LT403", f"{message}: {are(pool.labels)}", FROM_0)


def _place(dataset: Dataset, folder: Path | None, root: Path) -> Path:
    """The folder that a data set is read from."""
    if folder is not None or not dataset.needs_files:
        return folder or root
    path = getattr(dataset, "path", None)
    if path is None:
        message = f"{dataset.name} reads its images from files, and no folder was given"
        raise DataError("LT401", message, "pass --data DIR")
    return root / str(path)
