"""Data sets: from a plan to labelled images. Does not import mindspore."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ltdsl.survey import Note, Surveyed
from ltdsl.wording import counted
from ltdsl_runtime.data.arrays import ImageArrays, channel_statistics
from ltdsl_runtime.data.copies import about_copies
from ltdsl_runtime.data.errors import DataError
from ltdsl_runtime.data.files import ImageFiles, must_be_there
from ltdsl_runtime.data.names import called
from ltdsl_runtime.data.readers import READERS, Reader, read
from ltdsl_runtime.data.reading import Reading, few
from ltdsl_runtime.data.split import long_tailed_split
from ltdsl_runtime.plugged import implementation

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from numpy.typing import NDArray

    from ltdsl.catalogue import Dataset
    from ltdsl.catalogue.datasets import Choice
    from ltdsl.plan import Plan
    from ltdsl.runs.facts import Facts
    from ltdsl_runtime.data.part import Part

__all__ = [
    "READERS",
    "DataError",
    "ImageArrays",
    "LoadedData",
    "Reader",
    "left_out_lines",
    "load_data",
    "load_dataset",
    "must_be_same",
    "read",
    "survey",
    "unreadable",
]


@dataclass(frozen=True)
class LoadedData:
    """A data set, ready for training.

    Attributes:
        train: The long-tailed training part, without the validation part.
        validation: The validation part; None where no image is held out.
        test: The whole test part.
        counts: Training images of each class, ``[C]``, validation taken out.
        fingerprint: Part name -> :meth:`ltdsl_runtime.data.part.Part.fingerprint` of that part.
        mean: Channel means of pixels scaled to 0–1, float32 ``[channels]``.
        std: Channel standard deviations, likewise; never 0.
        notes: What the data's owner should know.
        drawn: Whether the validation part was taken out of the training images; else the data brought it.
    """

    train: Part
    validation: Part | None
    test: Part
    counts: tuple[int, ...]
    fingerprint: dict[str, str]
    mean: NDArray[np.float32]
    std: NDArray[np.float32]
    notes: tuple[Note, ...] = ()
    drawn: bool = True

    def completed(self, plan: Plan) -> Plan:
        """The plan with what only the files say."""
        brought = plan.validation and not self.drawn
        known = {
            "class_counts": self.class_counts,
            "validation_from": "data" if brought else "training",
        }
        return plan.model_copy(update=known)

    @property
    def parts(self) -> dict[str, Part]:
        """All parts by name."""
        return _parts(self.train, self.validation, self.test)

    def describe(self) -> dict[str, Any]:
        """What later commands need to know of the data, JSON-able, for run.json.

        Returns:
            ``classes``, their names; ``train_counts``; ``mean`` and ``std``; and ``view``, the
            fields of a :class:`ltdsl_runtime.data.image.View`.
        """
        return {
            "classes": list(self.test.class_names),
            "train_counts": list(self.counts),
            "mean": self.mean.tolist(),
            "std": self.std.tolist(),
            "view": asdict(self.test.view),
        }

    @property
    def class_counts(self) -> tuple[int, ...]:
        """Training images of each class, validation included: what a plan calls by this name."""
        drawn = self.validation if self.drawn else None
        held = drawn.counts() if drawn else (0,) * len(self.counts)
        return tuple(count + part for count, part in zip(self.counts, held, strict=True))


def load_data(
    plan: Plan,
    folder: Path | None,
    root: Path | None = None,
    left_out: Collection[str] = (),
) -> LoadedData:
    """Read the data that a plan names.

    Args:
        plan: Its class counts are checked, where it has any.
        folder: What ``--data`` names.
        root: The recipe's folder, which paths in the recipe are relative to.
        left_out: Names of files to go without.

    Raises:
        DataError: They are missing, damaged or not those that were planned.
    """
    loaded = load_dataset(
        plan.dataset, folder, plan.validation, plan.split_seed, plan.class_counts, root, left_out
    )
    published = plan.published
    if published is None or loaded.train.shape[0] != len(published.mean):
        return loaded
    # as the weights have seen images, whatever others of their kind are normalised with
    mean, std = (np.asarray(each, np.float32) for each in (published.mean, published.std))
    return replace(loaded, mean=mean, std=std)


def must_be_same(data: LoadedData, facts: Facts, run: Path) -> None:
    """Refuse other data than those of a run, and the same images under other names of classes.

    Args:
        data: What was read.
        facts: The run's run.json.
        run: The run directory.

    Raises:
        DataError: LT403.
    """
    if data.fingerprint != facts.data_sha256:
        message = f"these are not the images that {run} was begun with"
        raise DataError("LT403", message, "name the same --data")
    before = facts.data.classes if facts.data is not None else ()
    for label, (was, now) in enumerate(zip(before, data.train.class_names, strict=False)):
        if called(was) != now:
            message = (
                f"class {label} is called `{now}` in the data, and was `{was}` as {run} was begun"
            )
            raise DataError("LT403", message, "number and name the classes as they were")


def unreadable(dataset: Dataset, folder: Path | None, root: Path | None = None) -> dict[str, str]:
    """Read every image of a data set once.

    Returns:
        The names of files that cannot be read, each with a sentence that says why; none where images are in memory.

    Raises:
        DataError: The data set itself is missing or damaged.
    """
    found: dict[str, str] = {}
    parts = read(dataset, folder, root).parts.values()
    must_be_there(parts, mostly=True)
    for part in parts:
        if isinstance(part, ImageFiles):
            found |= part.unreadable()
    return found


#: Images that cannot be read are told of one by one up to this many; run.json names all.
_MOST_TOLD = 20


def left_out_lines(reasons: Sequence[str]) -> Iterator[str]:
    """What people are told of images that are left out, each with the reason."""
    yield from (f"left out: {why}" for why in reasons[:_MOST_TOLD])
    if len(reasons) > _MOST_TOLD:
        yield f"left out: {len(reasons) - _MOST_TOLD:,} more, which run.json names"


def survey(
    dataset: Dataset,
    folder: Path | None,
    root: Path | None = None,
    left_out: Collection[str] = (),
    validation: float = 0.0,
    split_seed: int = 0,
    whole: bool = False,
) -> Surveyed | None:
    """Count the training images of each class, before a validation part is taken from them.

    Reads labels and lists of files, and of images only ends of files, where ``whole`` looks for copies.

    Args:
        dataset: Its declaration.
        folder: What ``--data`` names.
        root: The recipe's folder.
        left_out: Names of files to go without.
        validation: Share of the training images that is held out.
        split_seed: Decides which.
        whole: See that every file is there too, and look for copies.

    Raises:
        DataError: The files are missing or damaged.
    """
    reading = read(dataset, folder, root, left_out)
    counts = dataset.class_counts(reading.train.counts())
    if counts is None:
        return None
    if whole:
        must_be_there(reading.parts.values())
    train, held = _split(dataset, reading, counts, validation, split_seed)
    notes = (*reading.notes, *_about_validation(reading, train, held, validation))
    if whole:
        notes += tuple(about_copies(dataset, _parts(train, held, reading.test)))
    return Surveyed(counts, notes, reading.validation is None)


def load_dataset(
    dataset: Dataset,
    folder: Path | None,
    validation: float,
    split_seed: int,
    expected: Sequence[int] | None = None,
    root: Path | None = None,
    left_out: Collection[str] = (),
) -> LoadedData:
    """Read a data set and make its training part.

    Args:
        dataset: Its declaration.
        folder: What ``--data`` names; may be None where no file is needed or the declaration names it.
        validation: Share of each class's training images to hold out, in [0, 1).
        split_seed: Decides which images are kept.
        expected: The counts that were planned, validation included; None to take what there is.
        root: The recipe's folder.
        left_out: Names of files to go without.

    Raises:
        DataError: LT401 missing, LT402 damaged, LT403 other counts than planned.
    """
    reading = read(dataset, folder, root, left_out)
    kept = dataset.class_counts(reading.train.counts())
    assert kept is not None
    if expected is not None and tuple(expected) != kept:
        message = f"{dataset.name} gives {_list(kept)} training images, but {_list(expected)} were planned"
        raise DataError("LT403", message, "plan and run on the same files")
    train, held = _split(dataset, reading, kept, validation, split_seed)
    mean, std = _statistics(dataset, train)
    parts = _parts(train, held, reading.test)
    return LoadedData(
        train=train,
        validation=held,
        test=reading.test,
        counts=train.counts(),
        fingerprint={name: part.fingerprint() for name, part in parts.items()},
        mean=mean,
        std=std,
        notes=(*reading.notes, *_about_validation(reading, train, held, validation)),
        drawn=reading.validation is None,
    )


def _split(
    dataset: Dataset,
    reading: Reading,
    counts: Sequence[int],
    validation: float,
    split_seed: int,
) -> tuple[Part, Part | None]:
    """The training part, and the validation part where one is wanted: that of the data, or one drawn."""
    pool = reading.train
    share = 0.0 if reading.validation is not None else validation
    choice: Choice = getattr(dataset, "split", "nested")
    split = long_tailed_split(pool.labels, counts, share, split_seed, pool.units, choice)
    train = pool.take(split.train)
    if validation and reading.validation is not None:
        return train, reading.validation
    return train, pool.take(split.validation) if len(split.validation) else None


def _parts(train: Part, validation: Part | None, test: Part) -> dict[str, Part]:
    named = {"train": train, "validation": validation, "test": test}
    return {name: part for name, part in named.items() if part is not None}


def _about_validation(
    reading: Reading, train: Part, held: Part | None, validation: float
) -> Iterator[Note]:
    """Which part is validated with, and whether it can choose anything."""
    brought = reading.validation
    if brought is not None and not validation:
        message = f"not read: the validation part, {counted(len(brought), 'image')}, as the recipe holds none out"
        yield Note(
            "LT405", message, "validation = 0.1, or any other share, has them used", "advice"
        )
    elif brought is not None:
        message = (
            f"the data bring a validation part of {counted(len(brought), 'image')}: it is used in place of "
            f"{validation:.3g} of the training images"
        )
        yield Note("LT408", message, level="advice")
    if not validation or (brought is None and reading.train.units is None):
        return  # what the counts alone say is said of the recipe
    counts = held.counts() if held is not None else (0,) * len(train.class_names)
    without = [train.class_names[label] for label, count in enumerate(counts) if not count]
    if without:
        message = (
            f"the validation part has {counted(sum(counts), 'image')}, and none of {len(without):,} of "
            f"{counted(len(counts), 'class')}: {few(without)}"
        )
        yield Note(
            "LT408",
            message,
            "a larger `validation`, or more images, would let them have a say in what is best",
        )


def _statistics(dataset: Dataset, train: Part) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Published ones, or those of the training part, which is then in memory."""
    published = implementation(READERS, dataset).statistics
    if published is not None:
        mean, std = (np.asarray(values, np.float32) for values in published)
        return mean, std
    assert isinstance(train, ImageArrays)
    return channel_statistics(train.images)


def _list(counts: Sequence[int]) -> str:
    """``5000, 2997, …, 50 (12406)``: counts of a sentence's length."""
    shown = [str(n) for n in counts]
    if len(shown) > 10:
        shown = [*shown[:3], "…", *shown[-2:]]
    return f"{', '.join(shown)} (in all {sum(counts)})"
