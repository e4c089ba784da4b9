"""predictions/CHECKPOINT-PART.npz: the arrays of predictions, written and read.

Imports NumPy, which the language itself does without: whoever needs this imports it where it is needed.
"""

from __future__ import annotations

import hashlib
import io
import math
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib import format as npy

from ltdsl.runs import layout
from ltdsl.runs.errors import UnreadableError
from ltdsl.runs.files import content, data, why
from ltdsl.runs.predictions import Checkpoint, PartName, Predictions, stem
from ltdsl.system import opening
from ltdsl.system.files import json_text
from ltdsl.system.writing import write_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

#: Of each array, what it holds.
COLUMNS = {"label": "<i4", "prediction": "<i4", "confidence": "<f4", "logits": "<f4"}

#: The headers have 128 bytes.
_LONGEST_HEADER = 1024


@dataclass(frozen=True)
class Observed:
    """What a network says of each of N images of C classes.

    Attributes:
        label: True classes, int32 [N].
        prediction: Predicted classes, int32 [N].
        confidence: Probabilities of the predicted classes, in [0, 1], float32 [N].
        logits: Before a posthoc correction, float32 [N, C]; None where they are not kept.
    """

    label: NDArray[np.int32]
    prediction: NDArray[np.int32]
    confidence: NDArray[np.float32]
    logits: NDArray[np.float32] | None = None


def write_predictions(
    root: Path, below: str, observed: Observed, durable: bool = False, **facts: Any
) -> Predictions:
    """Write both files of a part's predictions: the arrays, then what they are.

    Args:
        root: A folder; no link in it leads what is written out of it.
        below: The folder in it that takes them; ``root`` itself where it is empty.
        observed: The arrays.
        durable: Wait until they are on the disk.
        **facts: Entries of :class:`ltdsl.runs.predictions.Predictions` that the arrays do not say.

    Raises:
        OSError: They cannot be written.
    """
    arrays = {name: getattr(observed, name) for name in COLUMNS}
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:  # stored, of no date: equal arrays make equal files
        for name, array in arrays.items():
            if array is not None:
                with_header = io.BytesIO()
                np.save(with_header, np.ascontiguousarray(array, COLUMNS[name]))
                archive.writestr(zipfile.ZipInfo(f"{name}.npy"), with_header.getbuffer())
    written = file.getvalue()
    about = Predictions(
        images=len(observed.label),
        logits=observed.logits is not None,
        sha256=hashlib.sha256(written).hexdigest(),
        **facts,
    )
    prefix = f"{below}/{about.stem}" if below else about.stem
    write_in(root, f"{prefix}.npz", written, durable)
    write_in(root, f"{prefix}.json", json_text(about.as_data()), durable)
    return about


def read_predictions(
    run: Path, checkpoint: Checkpoint, part: PartName, logits: bool = False
) -> tuple[Predictions, Observed] | None:
    """The predictions of a part that a folder holds, checked as a stranger's: nothing in them is executed.

    Args:
        run: A run directory, or a folder that ``ltdsl eval --predictions`` filled.
        checkpoint: Whose.
        part: Of which images.
        logits: Read these too, where they are kept.

    Returns:
        What they are, and the arrays; None where there are none.

    Raises:
        UnreadableError: They are damaged, or none.
    """
    for folder in (run / layout.PREDICTIONS, run):
        path = folder / f"{stem(checkpoint, part)}.json"
        if path.exists():
            break
    else:
        return None
    try:
        about = Predictions.model_validate(data(path, opening.RUN_FACTS, run))
        if (about.checkpoint, about.part) != (checkpoint, part):
            raise ValueError("it is of another checkpoint or part than its name says")
        path = path.with_suffix(".npz")
        return about, _observed(about, content(path, opening.PREDICTIONS, run), logits)
    except (OSError, ValueError, RecursionError, zipfile.BadZipFile, EOFError) as error:
        raise UnreadableError(
            f"{path} cannot be read: {why(error)}",
            f"have it made anew: ltdsl eval {run} --predictions {run}",
        ) from error


def _observed(about: Predictions, file: bytes, logits: bool) -> Observed:
    if hashlib.sha256(file).hexdigest() != about.sha256:
        raise ValueError("it is not the file that was written with it: its SHA-256 is another")
    shapes: dict[str, tuple[int, ...]] = dict.fromkeys(COLUMNS, (about.images,))
    shapes["logits"] = (about.images, about.classes)
    with zipfile.ZipFile(io.BytesIO(file)) as archive:
        wanted = [name for name in COLUMNS if name != "logits" or (logits and about.logits)]
        arrays = {name: _array(archive, name, shapes[name]) for name in wanted}
    found = Observed(**arrays)
    for name, why_not in _broken(found, about.classes):
        raise ValueError(f"its `{name}` {why_not}")
    return found


def _array(archive: zipfile.ZipFile, name: str, shape: tuple[int, ...]) -> NDArray[Any]:
    """An array of one type and shape, whatever the file says it unpacks to."""
    kind = np.dtype(COLUMNS[name])
    size = math.prod(shape) * kind.itemsize
    info = archive.NameToInfo.get(f"{name}.npy")
    if info is None:
        raise ValueError(f"it lacks `{name}`")
    if info.compress_type != zipfile.ZIP_STORED or not 0 < info.file_size - size < _LONGEST_HEADER:
        raise ValueError(f"its `{name}` has another size than that of its images")
    content = archive.read(info)
    if content[:-size] != _header(shape, kind):  # compared, not parsed
        raise ValueError(f"its `{name}` is another array than its images have")
    return np.frombuffer(content[-size:], kind).reshape(shape)


def _header(shape: tuple[int, ...], kind: np.dtype[Any]) -> bytes:
    """What an array's file begins with."""
    file = io.BytesIO()
    fields = {"descr": kind.str, "fortran_order": False, "shape": shape}
    npy.write_array_header_1_0(file, fields)  # type: ignore[no-untyped-call]
    return file.getvalue()


def _broken(found: Observed, classes: int) -> Iterator[tuple[str, str]]:
    for name in ("label", "prediction"):
        values = getattr(found, name)
        if values.min() < 0 or values.max() >= classes:
            yield name, "has numbers that are no classes"
    # NaN is neither
    if not (found.confidence.min() >= 0 and found.confidence.max() <= 1):
        yield "confidence", "has numbers that are no probabilities"
    if found.logits is not None and not np.isfinite(found.logits).all():
        yield "logits", "has numbers that are none"
