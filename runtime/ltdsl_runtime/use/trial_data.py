"""Whether a data set does what every data set does: `ltdsl tricks --test NAME`."""

from __future__ import annotations

import io
import json
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ltdsl.options import Origin, RunOptions
from ltdsl.plan import Plan
from ltdsl.plugins.loading import load as load_plugins
from ltdsl.system import children
from ltdsl.system.terminal import data as write
from ltdsl.wording import counted
from ltdsl_runtime.data import load_data
from ltdsl_runtime.data.readers import load, read
from ltdsl_runtime.use.outcome import FailedError, outcome
from ltdsl_runtime.use.smoke import smoke

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from ltdsl.catalogue import Dataset
    from ltdsl.display.console import Console
    from ltdsl_runtime.data.part import Part
    from ltdsl_runtime.data.reading import Reading
    from ltdsl_runtime.use.outcome import Outcome

#: Images of a part that are looked at, evenly from all of it.
IMAGES = 2000

_BATCH = 64

#: Seconds that another process has to read the data set.
_PATIENCE = 600


class DataTrial:
    """The checks of a data set, in order.

    Args:
        entry: Its declaration.
        files: Its folder; None where it needs none.
        compiled: A recipe's text to its plan, or to what is wrong with it.
        silent: A console that nobody sees.
    """

    def __init__(
        self,
        entry: type[Dataset],
        files: Path | None,
        compiled: Callable[[str], Plan | str],
        silent: Console,
    ) -> None:
        self.entry = entry
        self._files = files
        self._compiled = compiled
        self._silent = silent
        self._found: Reading

    def __call__(self) -> Iterator[Outcome]:
        """Each check as it is over; the others are left out where one of the first fails, on which they stand."""
        first = {
            "it is declared": self._declared,
            "it is read": self._read,
            "its labels": self._labels,
        }
        others = {
            "its counts": self._counts,
            "its images": self._images,
            "it is the same each time": self._again,
            "it is the same from several threads": self._threads,
            "images by number": self._numbers,
            "parts of parts": self._taken,
            "it can be handed to another process": self._pickled,
            "another process reads the same": self._elsewhere,
            "its split": self._split,
            "it trains": self._trains,
        }
        for name, check in {**first, **others}.items():
            found = outcome(name, check)
            yield found
            if found.passed is False and name in first:
                return

    # ── what it is ──────────────────────────────────────────────────────────────────────────────

    def _declared(self) -> str:
        self._plan()
        without = "" if self.entry.citation else ", without citation"
        return f"{self.entry.kind} `{self.entry.name}`: {self.entry.summary()}{without}"

    def _read(self) -> str:
        self._found = self._reading()
        said = []
        for name, part in self._parts():
            shape = part.shape
            if len(shape) != 3 or not all(isinstance(n, int) and n > 0 for n in shape):
                raise FailedError(f"the shape of its {name} part is {shape!r}, not (C, H, W)")
            if shape != self._found.train.shape:
                raise FailedError(
                    f"images of the {name} part have the shape {shape}, those of the training part "
                    f"{self._found.train.shape}"
                )
            if not len(part):
                raise FailedError(f"its {name} part is empty")
            said.append(f"{name} {len(part):,}")
        return f"{', '.join(said)} images of {'×'.join(map(str, self._found.train.shape))}"

    def _labels(self) -> str:
        names = self._found.train.class_names
        if not all(isinstance(each, str) and each for each in names) or len(set(names)) < len(
            names
        ):
            raise FailedError("its class names are not all different, or not all text")
        for name, part in self._parts():
            labels = part.labels
            if part.class_names != names:
                raise FailedError(f"the {name} part has other classes than the training part")
            if labels.dtype != np.int32 or labels.shape != (len(part),):
                raise FailedError(
                    f"labels of the {name} part are {labels.dtype} {labels.shape}, not int32 ({len(part)},)"
                )
            if labels.min() < 0 or labels.max() >= len(names):
                raise FailedError(
                    f"labels of the {name} part go from {labels.min()} to {labels.max()}, and there are "
                    f"{counted(len(names), 'class')}"
                )
            counts = np.bincount(labels, minlength=len(names))
            if tuple(part.counts()) != tuple(counts.tolist()):
                raise FailedError(f"counts() of the {name} part are not those of its labels")
        return f"{counted(len(names), 'class')}, numbered from 0"

    def _counts(self) -> str:
        """What the declaration says before any file is read, against what there is."""
        read(self._plan().dataset, self._files)  # what a run stops on
        there = self._found.train.counts()
        available = self.entry.available
        if available is not None and tuple(available) != there:
            label = next(
                (
                    c
                    for c, pair in enumerate(zip(available, there, strict=False))
                    if pair[0] != pair[1]
                ),
                min(len(available), len(there)),
            )
            raise FailedError(
                f"`available` has {counted(len(available), 'class')} and the files {len(there):,}; they differ "
                f"first at class {label}"
            )
        dataset = self._plan().dataset
        declared, kept = dataset.class_counts(), dataset.class_counts(there)
        if declared is not None and declared != kept:
            raise FailedError("class_counts() says other counts than there are files for")
        if kept is None or any(k > n or k < 1 for k, n in zip(kept, there, strict=True)):
            raise FailedError(
                "class_counts() asks for more images of a class than there are, or for none"
            )
        return f"{max(kept):,} down to {min(kept):,} images of a class" + (
            ", as declared" if declared else ", which the files say"
        )

    # ── its images ──────────────────────────────────────────────────────────────────────────────

    def _images(self) -> str:
        seen = 0
        for name, part in self._parts():
            values = set()
            for batch in _batches(_evenly(len(part), IMAGES)):
                images = self._batch(name, part, batch)
                values |= {int(images.min()), int(images.max())}
                seen += len(images)
            if len(values) == 1:
                raise FailedError(f"all pixels of the {name} part are {values.pop()}")
        return f"{seen:,} of {sum(len(part) for _, part in self._parts()):,} looked at: uint8, of one shape"

    def _batch(self, name: str, part: Part, indices: NDArray[np.int64]) -> NDArray[np.uint8]:
        images = part.batch(indices)
        if not isinstance(images, np.ndarray):
            raise FailedError(f"a batch of the {name} part is a {type(images).__name__}, no array")
        wanted = (len(indices), *part.shape)
        if images.dtype != np.uint8 or images.shape != wanted:
            raise FailedError(
                f"a batch of the {name} part is {images.dtype} {images.shape}, not uint8 {wanted}"
            )
        return images

    def _again(self) -> str:
        second = self._reading()
        for name, part in self._parts():
            other = second.parts[name]
            few = _evenly(len(part), _BATCH)
            if not np.array_equal(part.labels, other.labels):
                raise FailedError(f"labels of the {name} part are others when it is read again")
            if not _same(part, other, few):
                raise FailedError(f"images of the {name} part are others when it is read again")
            first, again = part.fingerprint(), other.fingerprint()
            if first != again:
                raise FailedError(f"the fingerprint of the {name} part is another one each time")
            if len(first) != 64 or set(first) - set("0123456789abcdef"):
                raise FailedError(f"the fingerprint of the {name} part is not 64 hex digits")
            images = part.batch(few)
            kept = images.copy()
            try:
                images[...] = 255 - images
            except ValueError:
                raise FailedError("a batch cannot be written to: it has to be a copy") from None
            if not np.array_equal(part.batch(few), kept):
                raise FailedError("a batch is no copy: whoever changes it changes the data set")
        return "labels, pixels and fingerprints are equal"

    def _threads(self) -> str:
        part = self._found.train
        few = [_evenly(len(part), _BATCH)[start::4] for start in range(4)]
        alone = [part.batch(each) for each in few]
        with ThreadPoolExecutor(4) as pool:
            together = list(pool.map(part.batch, few * 4))
        for number, images in enumerate(together):
            if not np.array_equal(images, alone[number % 4]):
                raise FailedError("images are others when four threads ask for them at once")
        return "four at once see the same pixels"

    def _numbers(self) -> str:
        part, last = self._found.train, len(self._found.train) - 1
        twice = part.batch(np.array([last, 0, last], np.int64))
        if not np.array_equal(twice[0], twice[2]):
            raise FailedError("an image that is asked for twice in a batch is two")
        if not np.array_equal(twice, part.batch([last, 0, last])):
            raise FailedError("a list of numbers gives other images than an array of them")
        none = part.batch(np.empty(0, np.int64))
        if none.shape != (0, *part.shape):
            raise FailedError(f"a batch of no images has the shape {none.shape}")
        for wrong in (last + 1, -last - 2, 2**62):
            try:
                part.batch(np.array([wrong], np.int64))
            except Exception:  # noqa: S112 - any refusal will do
                continue
            raise FailedError(
                f"number {wrong} of {last + 1:,} images is answered, and refused by none"
            )
        return "twice, none, and beyond the end, which is refused"

    def _taken(self) -> str:
        part = self._found.train
        order = _evenly(len(part), _BATCH)[::-1].copy()
        taken = part.take(order)
        if len(taken) != len(order) or not np.array_equal(taken.labels, part.labels[order]):
            raise FailedError("take() gives other labels than those that were asked for")
        everything = np.arange(len(order))
        if not np.array_equal(taken.batch(everything), part.batch(order)):
            raise FailedError("take() gives other images than those that were asked for")
        if len(part.take(np.empty(0, np.int64))):
            raise FailedError("take() of nothing gives something")
        if part.fingerprint() == taken.fingerprint():
            raise FailedError("the fingerprint is that of other images, too")
        if part.units is not None and part.units.shape != (len(part),):
            raise FailedError("units are not one a image")
        return "in the order that was asked for"

    # ── other processes ─────────────────────────────────────────────────────────────────────────

    def _pickled(self) -> str:
        for name, part in self._parts():
            small = part.take(_evenly(len(part), _BATCH))
            held = io.BytesIO()
            pickle.dump(small, held)
            held.seek(0)
            back = pickle.load(held)  # noqa: S301 - what this process has just written
            if not _same(small, back, np.arange(len(small))):
                raise FailedError(f"the {name} part is another one after pickle")
        return f"with pickle, {counted(len(self._parts()), 'part')}"

    def _elsewhere(self) -> str:
        files = str(self._files.resolve()) if self._files else None
        asked = {"plan": self._plan().model_dump(mode="json", by_alias=True), "files": files}
        done = subprocess.run(
            children.command("ltdsl_runtime.use.trial_data"),
            input=json.dumps(asked),
            env=children.environment(),
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )
        if done.returncode:
            lines = done.stderr.strip().splitlines() or ["it failed"]
            raise FailedError(
                next((each for each in reversed(lines) if each[:1].strip()), lines[-1])
            )
        here = load_data(self._plan(), self._files).fingerprint
        if json.loads(done.stdout.splitlines()[-1]) != here:
            raise FailedError("its fingerprints are others there: workers would refuse each other")
        return "fingerprints are equal"

    def _split(self) -> str:
        plan = self._plan()
        first, again = (load_data(plan, self._files) for _ in range(2))
        if first.fingerprint != again.fingerprint:
            raise FailedError("the same seed splits it in another way each time")
        kept = plan.dataset.class_counts(self._found.train.counts())
        if kept != first.class_counts:
            raise FailedError("its split has other counts than its declaration")
        other = load_data(plan.model_copy(update={"split_seed": 1}), self._files)
        moved = other.fingerprint["train"] != first.fingerprint["train"]
        return "equal each time" + (", and another one for another seed" if moved else "")

    def _trains(self) -> str:
        smoke(
            self._plan(),
            Origin(),
            self._silent,
            RunOptions(device="cpu", data=self._files, no_cache=True),
        )
        return "a few steps, an evaluation and an export"

    # ── what they stand on ──────────────────────────────────────────────────────────────────────

    def _plan(self) -> Plan:
        required = [i.alias or n for n, i in self.entry.model_fields.items() if i.is_required()]
        if required:
            raise FailedError(
                f"it must be given `{required[0]}`: data sets are tried with their defaults, and --data names the files"
            )
        plan = self._compiled(f"dataset = {self.entry.name}; validation = 10%; stage1: ce")
        if isinstance(plan, str):
            raise FailedError(plan)
        return plan

    def _reading(self) -> Reading:
        return load(self._plan().dataset, self._files)

    def _parts(self) -> list[tuple[str, Part]]:
        return [(name, part) for name, part in self._found.parts.items()]


def _same(one: Part, other: Part, indices: NDArray[np.int64]) -> bool:
    """Whether parts have the same images and labels at some places."""
    return np.array_equal(one.labels[indices], other.labels[indices]) and np.array_equal(
        one.batch(indices), other.batch(indices)
    )


def _evenly(length: int, most: int) -> NDArray[np.int64]:
    """Numbers of at most so many images, from all of a part."""
    number = min(length, most)
    return np.arange(number, dtype=np.int64) * length // max(number, 1)


def _batches(indices: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    for start in range(0, len(indices), _BATCH):
        yield indices[start : start + _BATCH]


def _fingerprints(asked: dict[str, Any]) -> dict[str, str]:
    """Of the parts of a data set, as this process reads them."""
    load_plugins()
    files = Path(asked["files"]) if asked["files"] else None
    return load_data(Plan.model_validate(asked["plan"]), files).fingerprint


if __name__ == "__main__":
    write(json.dumps(_fingerprints(json.load(sys.stdin))) + "\n")
