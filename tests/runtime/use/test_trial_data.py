"""`ltdsl tricks --test NAME` of a data set: what holds for ours, and each fault of another's is found by its check."""

from __future__ import annotations

import itertools
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from ltdsl_runtime.data.arrays import ImageArrays
from ltdsl_runtime.data.readers import READERS, Reader
from ltdsl_runtime.data.reading import Reading
from ltdsl_runtime.use.trial_data import DataTrial
from support.image_files import write_digits

from ltdsl.catalogue import DATASETS
from ltdsl.catalogue.datasets import DigitsLT, LongTailed
from ltdsl.cli.commands.explain import _plan_of
from ltdsl.display.console import Console

NAMES = ("a", "b", "c")


class Blobs(LongTailed):
    """Three kinds of blobs."""

    name = "blobs_lt"
    available: ClassVar = (40, 40, 40)
    needs_files = False
    protocol = DigitsLT.protocol


def arrays(images: int = 40, shape: tuple[int, ...] = (1, 16, 16), seed: int = 0) -> ImageArrays:
    pixels = np.random.default_rng(seed).integers(0, 256, (3 * images, *shape), np.uint8)
    labels = np.repeat(np.arange(3, dtype=np.int32), images)
    return ImageArrays(pixels, labels, NAMES)


@dataclass(frozen=True)
class Theirs:
    """Somebody's own kind of part, around one that is right."""

    right: ImageArrays

    units: ClassVar = None

    def __getattr__(self, name: str) -> Any:
        if name == "right":
            raise AttributeError(name)
        return getattr(self.right, name)

    def __len__(self) -> int:
        return len(self.right)

    def take(self, indices: Any) -> Any:
        return replace(self, right=self.right.take(indices))

    def batch(self, indices: Any, chain: Any = (), parameters: Any = ()) -> Any:
        return self.right.batch(indices, chain, parameters)


class Wrapping(Theirs):
    def batch(self, indices, chain=(), parameters=()):
        return self.right.batch(np.asarray(indices) % len(self), chain, parameters)


class Float(Theirs):
    def batch(self, indices, chain=(), parameters=()):
        return self.right.batch(indices, chain, parameters) / np.float32(255)


class Smaller(Theirs):
    def batch(self, indices, chain=(), parameters=()):
        return self.right.batch(indices, chain, parameters)[..., :-1]


class Kept(Theirs):
    """Hands out the array that it keeps."""

    held: ClassVar = {}

    def batch(self, indices, chain=(), parameters=()):
        key = (id(self), bytes(np.asarray(indices)))
        if key not in self.held:
            self.held[key] = self.right.batch(indices, chain, parameters)
        return self.held[key]


class OtherTake(Theirs):
    def take(self, indices):
        return replace(self, right=self.right.take(np.sort(indices)))


class OneName(Theirs):
    def fingerprint(self):
        return "0" * 64


class Unpicklable(Theirs):
    def __reduce__(self):
        raise TypeError("an open file cannot be pickled")


class Unsafe(Theirs):
    """Threads meet in one buffer."""

    buffer: ClassVar = {}
    together: ClassVar = threading.Barrier(4)

    def batch(self, indices, chain=(), parameters=()):
        images = self.right.batch(indices, chain, parameters)
        if threading.current_thread() is threading.main_thread():
            return images
        self.buffer["images"] = images
        self.together.wait(10)
        return self.buffer["images"]


drawn = itertools.count()


def reading(train: Any = None, test: Any = None) -> Reading:
    return Reading(
        arrays() if train is None else train, arrays(8, seed=1) if test is None else test
    )


def wrong_labels(label: int, kind: Any = np.int32) -> ImageArrays:
    """A part whose last label is another, which ImageArrays would take."""
    part = arrays()
    labels = part.labels.copy()
    labels[-1] = label
    made = replace(part, labels=labels)
    object.__setattr__(made, "labels", labels.astype(kind))
    return made


FAULTS = {
    "labels beyond the classes": (lambda: reading(wrong_labels(3)), "its labels", "from 0 to 3"),
    "negative labels": (lambda: reading(wrong_labels(-1)), "its labels", "from -1"),
    "labels of another type": (
        lambda: reading(wrong_labels(2, np.int64)),
        "its labels",
        "int64",
    ),
    "a name twice": (
        lambda: reading(replace(arrays(), class_names=("a", "b", "b"))),
        "its labels",
        "class names",
    ),
    "other classes in the test part": (
        lambda: reading(test=replace(arrays(8), class_names=("c", "b", "a"))),
        "its labels",
        "other classes",
    ),
    "another shape in the test part": (
        lambda: reading(test=arrays(8, (1, 8, 8))),
        "it is read",
        "have the shape",
    ),
    "an empty test part": (lambda: reading(test=arrays(0)), "it is read", "is empty"),
    "other counts than declared": (lambda: reading(arrays(39)), "its counts", "class 0"),
    "images of another type": (lambda: reading(Float(arrays())), "its images", "float32"),
    "images of another size": (lambda: reading(Smaller(arrays())), "its images", "not uint8"),
    "images of nothing": (
        lambda: reading(replace(arrays(), images=np.zeros((120, 1, 16, 16), np.uint8))),
        "its images",
        "all pixels",
    ),
    "other images each time": (
        lambda: reading(arrays(seed=next(drawn))),
        "it is the same each time",
        "read again",
    ),
    "batches that are no copies": (
        lambda: reading(Kept(arrays())),
        "it is the same each time",
        "no copy",
    ),
    "one fingerprint for all": (
        lambda: reading(OneName(arrays())),
        "parts of parts",
        "that of other images",
    ),
    "threads that meet": (
        lambda: reading(Unsafe(arrays())),
        "it is the same from several threads",
        "four threads",
    ),
    "numbers that wrap around": (
        lambda: reading(Wrapping(arrays())),
        "images by number",
        "number 120 of 120",
    ),
    "parts in another order": (lambda: reading(OtherTake(arrays())), "parts of parts", "asked for"),
    "what cannot be handed on": (
        lambda: reading(Unpicklable(arrays())),
        "it can be handed to another process",
        "open file",
    ),
}


def trial(monkeypatch, load: Any) -> DataTrial:
    monkeypatch.setitem(DATASETS, Blobs.name, Blobs)
    monkeypatch.setitem(READERS, Blobs.name, Reader(load))
    return DataTrial(Blobs, None, _plan_of, Console(quiet=True))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found_by_its_check(monkeypatch, fault):
    made, check, said = FAULTS[fault]
    for found in trial(monkeypatch, lambda *_: made())():
        if found.passed is False:
            break
    assert (found.check, found.passed) == (check, False), found
    assert said in found.said


def test_what_it_raises_is_told(monkeypatch):
    def load(*_: object) -> Reading:
        raise KeyError("labels.csv")

    *_, last = trial(monkeypatch, load)()
    assert last == ("it is read", False, "KeyError: 'labels.csv'")


def test_a_right_one_passes_up_to_other_processes(monkeypatch):
    for found in trial(monkeypatch, lambda *_: reading())():
        if found.check == "another process reads the same":
            assert found.passed is False  # it knows nothing of this test
            break
        assert found.passed, found


@pytest.mark.parametrize("name", ["digits_lt", "image_folder"])
def test_ours_pass(name, tmp_path):
    """With images in memory, and in files."""
    files = None
    if name == "image_folder":
        files = tmp_path
        write_digits(files / "train", (12, 8, 4))
        write_digits(files / "test", (3, 3, 3), test=True)
    seen = []
    for found in DataTrial(DATASETS[name], files, _plan_of, Console(quiet=True))():
        seen.append(found.check)
        assert found.passed, found
        if found.check == "its split":
            break  # training is tried where it is at home
    assert len(seen) == 12


def test_one_that_must_be_given_something_says_so(tmp_path: Path):
    class Named(Blobs):
        """One of several."""

        name = "named_blobs"
        which: str

    first, *rest = DataTrial(Named, tmp_path, _plan_of, Console(quiet=True))()
    assert not first.passed
    assert "`which`" in first.said
    assert rest == []
