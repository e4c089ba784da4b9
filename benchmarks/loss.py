"""The refined-operator loss, gradient included, against nn.CrossEntropyLoss. Both are compiled graphs.

Memory is what a process of its own grows by at its peak, logits and their gradient included, after the same on a few
numbers: MindSpore's libraries do not count.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import mindspore as ms
import numpy as np
from ltdsl_runtime.tricks.losses import CrossEntropy, Reduction
from mindspore import Tensor, nn, ops

from benchmarks.common import Row, compare, take_turns

SIZES = ((128, 10), (128, 100), (128, 1_000), (512, 8_142), (128, 100_000))

#: Those whose tensors stand out from what a process takes anyway.
LARGE = SIZES[2:]


class Refined(nn.Cell):
    """The loss as the training step uses it."""

    def __init__(self, class_weights):
        super().__init__()
        self.loss = CrossEntropy(class_weights)
        self.reduce = Reduction("weighted_mean")

    def construct(self, logits, labels):
        loss, weight = self.loss(logits, labels)
        return self.reduce(loss, weight)


class WithGradient(nn.Cell):
    """A loss and its gradient at the logits."""

    def __init__(self, loss):
        super().__init__()
        self.both = ops.value_and_grad(loss, grad_position=0)

    def construct(self, logits, labels):
        return self.both(logits, labels)


def repeated(cell: nn.Cell, *arguments: Tensor, calls: int):
    """One measurement: so many calls that the clock's resolution does not matter."""

    def call() -> None:
        for _ in range(calls):
            value, gradient = cell(*arguments)
        gradient.asnumpy()
        value.asnumpy()

    return call


def measure(quick: bool = False) -> list[Row]:
    rng = np.random.default_rng(0)
    rounds = 9 if quick else 25
    rows = []
    for batch, classes in SIZES:
        logits = Tensor(rng.normal(size=(batch, classes)), ms.float32)
        labels = Tensor(rng.integers(classes, size=batch), ms.int32)
        for weights in (None, rng.uniform(0.01, 1.0, classes)):
            tensor = None if weights is None else Tensor(weights, ms.float32)
            cells = WithGradient(Refined(weights)), WithGradient(nn.CrossEntropyLoss(tensor))
            for cell in cells:
                repeated(cell, logits, labels, calls=3)()
            start = time.perf_counter()
            repeated(cells[1], logits, labels, calls=3)()
            calls = max(1, min(100, int(0.1 / (time.perf_counter() - start) * 3)))
            times = take_turns(
                *(repeated(cell, logits, labels, calls=calls) for cell in cells), rounds=rounds
            )
            times = tuple([value / calls for value in values] for values in times)
            kind = "cs_ce" if weights is not None else "ce"
            rows.append(
                compare(f"loss: {kind}, {batch}×{classes}", "nn.CrossEntropyLoss", times, 1.0)
            )
    if Path("/proc/self/status").exists():
        rows += [_memory(batch, classes) for batch, classes in LARGE]
    return rows


def _memory(batch: int, classes: int) -> Row:
    root = Path(__file__).resolve().parents[1]
    found = []
    for which in ("refined", "whole"):
        line = [sys.executable, "-m", "benchmarks.loss", which, str(batch), str(classes)]
        done = subprocess.run(line, cwd=root, capture_output=True, text=True, check=True)
        found.append(float(done.stdout.split()[-1]))
    ours, other = found
    return Row(
        f"loss: memory, ce, {batch}×{classes}",
        f"{ours:,.1f} MiB",
        "nn.CrossEntropyLoss",
        f"{other:,.1f} MiB",
        ours / other,
        (ours / other,) * 2,
    )


def _peak() -> float:
    """MiB of this process at its largest, on Linux; getrusage counts what the process that started it had, too."""
    [line] = [
        line
        for line in Path("/proc/self/status").read_text().splitlines()
        if line.startswith("VmHWM")
    ]
    return int(line.split()[1]) / 1024


def worker(which: str, batch: int, classes: int) -> None:
    cell = WithGradient(Refined(None) if which == "refined" else nn.CrossEntropyLoss())
    rng = np.random.default_rng(0)

    def step(images: int, of: int) -> None:
        # drawn in float32 at once: nothing of the making is larger than the step
        logits = Tensor(rng.random((images, of), np.float32))
        repeated(cell, logits, Tensor(np.zeros(images, np.int32)), calls=3)()

    step(4, 7)
    before = _peak()
    step(batch, classes)
    print(_peak() - before)


if __name__ == "__main__":
    from ltdsl_runtime.machine.device import prepare

    prepare("cpu")
    worker(sys.argv[1], *map(int, sys.argv[2:]))
