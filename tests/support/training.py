"""Runs of small recipes in this process, watched epoch by epoch."""

from __future__ import annotations

import gc
import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ltdsl_runtime.data import ImageArrays, LoadedData
from ltdsl_runtime.models import Network
from ltdsl_runtime.models.initial import initialise
from ltdsl_runtime.models.network import GlobalPool
from ltdsl_runtime.rundir.directory import RunDirectory
from ltdsl_runtime.training.progress import Reporter
from ltdsl_runtime.training.train import Trainer
from mindspore import nn
from mindspore.common import api

from ltdsl.compiler import compile_recipe
from ltdsl.display.console import Console
from ltdsl.plan import Plan
from ltdsl.runs.metrics import Epoch
from ltdsl.source import Source

#: No milestone and no warm-up, so that epochs are few.
PLAIN = "schedule = constant(warmup = 0); augment = []; "


def plan(text: str) -> Plan:
    result = compile_recipe(Source("recipe.lt", text))
    assert not result.failed, [problem.message for problem in result.diagnostics]
    return result.plan


def hand_made(classes: int = 4) -> LoadedData:
    """4 classes with 30, 20, 12 and 8 training images of 2×4×3 pixels, 21 test images; or up to 5 rarer ones more."""
    rng = np.random.default_rng(5)
    names = tuple("abcdefghi"[:classes])
    counts = (30, 20, 12, 8, 6, 5, 4, 3, 2)[:classes]

    def part(*counts: int) -> ImageArrays:
        labels = rng.permutation(np.repeat(np.arange(classes, dtype=np.int32), counts[:classes]))
        images = rng.integers(0, 256, (len(labels), 2, 4, 3), dtype=np.uint8)
        return ImageArrays(images, labels, names)

    return LoadedData(
        train=part(*counts),
        validation=part(4, 3, 2, 1, 1, 1, 1, 1, 1),
        test=part(6, 4, 9, 2, 3, 1, 2, 1, 4),
        counts=counts,
        fingerprint={name: name[0] * 64 for name in ("train", "validation", "test")},
        mean=np.float32([0.48, 0.53]),
        std=np.float32([0.25, 0.31]),
    )


def given() -> dict[str, Any]:
    """What a run directory is told of a device and of data, which the tests of it do without."""
    data = {
        "classes": ["a", "b"],
        "train_counts": [30, 20],
        "mean": [0.5],
        "std": [0.25],
        "view": {"channels": 1, "height": 4, "width": 3, "ratio": 1.0},
    }
    return {
        "device": "cpu",
        "data_sha256": {"train": "a" * 64, "test": "b" * 64},
        "data": data,
        "changes": [],
        "unreadable": [],
    }


def linear_network(seed: int = 0) -> Network:
    """Logits W·x + b of 2×4×3 pixels and 4 classes: a training step can be written down by hand."""
    network = Network({"stem": nn.Identity()}, nn.Flatten(), nn.Dense(24, 4))
    initialise(network, seed)
    return network


def normed_network(seed: int = 0) -> Network:
    """The same behind a batch norm."""
    network = Network({"stem": nn.BatchNorm2d(2)}, nn.Flatten(), nn.Dense(24, 4))
    initialise(network, seed)
    return network


def conv_network(seed: int = 0) -> Network:
    """With 5 feature maps of the image's own size, as `cam_bs` needs them."""
    body = {"stem": nn.SequentialCell(nn.Conv2d(2, 5, 3), nn.BatchNorm2d(5), nn.ReLU())}
    network = Network(body, GlobalPool(), nn.Dense(5, 4))
    initialise(network, seed)
    return network


def weights(cell: nn.Cell) -> dict[str, np.ndarray]:
    """A copy of all parameters."""
    return {p.name: p.asnumpy().copy() for p in cell.get_parameters()}


def assert_same(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> None:
    """Bit for bit."""
    assert first.keys() == second.keys()
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name], err_msg=name)


@contextmanager
def count_compilations() -> Iterator[list[str]]:
    """Collects the names of the cells whose graphs are really compiled, in order.

    MindSpore numbers kinds of arguments, and forgets a number with the first cell that was called with them: others
    that have the same are compiled once more. So cells that nobody holds any longer, of tests before, go first.
    """
    gc.collect()
    seen: list[str] = []
    original = api._CellGraphExecutor.compile

    def compile_and_count(self, cell, *args, **kwargs):
        phase, is_new = original(self, cell, *args, **kwargs)
        if is_new:
            seen.append(type(cell).__name__)
        return phase, is_new

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(api._CellGraphExecutor, "compile", compile_and_count)
        yield seen


class Watcher(Reporter):
    """Keeps the weights that each stage starts from and each epoch ends with."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(Console(file=io.StringIO()), plan)
        self.trainer: Trainer | None = None
        self.starts: dict[str, dict[str, np.ndarray]] = {}
        self.ends: list[dict[str, np.ndarray]] = []
        self.records: list[Epoch] = []
        self.on_step: Callable[[], None] = lambda: None

    def stage(self, name: str) -> None:
        self.starts[name] = weights(self.trainer.network)

    def step(self, done: float, loss: Callable[[], float]) -> None:
        self.on_step()

    def epoch(self, record: Epoch) -> None:
        self.ends.append(weights(self.trainer.network))
        self.records.append(record)


def trainer(plan: Plan, data: LoadedData, folder: Path, network: Network | None = None) -> Trainer:
    """A trainer told to a :class:`Watcher`, with a network of our own where one is given."""
    watcher, run = Watcher(plan), RunDirectory(folder)
    run.begin(plan, {}, **given())
    made = Trainer(plan, data, run, watcher)
    if network is not None:
        made.network = network
        made.evaluate = made._evaluator(plan.stages[-1].loss.confidence)
    watcher.trainer = made
    return made


class StopError(Exception):
    """Stands for whatever ends a run."""


def stop_after(made: Trainer, epochs: int) -> None:
    """Runs a trainer to the end of an epoch and no further."""
    tell = made.reporter.epoch

    def epoch(record):
        tell(record)
        if record.epoch + 1 == epochs:
            raise StopError

    made.reporter.epoch = epoch
    with pytest.raises(StopError):
        made()


def read_checkpoint(path: Path) -> dict[str, Any]:
    import mindspore as ms

    return {
        name: value.asnumpy() if hasattr(value, "asnumpy") else value
        for name, value in ms.load_checkpoint(str(path)).items()
    }


def told(made: Trainer) -> str:
    """What a trainer's reporter has printed."""
    text: str = made.reporter.console.file.getvalue()
    return text


def contents(folder: Path) -> dict[str, Any]:
    """All files of a run that are to be the same; of metrics.jsonl what is not time."""
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in ("metrics.jsonl", "run.json", ".lock", "mark")
    }
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return files | {"metrics": [line | {"seconds": 0} for line in lines]}
