"""Steps, epochs and CAM-BS on CIFAR-10-LT-100 against the reference toolbox on PyTorch, on the same threads.

Needs a checkout of the toolbox, a Python with PyTorch and torchvision, and CIFAR-10's binary files:

    python -m benchmarks toolbox --toolbox CHECKOUT --python PYTHON --data DIR

The toolbox stays as it is; `toolbox_worker.py` says how it is run on a CPU. An epoch of ours is fed, trained and
evaluated as in a run; only compilation is left out. An epoch of theirs reads images that CAM-BS made before, ours makes
them as it goes.
"""

from __future__ import annotations

import os
import subprocess
import time
from argparse import Namespace
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from mindspore import Tensor
from mindspore.train import Model

from benchmarks.common import Row, compare, compiled

TRICKS = ("ce", "input_mixup", "cam_bs + cs_ce")


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

    def __call__(self, what: str, tricks: str) -> float:
        """Seconds of a command."""
        self.process.stdin.write(f"{what} {tricks}\n")
        self.process.stdin.flush()
        return float(self._read())

    def _read(self) -> str:
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"the toolbox stopped:\n{self.process.stderr.read()[-2000:]}")
        return line


class Ours:
    """A stage on the real data, built as a run builds it."""

    def __init__(self, tricks: str, data) -> None:
        from ltdsl_runtime.graph.evaluation import EvalStep
        from ltdsl_runtime.graph.normalise import Normalise
        from ltdsl_runtime.models import build_network
        from ltdsl_runtime.training.evaluate import Evaluator
        from ltdsl_runtime.training.stages import build_stage, rates_of_steps
        from ltdsl_runtime.tricks.optimizers import build_optimizer

        weights = 'init = "weights"; ' if "cam_bs" in tricks else ""
        self.plan = compiled(
            f"dataset = cifar10_lt; {weights}epochs = 1; schedule = constant; a: {tricks}"
        )
        self.data = data
        network = build_network("resnet32", {}, 10, 3, 0)
        rates = rates_of_steps(self.plan, 0, data.counts) * 1000
        stage = self.plan.stages[0]
        optimizer = build_optimizer(stage.optimizer, network.trainable_params(), rates)
        self.stage = build_stage(self.plan, stage, data, network, optimizer)
        self.batch = [Tensor(column) for column in self.stage.source[0]]
        self.evaluator = Evaluator(EvalStep(network, Normalise(data.mean, data.std)), 10)

    def step(self) -> float:
        """Seconds of a step on a batch at hand."""
        self.stage.step.set_train(True)
        start = time.perf_counter()
        self.stage.step(*self.batch).asnumpy()
        return time.perf_counter() - start

    def train(self) -> float:
        """Seconds of an epoch."""
        from ltdsl_runtime.data.pipeline import training_dataset

        self.stage.step.set_train(True)
        start = time.perf_counter()
        Model(self.stage.step).train(
            1, training_dataset(self.stage.source), dataset_sink_mode=False
        )
        self.stage.step.total.asnumpy()
        return time.perf_counter() - start

    def evaluate(self) -> float:
        """Seconds of an evaluation of all test images."""
        start = time.perf_counter()
        self.evaluator(self.data.test)
        return time.perf_counter() - start


@contextmanager
def _theirs(options: Namespace):
    with TemporaryDirectory() as folder:
        theirs = Theirs(options, folder)
        try:
            yield theirs
        finally:
            theirs.process.kill()


def measure(options: Namespace) -> list[Row]:
    from ltdsl_runtime.data import load_data

    data = load_data(compiled("dataset = cifar10_lt; a: ce"), options.data)
    rounds, epochs = (4, 0) if options.quick else (12, 2)
    rows = []
    with _theirs(options) as theirs:
        for tricks in TRICKS:
            ours = Ours(tricks, data)
            for _ in range(2):
                ours.step(), theirs("step", tricks)
            steps = _pairs(ours.step, lambda tricks=tricks: theirs("step", tricks), rounds)
            rows.append(compare(f"toolbox: a step, {tricks}", "the toolbox's", steps))
            if not epochs:
                continue
            ours.evaluator(data.test)  # compiled
            rows.append(
                compare(
                    f"toolbox: an epoch and its evaluation, {tricks}",
                    "the toolbox's",
                    _pairs(
                        lambda ours=ours: ours.train() + ours.evaluate(),
                        lambda tricks=tricks: theirs("train", tricks) + theirs("evaluate", tricks),
                        epochs,
                    ),
                )
            )
        rows.append(_cam(theirs, data, rounds))
    return rows


def _cam(theirs: Theirs, data, rounds: int) -> Row:
    """One generated image: ours in batches of 128 with the network's forward pass."""
    stage = Ours("cam_bs + cs_ce", data).stage
    image, label, *drawn = [Tensor(column) for column in stage.source[0]]
    images, transform = stage.step.normalise(image), stage.step.transform
    transform(images, label, *drawn).asnumpy()

    def ours() -> float:
        start = time.perf_counter()
        transform(images, label, *drawn).asnumpy()
        return (time.perf_counter() - start) / len(label)

    times = _pairs(ours, lambda: theirs("cam", "ce"), rounds)
    rate, other = (len(each) / sum(each) for each in times)
    row = compare("", "the toolbox's", times, goal=1 / 3)
    return row._replace(
        what="toolbox: an image of CAM-BS",
        ours=f"{rate:,.0f} images/s",
        other=f"{other:,.0f} images/s",
    )


def _pairs(ours, theirs, rounds: int) -> tuple[list[float], list[float]]:
    """Seconds of both, taking turns; the order within a pair alternates."""
    times: tuple[list[float], list[float]] = ([], [])
    for turn in range(rounds):
        for which in (0, 1) if turn % 2 else (1, 0):
            times[which].append((ours, theirs)[which]())
    return times
