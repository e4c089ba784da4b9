"""What a user feels, on CIFAR-10-LT-100 against the reference toolbox on PyTorch, on the same threads.

Needs a checkout of the toolbox, a Python with PyTorch and torchvision, and CIFAR-10's binary files:

    python -m benchmarks toolbox --toolbox CHECKOUT --python PYTHON --data DIR [--rows step,cam]

Each row takes under four minutes and can be asked for alone; those of `benchmarks/felt.py` need none of the three. The
toolbox stays as it is; `toolbox_worker.py` says how it is run on a CPU. A quarter of an epoch of ours is fed, trained
and evaluated as in a run; only compilation is left out. Theirs reads images that CAM-BS made before, ours makes them as
it goes.
"""

from __future__ import annotations

import os
import subprocess
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

from mindspore import Tensor
from mindspore.train import Model

from benchmarks import felt
from benchmarks.common import Row, compare, compiled, made_up

#: A quarter of an epoch of CIFAR-10-LT-100, and of its test images.
STEPS, IMAGES = 24, 2500

#: Networks for large images, and how a recipe names them.
LARGE = {"resnet10": "resnet10", "mobilenet_v2": 'mindcv(name = "mobilenet_v2_050_224")'}

#: Images of 224 × 224 pixels in a step.
LARGE_BATCH = 16


class Theirs:
    """The worker's process."""

    def __init__(self, options: Namespace, folder: str) -> None:
        threads = str(os.cpu_count())
        worker = Path(__file__).with_name("toolbox_worker.py").resolve()
        self.process = subprocess.Popen(
            [options.python, worker, options.toolbox.resolve(), options.data.resolve(), threads],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=folder,
            env={**os.environ, "OMP_NUM_THREADS": threads},
        )
        self._read()

    def __call__(self, what: str, name: str, count: int = 0) -> float:
        """Seconds of a command."""
        self.process.stdin.write(f"{what} {count} {name}\n")
        self.process.stdin.flush()
        return float(self._read())

    def _read(self) -> str:
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"the toolbox stopped:\n{self.process.stderr.read()[-2000:]}")
        return line


class Ours:
    """A stage on a data set, built as a run builds it."""

    def __init__(self, recipe: str, data) -> None:
        from ltdsl_runtime.models import planned_network
        from ltdsl_runtime.training.stages import build_stage, rates_of_steps
        from ltdsl_runtime.tricks.optimizers import build_optimizer

        self.plan, self.data = compiled(recipe), data
        self.network = planned_network(self.plan, len(data.counts), 3)
        rates = [*rates_of_steps(self.plan, 0, data.counts).all] * 1000
        stage = self.plan.stages[0]
        optimizer = build_optimizer(stage.optimizer, self.network.trainable_params(), rates)
        self.stage = build_stage(self.plan, stage, data, self.network, optimizer)
        self.batch = [Tensor(column) for column in self.stage.source[0]]

    @cached_property
    def evaluator(self):
        """The evaluation's graph."""
        from ltdsl_runtime.graph.evaluation import EvalStep
        from ltdsl_runtime.graph.normalise import Normalise
        from ltdsl_runtime.training.evaluate import Evaluator

        normalise = Normalise(self.data.mean, self.data.std)
        return Evaluator(EvalStep(self.network, normalise), len(self.data.counts))

    def step(self) -> float:
        """Seconds of a step on a batch at hand."""
        self.stage.step.set_train(True)
        start = time.perf_counter()
        self.stage.step(*self.batch).asnumpy()
        return time.perf_counter() - start

    def train(self, steps: int) -> float:
        """Seconds of so many steps of an epoch, augmentation included."""
        from ltdsl_runtime.data.pipeline import training_dataset

        self.stage.step.set_train(True)
        start = time.perf_counter()
        batches = training_dataset(replace(self.stage.source, most_steps=steps))
        Model(self.stage.step).train(1, batches, dataset_sink_mode=False)
        self.stage.step.total.asnumpy()
        return time.perf_counter() - start

    def evaluate(self, images: int) -> float:
        """Seconds of an evaluation of the first test images."""
        part = self.data.test.take(range(images))
        start = time.perf_counter()
        self.evaluator(part)
        return time.perf_counter() - start


class Bench:
    """What the rows share, each made when the first of them asks for it."""

    def __init__(self, options: Namespace, stack: ExitStack) -> None:
        self.options, self._stack = options, stack
        self.rounds = 4 if options.quick else 12

    @cached_property
    def theirs(self) -> Theirs:
        options = self.options
        if not (options.toolbox and options.python and options.data):
            raise SystemExit("this row of toolbox needs --toolbox, --python and --data")
        theirs = Theirs(options, self._stack.enter_context(TemporaryDirectory()))
        self._stack.callback(theirs.process.kill)
        return theirs

    @cached_property
    def data(self):
        from ltdsl_runtime.data import load_data

        return load_data(compiled("dataset = cifar10_lt; a: ce"), self.options.data)

    def ours(self, tricks: str) -> Ours:
        weights = 'init = "weights"; ' if "cam_bs" in tricks else ""
        head = f"dataset = cifar10_lt; {weights}epochs = 1; schedule = constant"
        return Ours(f"{head}; a: {tricks}", self.data)

    def pairs(self, ours, theirs, rounds: int | None = None) -> tuple[list[float], list[float]]:
        """Seconds of both, taking turns; the order within a pair alternates. The first pair warms up."""
        times: tuple[list[float], list[float]] = ([], [])
        for turn in range(-1, self.rounds if rounds is None else rounds):
            for which in (0, 1) if turn % 2 else (1, 0):
                seconds = (ours, theirs)[which]()
                if turn >= 0:
                    times[which].append(seconds)
        return times


def _step(bench: Bench, tricks: str, goal: float) -> Row:
    theirs, ours = bench.theirs, bench.ours(tricks)
    times = bench.pairs(ours.step, lambda: theirs("step", tricks))
    return compare(f"toolbox: a step, {tricks}", "the toolbox's", times, goal)


def steps(bench: Bench) -> Iterator[Row]:
    """A step of both tricks of the opening line's first stage."""
    for tricks in ("ce", "input_mixup"):
        yield _step(bench, tricks, 0.75)


def second_stage(bench: Bench) -> Iterator[Row]:
    """A step of the opening line's second stage, whose images are made anew."""
    yield _step(bench, "cam_bs + cs_ce", 1.0)


def epoch(bench: Bench) -> Iterator[Row]:
    """A quarter of an epoch with its evaluation."""
    theirs, ours = bench.theirs, bench.ours("ce")
    few, images, rounds = (2, 256, 2) if bench.options.quick else (STEPS, IMAGES, 4)
    ours.step(), ours.evaluate(256)  # compiled
    theirs("step", "ce")
    times = bench.pairs(
        lambda: ours.train(few) + ours.evaluate(images),
        lambda: theirs("train", "ce", few) + theirs("evaluate", "ce", images),
        rounds,
    )
    yield compare(f"toolbox: {few} steps and {images:,} evaluated", "the toolbox's", times, 0.75)


def cam(bench: Bench) -> Iterator[Row]:
    """One generated image: ours in batches of 128 with the network's forward pass."""
    theirs, stage = bench.theirs, bench.ours("cam_bs + cs_ce").stage
    image, label, *drawn = [Tensor(column) for column in stage.source[0]]
    images, transform = stage.step.normalise(image), stage.step.transform
    transform(images, label, *drawn).asnumpy()

    def ours() -> float:
        start = time.perf_counter()
        transform(images, label, *drawn).asnumpy()
        return (time.perf_counter() - start) / len(label)

    times = bench.pairs(ours, lambda: theirs("cam", "ce"))
    rate, other = (len(each) / sum(each) for each in times)
    row = compare("", "the toolbox's", times, goal=1 / 8)
    yield row._replace(
        what="toolbox: an image of CAM-BS",
        ours=f"{rate:,.0f} images/s",
        other=f"{other:,.0f} images/s",
    )


def large(name: str) -> Callable[[Bench], Iterator[Row]]:
    """A step of a network for large images."""

    def measured(bench: Bench) -> Iterator[Row]:
        head = (
            f"model = {LARGE[name]}; batch_size = {LARGE_BATCH}; augment = []; schedule = constant"
        )
        recipe = f"dataset = cifar100_lt; {head}; epochs = 1; a: ce"
        theirs, ours = bench.theirs, Ours(recipe, made_up(2 * LARGE_BATCH, 100, 224))
        times = bench.pairs(ours.step, lambda: theirs("step", name, LARGE_BATCH))
        yield compare(f"{name}: {LARGE_BATCH} images, 224 pixels", "torchvision's", times, 1.0)

    return measured


#: What ``--rows`` names.
ROWS: dict[str, Callable[[Bench], Iterator[Row]]] = {
    "step": steps,
    "epoch": epoch,
    "second_stage": second_stage,
    "cam": cam,
    **{name: large(name) for name in LARGE},
    **felt.ROWS,
}


def measure(options: Namespace) -> list[Row]:
    chosen = options.rows.split(",") if options.rows else list(ROWS)
    unknown = [name for name in chosen if name not in ROWS]
    if unknown:
        raise SystemExit(f"toolbox has no row {', '.join(unknown)}: it has {', '.join(ROWS)}")
    with ExitStack() as stack:
        bench = Bench(options, stack)
        return [row for name in chosen for row in ROWS[name](bench)]
