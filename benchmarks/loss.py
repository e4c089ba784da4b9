"""Times the refined-operator loss, gradient included, against nn.CrossEntropyLoss.

Run from the checkout: ``python -m benchmarks.loss``. Both are compiled graphs and take turns
within one run, so that whatever else the machine does meets both.
"""

import os
import statistics
import time
from typing import NamedTuple

os.environ.setdefault("ONEDNN_MAX_CPU_ISA", "AVX2")
os.environ.setdefault("GLOG_v", "3")

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn, ops

from runtime.losses import CrossEntropy, Reduction

SIZES = ((128, 10), (128, 100), (512, 8142))


class Row(NamedTuple):
    """One comparison; times are medians in milliseconds."""

    batch: int
    classes: int
    weighted: bool
    refined_ms: float
    builtin_ms: float

    @property
    def ratio(self) -> float:
        return self.refined_ms / self.builtin_ms


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


def _time(cell, logits, labels, calls):
    start = time.perf_counter()
    for _ in range(calls):
        value, gradient = cell(logits, labels)
    gradient.asnumpy()
    value.asnumpy()
    return (time.perf_counter() - start) / calls * 1e3


def measure(sizes=SIZES, rounds: int = 41, seconds_per_size: float = 8.0) -> list[Row]:
    """Times both losses, with and without class weights, at every size."""
    ms.set_context(mode=ms.GRAPH_MODE)
    rng = np.random.default_rng(0)
    rows = []
    for batch, classes in sizes:
        logits = Tensor(rng.normal(size=(batch, classes)), ms.float32)
        labels = Tensor(rng.integers(classes, size=batch), ms.int32)
        for weighted in (False, True):
            weights = rng.uniform(0.01, 1.0, classes) if weighted else None
            builtin = nn.CrossEntropyLoss(
                weight=Tensor(weights, ms.float32) if weighted else None, reduction="mean"
            )
            cells = [WithGradient(Refined(weights)), WithGradient(builtin)]
            for cell in cells:
                _time(cell, logits, labels, 3)
            once = sum(_time(cell, logits, labels, 3) for cell in cells) / 1e3
            calls = max(1, min(200, int(seconds_per_size / 2 / rounds / once)))
            times = [[], []]
            for turn in range(rounds):
                # the order alternates: going second must not help
                for which in (0, 1) if turn % 2 == 0 else (1, 0):
                    times[which].append(_time(cells[which], logits, labels, calls))
            rows.append(Row(batch, classes, weighted, *map(statistics.median, times)))
    return rows


def main() -> None:
    print(f"{'size':>12} {'weights':>8} {'refined':>11} {'builtin':>11} {'ratio':>6}")
    for row in measure():
        print(
            f"{row.batch:>5} × {row.classes:<5}{row.weighted!s:>8} {row.refined_ms:8.3f} ms "
            f"{row.builtin_ms:8.3f} ms {row.ratio:6.2f}"
        )


if __name__ == "__main__":
    main()
