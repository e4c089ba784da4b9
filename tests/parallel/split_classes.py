"""One worker of `test_classes.py`: every loss with its classes split, against the whole one and against NumPy.

    python split_classes.py LOSS,… [CLASSES …]

Prints a line a comparison: name, largest difference relative to the largest value of what is compared.
"""

from __future__ import annotations

import os
import sys

import loss_formulas as papers
import mindspore as ms
import numpy as np
from mindspore import Tensor, nn
from mindspore.communication import get_group_size, get_rank, init
from scipy.special import log_softmax, softmax

from ltdsl import catalogue
from runtime.losses import CrossEntropy, LossCell, Reduction
from runtime.losses.objectives import LOSSES
from runtime.parallel.classes import ClassPart, SplitClassifier, split_loss

IMAGES, FEATURES, FEW = 12, 16, 103


class Logits(nn.Cell):
    """Loss and its gradient with respect to logits."""

    def __init__(self, loss: LossCell) -> None:
        super().__init__()
        self.loss = loss
        self.value_and_grad = ms.value_and_grad(self.total, 0)

    def total(self, logits, labels, *extra):
        loss, weight = self.loss(logits, labels, *extra)
        return (loss * weight).sum()

    def construct(self, logits, labels, *extra):
        return self.value_and_grad(logits, labels, *extra)


class Classified(nn.Cell):
    """The same with the classifier, and gradients of features, weights and biases."""

    def __init__(self, classifier: nn.Cell, weights: np.ndarray, part: ClassPart) -> None:
        super().__init__()
        self.classifier = classifier
        self.loss = split_loss(CrossEntropy(weights), part)
        self.reduction = Reduction("weighted_mean")
        parameters = ms.ParameterTuple(classifier.trainable_params())
        self.value_and_grad = ms.value_and_grad(self.total, 0, parameters)

    def total(self, features, labels):
        return self.reduction(*self.loss(self.classifier(features), labels))

    def construct(self, features, labels):
        return self.value_and_grad(features, labels)


def show(name: str, ours, theirs) -> None:
    ours, theirs = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    assert ours.shape == theirs.shape, (name, ours.shape, theirs.shape)
    scale = np.abs(theirs).max()
    print(f"{name}|{np.abs(ours - theirs).max() / scale:.2e}", flush=True)


def some_losses(names: list[str], rank: int, workers: int) -> None:
    part = ClassPart(FEW, rank, workers)
    counts = tuple(papers.long_tail(FEW).tolist())
    rng = np.random.default_rng(1)
    logits = rng.normal(scale=3.0, size=(IMAGES, FEW)).astype(np.float32)
    labels = Tensor(rng.integers(FEW, size=IMAGES), ms.int32)
    features = Tensor(rng.normal(size=(IMAGES, 5)), ms.float32)
    for name in names:
        declared = catalogue.LOSSES[name]()
        whole, _ = LOSSES[name](declared, counts)
        extra = (features,) if whole.needs_features else ()
        drawn = whole.draw(np.random.default_rng(2), IMAGES) if whole.draw else ()
        value, gradient = Logits(whole)(Tensor(logits), labels, *extra, *map(Tensor, drawn))
        split = split_loss(LOSSES[name](declared, counts)[0], part)
        own = (Tensor(part.of(column, 1)) for column in drawn)
        ours = Logits(split)(Tensor(part.of(logits, 1)), labels, *extra, *own)
        show(f"{name}, value", ours[0].asnumpy(), value.asnumpy())
        show(f"{name}, gradient", ours[1].asnumpy(), part.of(gradient.asnumpy(), 1))


def large(classes: int, rank: int, workers: int) -> None:
    part = ClassPart(classes, rank, workers)
    rng = np.random.default_rng(classes)
    h = rng.normal(size=(IMAGES, FEATURES)).astype(np.float32)
    w = rng.normal(size=(classes, FEATURES)).astype(np.float32)
    b = rng.normal(size=classes).astype(np.float32)
    h[0] *= 30  # logits in the hundreds: the maximum matters
    labels = rng.integers(classes, size=IMAGES)
    weights = 1 / papers.long_tail(classes)
    net = Classified(SplitClassifier(w, part, b), weights, part)
    own = slice(rank * IMAGES // workers, (rank + 1) * IMAGES // workers)
    value, (dh, (dw, db)) = net(Tensor(h[own]), Tensor(labels, ms.int32))

    h, w, b = (array.astype(np.float64) for array in (h, w, b))
    z, share = h @ w.T + b, weights[labels] / weights[labels].sum()
    dz = share[:, None] * (softmax(z, 1) - (np.arange(classes) == labels[:, None]))
    show(
        f"{classes}, value", value.asnumpy(), -(share * papers.at(log_softmax(z, 1), labels)).sum()
    )
    show(f"{classes}, features", dh.asnumpy(), (dz @ w)[own])
    show(f"{classes}, class weights", dw.asnumpy(), part.of(dz.T @ h))
    show(f"{classes}, biases", db.asnumpy(), part.of(dz.sum(0)))


def main() -> None:
    ms.set_context(mode=ms.GRAPH_MODE)
    rank, workers = 0, 1
    if "MS_ROLE" in os.environ:
        init()
        rank, workers = get_rank(), get_group_size()
    some_losses(sys.argv[1].split(","), rank, workers)
    for classes in map(int, sys.argv[2:]):
        large(classes, rank, workers)


if __name__ == "__main__":
    main()
