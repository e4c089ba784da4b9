"""The refined-operator loss, gradient included, against nn.CrossEntropyLoss. Both are compiled graphs."""

from __future__ import annotations

import time

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn, ops

from benchmarks.common import Row, compare, take_turns
from runtime.losses import CrossEntropy, Reduction

SIZES = ((128, 10), (128, 100), (128, 1_000), (512, 8_142), (128, 100_000))


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
    return rows
