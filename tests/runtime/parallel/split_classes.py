"""One worker of `test_classes.py`: what is computed over split classes, against the whole and against NumPy.

    python split_classes.py LOSS,… [CLASSES …]

Prints a line a comparison: name, largest difference relative to the largest value of what is compared.
"""

from __future__ import annotations

import sys
from dataclasses import replace

import mindspore as ms
import numpy as np
from ltdsl_runtime.graph.evaluation import Prediction, SplitPrediction
from ltdsl_runtime.graph.over_classes import SplitLoss
from ltdsl_runtime.models import Network
from ltdsl_runtime.models.initial import initialise
from ltdsl_runtime.models.split import Split, split_network
from ltdsl_runtime.parallel.cluster import Workers, is_scheduler, join
from ltdsl_runtime.parallel.collectives import AllGradients, SumGradients
from ltdsl_runtime.tricks.losses import CrossEntropy, LossCell, Reduction
from ltdsl_runtime.tricks.losses.objectives import LOSSES
from mindspore import Tensor, nn, ops
from scipy.special import log_softmax, softmax
from support import loss_formulas as papers

from ltdsl import catalogue

IMAGES, FEATURES, FEW = 12, 16, 103


class Logits(nn.Cell):
    """Loss of some images and its gradient with respect to logits."""

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

    def __init__(self, network: Network, weights: np.ndarray) -> None:
        super().__init__()
        self.network = network
        self.loss = SplitLoss(CrossEntropy(weights), network.part)
        self.reduction = Reduction("weighted_mean").share(network.part.workers)
        parameters = ms.ParameterTuple(network.classifier.trainable_params())
        self.value_and_grad = ms.value_and_grad(self.total, 0, parameters)
        self.sum_gradients = SumGradients(parameters, Split(network).flags(parameters))

    def total(self, features, labels):
        return self.reduction(*self.loss(self.network(features), labels))

    def construct(self, features, labels):
        value, (of_features, of_parameters) = self.value_and_grad(features, labels)
        value, of_parameters = self.sum_gradients(value, of_parameters)
        return value, of_features, of_parameters


class Asked(nn.Cell):
    """What is asked of all gradients together."""

    def __init__(self, own: tuple[bool, ...]) -> None:
        super().__init__()
        self.all_gradients = AllGradients(own)

    def construct(self, fine, *gradients):
        return self.all_gradients.length(gradients), self.all_gradients.everywhere(fine)


def show(name: str, ours, theirs) -> None:
    ours, theirs = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    assert ours.shape == theirs.shape, (name, ours.shape, theirs.shape)
    scale = np.abs(theirs).max()
    print(f"{name}|{np.abs(ours - theirs).max() / scale:.2e}", flush=True)


def some_losses(names: list[str], workers: Workers) -> None:
    part, own = workers.part(FEW), workers.rows(IMAGES)
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
        split = SplitLoss(LOSSES[name](declared, counts)[0], part)
        columns = (Tensor(split.columns(column)) for column in drawn)
        extra = (each[own] for each in extra)
        ours = Logits(split)(Tensor(part.of(logits, 1)), labels[own], *extra, *columns)
        total = ops.AllReduce()(ours[0].reshape((1,)))
        show(f"{name}, value", total[0].asnumpy(), value.asnumpy())
        show(f"{name}, gradient", ours[1].asnumpy(), part.of(gradient.asnumpy(), 1))


def predictions(workers: Workers) -> None:
    """Equal logits of different workers' classes among them."""
    part, own = workers.part(FEW), workers.rows(IMAGES)
    logits = np.random.default_rng(3).normal(size=(IMAGES, FEW)).astype(np.float32)
    logits[0, [5, FEW - 2]] = logits[1, [FEW - 1, 40]] = 9
    logits[2] = 0
    for confidence in ("softmax", "sigmoid"):
        whole = Prediction(confidence)(Tensor(logits))
        ours = SplitPrediction(confidence, part)(Tensor(part.of(logits, 1)))
        for what, got, expected in zip(("class", "probability"), ours, whole, strict=True):
            show(f"{confidence}, {what}", got.asnumpy(), expected.asnumpy()[own])


def gradients(workers: Workers) -> None:
    """One that all have, and one of which each has something else."""
    split = [np.float32([3, 4 + rank]) for rank in range(workers.size)]
    given = (Tensor(np.float32([[12, 1]])), Tensor(split[workers.rank]))
    for broken in (workers.size, workers.size - 1):  # nobody, the last one
        fine = Tensor(workers.rank != broken)
        length, everywhere = Asked((False, True))(fine, *given)
        expected = np.sqrt(145 + sum(float((each**2).sum()) for each in split))
        show("length of all gradients", length.asnumpy(), expected)
        assert bool(everywhere.asnumpy()) == (broken == workers.size)


class Summed(nn.Cell):
    """Sums of all gradients, and their length."""

    def __init__(self, parameters: list[ms.Parameter], own: tuple[bool, ...]) -> None:
        super().__init__()
        self.sums = SumGradients(parameters, own)
        self.all_gradients = AllGradients(own)

    def construct(self, loss, *gradients):
        loss, sums = self.sums(loss, gradients)
        return loss, self.all_gradients.length(sums), *sums


def many(workers: Workers) -> None:
    """As many as a ResNet-32 has, and more: graph mode nests a loop's turns, and has a deepest level."""
    rng = np.random.default_rng(4)
    shapes = [tuple(rng.integers(1, 4, rng.integers(1, 3))) for _ in range(120)]
    given = [rng.normal(size=(workers.size, *shape)).astype(np.float32) for shape in shapes]
    parameters = [ms.Parameter(Tensor(each[0]), name=f"p{i}") for i, each in enumerate(given)]
    here = [Tensor(each[workers.rank]) for each in given]
    for kept in (range(0), range(70, 72)):
        own = tuple(index in kept for index in range(120))
        loss, length, *sums = Summed(parameters, own)(Tensor(2.0), *here)
        assert float(loss.asnumpy()) == 2 * workers.size
        squares = 0.0
        for index, (each, ours) in enumerate(zip(given, sums, strict=True)):
            expected = each[workers.rank] if own[index] else each.sum(0)
            np.testing.assert_allclose(ours.asnumpy(), expected, rtol=1e-6, atol=1e-6)
            squares += float((each**2 if own[index] else expected**2).sum())
        show(f"length of many, {kept}", length.asnumpy(), np.sqrt(squares))


def drawn_anew(workers: Workers) -> None:
    """A classifier's weights from a seed, and whole again."""
    for classes in (FEW, 5000):  # in one go, and in several
        whole, split = (Network({}, nn.Identity(), nn.Dense(3, classes)) for _ in range(2))
        initialise(whole, 8)
        split_network(split, workers.part(classes))
        initialise(split.classifier, 8, split.part)
        gathered = Split(split).whole(split.get_parameters())
        if workers.first:
            for ours, theirs in zip(gathered, whole.get_parameters(), strict=True):
                assert ours.name == theirs.name
                np.testing.assert_array_equal(ours.asnumpy(), theirs.asnumpy())
        for ours, theirs in zip(split.get_parameters(), whole.get_parameters(), strict=True):
            own = Split(split).own(theirs.name, theirs.asnumpy())
            np.testing.assert_array_equal(ours.asnumpy(), own)
            state = Split(split).own(f"accum.{theirs.name}", theirs.asnumpy())
            np.testing.assert_array_equal(state, own)


def large(classes: int, workers: Workers) -> None:
    part, own = workers.part(classes), workers.rows(IMAGES)
    rng = np.random.default_rng(classes)
    h = rng.normal(size=(IMAGES, FEATURES)).astype(np.float32)
    w = rng.normal(size=(classes, FEATURES)).astype(np.float32)
    b = rng.normal(size=classes).astype(np.float32)
    h[0] *= 30  # logits in the hundreds: the maximum matters
    labels = rng.integers(classes, size=IMAGES)
    weights = 1 / papers.long_tail(classes)
    network = Network({}, nn.Identity(), nn.Dense(FEATURES, classes))
    network.classifier.weight.set_data(Tensor(w))
    network.classifier.bias.set_data(Tensor(b))
    split_network(network, part)
    net = Classified(network, weights)
    value, dh, (dw, db) = net(Tensor(h[own]), Tensor(labels[own], ms.int32))

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
    workers = replace(join(), split_classes=True)
    if is_scheduler():
        return
    some_losses(sys.argv[1].split(","), workers)
    predictions(workers)
    gradients(workers)
    many(workers)
    drawn_anew(workers)
    for classes in map(int, sys.argv[2:]):
        large(classes, workers)


if __name__ == "__main__":
    main()
