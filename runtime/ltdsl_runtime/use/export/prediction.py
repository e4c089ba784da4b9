"""A network for prediction in each format, each file read back and compared with the live network."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn
from safetensors.numpy import save_file

from ltdsl.wording import counted
from ltdsl_runtime.errors import RunError
from ltdsl_runtime.tricks.posthoc import held
from ltdsl_runtime.use.export.onnx import OnnxError, finish, run_onnx
from ltdsl_runtime.weights.averages import weights_told
from ltdsl_runtime.weights.checkpoints import no_logging
from ltdsl_runtime.weights.foreign.naming import namings
from ltdsl_runtime.weights.foreign.reading import read_foreign

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from ltdsl.runs.facts import Data
    from ltdsl_runtime.use.inference import Model
    from ltdsl_runtime.use.trained import Trained

#: Formats that hold weights and no graph.
WEIGHTS_ALONE = ("ckpt", "safetensors")

#: Names of what a file gives, in order.
OUTPUTS = ("logits", "probabilities")

#: How far a file's figures may be from the live network's, relative to the largest of each kind: float32 arithmetic in
#: another order.
TOLERANCE = 1e-4


def write_mindir(model: Model, data: Data, place: Path, batch_size: int | None) -> dict[str, Any]:
    """Write MindIR.

    Returns:
        What was compared.

    Raises:
        RunError: LT433.
    """
    shape = (data.view.channels, data.view.height, data.view.width)
    step = model.inference()
    example = Tensor(shape=[batch_size, *shape], dtype=ms.uint8)
    if batch_size is not None:
        example = Tensor(np.zeros((batch_size, *shape), np.uint8))
    write_graph(step, place, "MINDIR", example)
    loaded = nn.GraphCell(ms.load(str(place)))

    def run(images: NDArray[np.uint8]) -> list[NDArray[Any]]:
        return [output.asnumpy() for output in loaded(Tensor(images))]

    return _compared(model, run, shape, batch_size)


def write_onnx(model: Model, data: Data, place: Path, batch_size: int | None) -> dict[str, Any]:
    """Write ONNX.

    Returns:
        What was compared.

    Raises:
        RunError: LT433.
    """
    shape = (data.view.channels, data.view.height, data.view.width)
    example = Tensor(np.zeros((batch_size or 1, *shape), np.uint8))
    with held(model.outcome):
        write_graph(model.inference(), place, "ONNX", example)
    try:
        finish(place, OUTPUTS, batch_size, data.classes)
    except OnnxError as error:
        raise RunError("LT433", f"the file is no valid ONNX: {_first_line(error)}") from error
    return _compared(model, lambda images: run_onnx(place, images), shape, batch_size)


def write_ckpt(model: Model, data: Data, place: Path, batch_size: int | None) -> dict[str, Any]:
    """Write the weights alone, under the names that the published model gives them.

    Returns:
        What was compared.
    """
    del data, batch_size
    names = model.network.plain_names
    entries = {names.get(p.name, p.name): p for p in model.network.get_parameters()}
    with no_logging():
        ms.save_checkpoint([{"name": name, "data": p} for name, p in entries.items()], str(place))
    read = ms.load_checkpoint(str(place))
    same = read.keys() == entries.keys() and all(
        np.array_equal(read[name].asnumpy(), p.asnumpy()) for name, p in entries.items()
    )
    if not same:
        raise RunError("LT433", "the weights in the file are not those of the network")
    return {"weights": len(entries), "largest_difference": 0.0}


def write_safetensors(
    model: Model, data: Data, place: Path, batch_size: int | None
) -> dict[str, Any]:
    """Write the weights alone for programs of PyTorch, under the names that its libraries give them.

    Returns:
        What was compared.
    """
    del data, batch_size
    known = namings(model.network, model.model)
    names = known[0].names if known else model.network.plain_names
    arrays = {names.get(p.name, p.name): p.asnumpy() for p in model.network.get_parameters()}
    save_file({name: np.ascontiguousarray(value) for name, value in arrays.items()}, place)
    read = read_foreign(place)
    same = (
        read is not None
        and read.arrays.keys() == arrays.keys()
        and all(np.array_equal(read.arrays[name], value) for name, value in arrays.items())
    )
    if not same:
        raise RunError("LT433", "the weights in the file are not those of the network")
    return {
        "weights": len(arrays),
        "names": known[0].library if known else None,
        "largest_difference": 0.0,
    }


WRITERS: dict[str, Callable[[Model, Data, Path, int | None], dict[str, Any]]] = {
    "mindir": write_mindir,
    "onnx": write_onnx,
    "ckpt": write_ckpt,
    "safetensors": write_safetensors,
}


def describe(run: Trained, model: Model, form: str, batch_size: int | None) -> dict[str, Any]:
    """What a file takes and gives, JSON-able."""
    data, view, posthoc = run.data, run.data.view, run.plan.stages[-1].posthoc
    to = model.fitted
    facts: dict[str, Any] = {
        "purpose": "weights" if form in WEIGHTS_ALONE else "prediction",
        "model": run.plan.model.model_dump(mode="json", by_alias=True),
        "epoch": model.epoch,
        **weights_told(model.averaged),
        **({} if to.temperature is None else {"temperature": to.temperature}),
        **({} if to.prior is None else {"effective_prior": to.prior.tolist()}),
        "classes": list(data.classes),
        "correction": posthoc and posthoc.model_dump(mode="json", by_alias=True),
        "normalisation": {"mean": list(data.mean), "std": list(data.std)},
        "preprocessing": view.model_dump(),
    }
    if form in WEIGHTS_ALONE:
        return facts
    shape = ["N" if batch_size is None else batch_size]
    image = {
        "name": "image",
        "type": "uint8",
        "shape": [*shape, view.channels, view.height, view.width],
        "meaning": f"{'RGB' if view.channels == 3 else 'grey'} pixels, 0 to 255, not normalised",
    }
    outputs = [
        {"name": name, "type": "float32", "shape": [*shape, len(data.classes)], "meaning": meaning}
        for name, meaning in zip(
            OUTPUTS,
            (
                "after the correction" if posthoc else "as trained",
                f"{model.confidence} of the logits",
            ),
            strict=True,
        )
    ]
    return facts | {"inputs": [image], "outputs": outputs}


def write_graph(step: nn.Cell, place: Path, form: str, *example: Tensor) -> None:
    """Write a cell's graph as MindSpore does.

    Raises:
        RunError: LT433, MindSpore cannot.
    """
    try:
        with _silent():
            ms.export(step, *example, file_name=str(place.with_suffix("")), file_format=form)
    except OSError:
        raise
    except Exception as error:  # what MindSpore raises has no common class
        raise RunError(
            "LT433", f"MindSpore cannot write this network: {_first_line(error)}"
        ) from error


def _compared(
    model: Model,
    run: Callable[[NDArray[np.uint8]], list[NDArray[Any]]],
    shape: tuple[int, int, int],
    batch_size: int | None,
) -> dict[str, Any]:
    """Compare a file with the live network on random images, in batches of one and of several where it takes any."""
    sizes = [1, 3] if batch_size is None else [batch_size]
    rng = np.random.default_rng(0)
    live, largest = model.inference(), 0.0
    for size in sizes:
        images = rng.integers(0, 256, (size, *shape), dtype=np.uint8)
        expected = [output.asnumpy() for output in live(Tensor(images))]
        try:
            found = run(images)
        except (RuntimeError, ValueError, TypeError, OnnxError) as error:
            hint = "give it a fixed number of images, such as --batch-size 1" if size > 1 else None
            message = f"the file cannot be run on {counted(size, 'image')}: {_first_line(error)}"
            raise RunError("LT433", message, hint) from error
        for name, ours, theirs in zip(OUTPUTS, expected, found, strict=True):
            difference = float(np.abs(ours - theirs).max())
            if not difference <= TOLERANCE * max(1.0, float(np.abs(ours).max())):
                message = f"the file's {name} differ from the network's by {difference:.2g}"
                raise RunError("LT433", message, "please report this, with the recipe")
            largest = max(largest, difference)
    return {"batches": sizes, "largest_difference": largest}


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip(" -\t")]
    return lines[0].rstrip(".")[:200] if lines else type(error).__name__


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Keep what MindSpore's C++ side prints about a failure from the user, who gets a sentence."""
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
