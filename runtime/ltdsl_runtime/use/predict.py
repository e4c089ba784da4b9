"""Predictions for image files."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ltdsl_runtime.data.errors import DataError
from ltdsl_runtime.data.files import threads
from ltdsl_runtime.data.image import View
from ltdsl_runtime.data.walk import SUFFIX_HINT, Account, images_below
from ltdsl_runtime.errors import RunError
from ltdsl_runtime.machine.device import as_begun, prepare

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ltdsl_runtime.use.trained import Trained

#: Images of a step, where there are so many. One shape, so the graph is compiled once.
BATCH_SIZE = 32


class Member(NamedTuple):
    """A class of an image's set.

    Attributes:
        rank: Its place among all classes, the most probable first, from 1.
        label: The class.
        confidence: Its probability, 0–1.
    """

    rank: int
    label: int
    confidence: float


@dataclass(frozen=True)
class Prediction:
    """What a network sees in an image file.

    Attributes:
        path: The file.
        classes: The most probable classes, the first one first.
        confidences: Their probabilities, 0–1.
        members: The classes of its set, the most probable first, where sets were asked for.
        error: Why the image could not be read; there are no classes then.
    """

    path: Path
    classes: tuple[int, ...] = ()
    confidences: tuple[float, ...] = ()
    members: tuple[Member, ...] | None = None
    error: RunError | None = None


def find_images(names: Sequence[str]) -> list[Path]:
    """Image files that names stand for: files as they are, folders with all images below them, patterns.

    Raises:
        RunError: LT415, a name stands for nothing.
    """
    found: dict[Path, None] = {}
    for name in names:
        path = Path(name)
        if path.is_dir():
            files = sorted(path / below for below in images_below(str(path), "", Account()))
        elif path.exists() or not glob.has_magic(name):
            files = [path]  # one that is missing is reported with those that are unreadable
        else:
            files = sorted(_matching(path))
        if not files:
            what = "no image" if path.is_dir() else "no file"
            raise RunError("LT415", f"{what} in {name}", SUFFIX_HINT)
        found |= dict.fromkeys(files)
    return list(found)


def _matching(pattern: Path) -> Iterator[Path]:
    """The files that a pattern stands for; `**` follows no links, which may lead round in a circle, nor hidden ones."""
    below = pattern.relative_to(pattern.anchor)
    for path in Path(pattern.anchor).glob(str(below)):
        new = [part for part in path.parts if part.startswith(".") and part not in pattern.parts]
        if not new and path.is_file():
            yield path


def predict(
    run: Trained,
    checkpoint: str,
    paths: Sequence[Path],
    top: int,
    device: str = "auto",
    coverage: float | None = None,
) -> Iterator[Prediction]:
    """Predict the classes of images as a run's evaluation would see them.

    Args:
        run: The run.
        checkpoint: ``last``, ``best`` or a path.
        paths: Image files.
        top: Classes to name for each, at most.
        device: ``auto``, or a name of :data:`ltdsl_runtime.machine.device.TARGETS`.
        coverage: Name a set of classes for each too, which holds the right one that often, as a mean over classes; in
            (0, 1).

    Yields:
        A prediction for each file, in order.

    Raises:
        RunError: LT411 to LT413, the checkpoint cannot be used; LT416, sets cannot be made.
    """
    run.checkpoint(checkpoint)
    prepare(as_begun(device, run.facts.last_leg))
    # they import mindspore, which must find the environment prepared
    from mindspore import Tensor

    from ltdsl_runtime.graph.evaluation import Inference
    from ltdsl_runtime.use.inference import load_model
    from ltdsl_runtime.use.sets import sets_of

    sets = None if coverage is None else sets_of(run, checkpoint, coverage)
    model = load_model(run, checkpoint)
    step = plain = model.inference()
    if model.outcome is not model.network:  # sets are of the logits before a correction
        plain = Inference(model.network, model.normalise, model.confidence)
    view = View(**run.data.view.model_dump())
    size = min(BATCH_SIZE, len(paths))
    batch = np.zeros((size, view.channels, view.height, view.width), np.uint8)
    for start in range(0, len(paths), size):
        chunk = paths[start : start + size]
        inputs = list(threads().map(lambda path: _read(path, view), chunk))
        for row, image in enumerate(inputs):
            batch[row] = 0 if isinstance(image, RunError) else image
        logits, probabilities = (output.asnumpy() for output in step(Tensor(batch)))
        # by logits: probabilities can be equal, 1 in float32, where logits differ
        order = np.argsort(-logits, axis=1, kind="stable")[:, :top]
        members = None
        if sets is not None:
            uncorrected = logits if plain is step else plain(Tensor(batch))[0].asnumpy()
            members = sets.of(uncorrected)
        for row, (path, image) in enumerate(zip(chunk, inputs, strict=True)):
            if isinstance(image, RunError):
                yield Prediction(path, error=image)
                continue
            best = order[row].tolist()
            own = None
            if members is not None:
                everything = np.argsort(-logits[row], kind="stable").tolist()
                own = tuple(
                    Member(rank, label, float(probabilities[row, label]))
                    for rank, label in enumerate(everything, 1)
                    if members[row, label]
                )
            yield Prediction(path, tuple(best), tuple(probabilities[row, best].tolist()), own)


def _read(path: Path, view: View) -> NDArray[np.uint8] | RunError:
    try:
        return view(view.open(path))
    except DataError as error:
        return error
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror or error}"
        return DataError("LT402", message, "put that right, or leave it out")
