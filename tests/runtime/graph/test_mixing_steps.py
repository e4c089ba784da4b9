"""Mixers, second images and teachers in a whole training step, against NumPy float64.

Gradients are differences of the loss's formula, so no derivative is written down twice.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from ltdsl_runtime.models import Network, freeze
from ltdsl_runtime.models.initial import initialise
from ltdsl_runtime.models.network import GlobalPool
from ltdsl_runtime.training.stages import begin_stage, build_stage
from ltdsl_runtime.tricks.optimizers import build_optimizer
from mindspore import Tensor, nn
from scipy.special import expit, log_softmax, softmax
from support import loss_formulas as papers
from support import training_formulas as formulas
from support.training import PLAIN, plan, weights

BATCH = 8


def curved_network(seed: int = 0) -> Network:
    """Two layers of 1×1 convolutions, each bent, so that it matters where images are mixed."""
    body = {
        "layer1": nn.SequentialCell(nn.Conv2d(2, 3, 1), nn.Tanh()),
        "layer2": nn.SequentialCell(nn.Conv2d(3, 3, 1), nn.Sigmoid()),
    }
    network = Network(body, GlobalPool(), nn.Dense(3, 4))
    initialise(network, seed)
    for layer in body.values():  # into the bend
        layer[0].weight.set_data(3 * layer[0].weight)
    return network


class Outputs(NamedTuple):
    """What a forward pass gives."""

    features: np.ndarray
    logits: np.ndarray


def forward(values, x, mixed_at=None, mix=lambda hidden: hidden) -> Outputs:
    """The same network; ``mix`` is applied to the output of the layer ``mixed_at``."""
    first, second, weight, bias = values

    def reach(layer, hidden):
        return mix(hidden) if layer == mixed_at else hidden

    x = reach("layer1", np.tanh(np.einsum("oi,bihw->bohw", first[:, :, 0, 0], x)))
    x = reach("layer2", expit(np.einsum("oi,bihw->bohw", second[:, :, 0, 0], x)))
    features = reach("pool", x.mean((2, 3)))
    return Outputs(features, reach("fc", features @ weight.T + bias))


def start(network) -> list[np.ndarray]:
    return [np.float64(value) for value in weights(network).values()]


def blend(share, own, other):
    share = np.reshape(share, (-1, *[1] * (own.ndim - 1)))
    return share * own + (1 - share) * other


def leaning(share, own, other, counts, kappa=3.0, tau=0.5):
    """Equation 10 of Remix."""
    ratio = counts[own] / counts[other]
    leans = np.where((ratio >= kappa) & (share < tau), 0.0, share)
    return np.where((ratio <= 1 / kappa) & (1 - share < tau), 1.0, leans)


def paste(own, other, box):
    top, left, bottom, right = box
    result = own.copy()
    result[:, :, top:bottom, left:right] = other[:, :, top:bottom, left:right]
    inside = (bottom - top) * (right - left)
    return result, np.full(len(own), 1 - inside / own[0, 0].size)


LOSSES = {
    "ce": (papers.ce, False),
    "cs_ce": (lambda z, y, n: papers.cs_ce(z, y, n, 1), True),
    "influence_balanced(alpha = 0.1)": (None, False),
}


def batch_loss(loss, out, at, labels, share, counts):
    """L of a batch. ``labels`` are the own ones and the partners'; ``at`` the outputs that factors are taken at."""
    formula, by_weight = LOSSES[loss]
    total = 0.0
    for y, part in zip(labels, (share, 1 - share), strict=True):
        if formula is None:
            value, weight = papers.influence_balanced(
                out.logits, y, counts, 0.1, at.features, at.logits
            )
        else:
            value, weight = formula(out.logits, y, counts)
        total += (part * weight * value).sum() / (weight.sum() if by_weight else len(y))
    return total


def gradient(function, values, step=1e-3):
    """Differences of fourth order."""
    result = [np.zeros_like(value) for value in values]
    for place, value in enumerate(values):
        for index in np.ndindex(value.shape):

            def moved(distance, place=place, index=index):
                changed = [v.copy() for v in values]
                changed[place][index] += distance
                return function(changed)

            near, far = moved(step) - moved(-step), moved(2 * step) - moved(-2 * step)
            result[place][index] = (8 * near - far) / (12 * step)
    return result


class Mixed(NamedTuple):
    """A batch as the network sees it, made anew from the columns."""

    x: np.ndarray
    labels: tuple[np.ndarray, np.ndarray]
    share: np.ndarray
    layer: str | None = None
    pairs: np.ndarray | None = None


def mixed_batch(stage, data, columns, batch) -> Mixed:
    """What a mixer should do, from its name and the columns alone."""
    named = dict(zip(columns, batch, strict=True))
    counts, mixer = np.array(data.counts), stage.mixer.name if stage.mixer else None
    x, y = formulas.normalise(named["image"], data.mean, data.std), named["label"]
    drawn = [np.float64(named[name]) for name in columns if name.startswith("mix")]
    if "partner_image" in named:
        other = formulas.normalise(named["partner_image"], data.mean, data.std)
        labels, pairs = (y, named["partner_label"]), None
        if mixer is None:
            x, y = np.concatenate((x, other)), np.concatenate(labels)
            return Mixed(x, (y, y), np.ones(len(y)))
    else:
        pairs = drawn.pop(0).astype(int)
        other, labels = x[pairs], (y, y[pairs])
    if mixer in ("cutmix", "cmo"):
        x, share = paste(x, other, drawn[0].astype(int))
        np.testing.assert_allclose(drawn[1], share, rtol=1e-6)
        return Mixed(x, labels, share)
    (share,) = drawn
    if mixer == "manifold_mixup":
        return Mixed(x, labels, share, stage.mixer.layer, pairs)
    label_share = leaning(share, *labels, counts) if mixer == "remix" else share
    return Mixed(blend(share, x, other), labels, label_share)


def outputs(values, mixed: Mixed) -> Outputs:
    """Of the network, with a hidden layer mixed where that is what is mixed."""
    return forward(
        values, mixed.x, mixed.layer, lambda hidden: blend(mixed.share, hidden, hidden[mixed.pairs])
    )


def staged(data, tricks, network, teacher=None, extra=""):
    """A stage of the tricks, ready to train, and its source's columns."""
    run = plan(
        PLAIN + f"model = resnet10; epochs = 2; batch_size = {BATCH}; seed = 4; {extra} a: {tricks}"
    )
    entry = run.stages[0]
    trained = begin_stage(run, entry, network)
    optimizer = build_optimizer(entry.optimizer, trained, [0.3] * 40)
    stage = build_stage(run, entry, data, network, optimizer, teacher and freeze(teacher))
    stage.step.set_train(True)
    return stage


MIXERS = [f"manifold_mixup(layer = {layer})" for layer in ("layer1", "layer2", "pool", "fc")]
MIXERS += [
    "remix",
    "cutmix",
    "cmo(probability = 1.0)",
    "over_sampling + cmo",
    "bbn",
    "bbn + remix",
    "bbn + cutmix",
]


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("tricks", MIXERS)
def test_two_steps(data, tricks, loss):
    network = curved_network()
    stage = staged(data, f"{tricks} + {loss}", network)
    values, reference = start(network), formulas.SGD(weight_decay=0.0005)
    counts = np.array(data.counts)
    for number in (0, 1):
        batch = stage.source[number]
        mixed = mixed_batch(stage.plan, data, stage.source.columns, batch)
        at = outputs(values, mixed)

        def whole(changed, mixed=mixed, at=at):
            return batch_loss(loss, outputs(changed, mixed), at, mixed.labels, mixed.share, counts)

        actual = float(stage.step(*map(Tensor, batch)).asnumpy())
        assert actual == pytest.approx(whole(values), rel=1e-5)
        values = reference.step(values, gradient(whole, values), 0.3)
        for new, value in zip(start(network), values, strict=True):
            np.testing.assert_allclose(new, value, rtol=1e-4, atol=5e-6)


def test_the_formula_can_tell_where_it_is_mixed(data):
    """At `pool` and at `fc` the logits agree, the classifier being linear, but not the features."""
    values = start(curved_network())
    batch = formulas.normalise(data.train.images[:BATCH], data.mean, data.std)
    share, pairs, labels = np.full(BATCH, 0.3), np.arange(BATCH)[::-1], np.arange(BATCH) % 4
    first, second, pool, fc = (
        outputs(values, Mixed(batch, (labels, labels), share, layer, pairs))
        for layer in ("layer1", "layer2", "pool", "fc")
    )
    assert np.abs(first.logits - second.logits).max() > 0.01
    np.testing.assert_allclose(second.logits, pool.logits)  # the pool is a mean
    np.testing.assert_allclose(pool.logits, fc.logits)
    assert np.abs(pool.features - fc.features).max() > 0.01


@pytest.mark.parametrize("tricks", ["bbn", "bbn + input_mixup", "cmo"])
def test_second_images_are_training_images_of_the_reversed_distribution(data, tricks):
    source = staged(data, tricks, curved_network()).source
    assert source.columns[:4] == ("image", "label", "partner_image", "partner_label")
    known = {i.tobytes(): int(y) for i, y in zip(data.train.images, data.train.labels, strict=True)}
    seen = np.zeros(4)
    for number in range(len(source)):
        image, label, other, other_label = source[number][:4]
        for images, labels in ((image, label), (other, other_label)):
            assert [known[one.tobytes()] for one in images] == labels.tolist()
        np.add.at(seen, other_label, 1)
    expected = (1 / np.array(data.counts)) / (1 / np.array(data.counts)).sum()
    deviation = np.sqrt(seen.sum() * expected * (1 - expected))
    assert np.all(np.abs(seen - seen.sum() * expected) < 4 * deviation)


# ── a teacher ────────────────────────────────────────────────────────────────────────────────────


def divergence(logits, taught, temperature, power):
    """T² · KL(t ‖ softmax(z / T)), the mean over the batch."""
    t = softmax(taught / temperature, axis=1) ** power
    t /= t.sum(axis=1, keepdims=True)
    each = (t * (np.log(t) - log_softmax(logits / temperature, axis=1))).sum(axis=1)
    return temperature**2 * each.mean()


@pytest.mark.parametrize("tricks", ["input_mixup", "cutmix + cs_ce", "cmo", "bbn", "bbn + remix"])
def test_a_teacher_sees_what_the_network_sees(data, tricks):
    temperature, alpha, power = 2.0, 0.3, 0.5
    network, teacher = curved_network(), curved_network(seed=9)
    dive = f'dive(teacher = "t", temperature = {temperature}, alpha = {alpha}, power = {power})'
    stage = staged(data, f"{tricks} + {dive}", network, teacher)
    values, known = start(network), start(teacher)
    batch = stage.source[0]
    mixed = mixed_batch(stage.plan, data, stage.source.columns, batch)
    taught = forward(known, mixed.x).logits
    loss, counts = stage.plan.loss.name, np.array(data.counts)

    def whole(changed):
        out = forward(changed, mixed.x)
        plain = batch_loss(loss, out, None, mixed.labels, mixed.share, counts)
        return (1 - alpha) * plain + alpha * divergence(out.logits, taught, temperature, power)

    actual = float(stage.step(*map(Tensor, batch)).asnumpy())
    assert actual == pytest.approx(whole(values), rel=1e-5)
    expected = formulas.SGD(weight_decay=0.0005).step(values, gradient(whole, values), 0.3)
    for new, value in zip(start(network), expected, strict=True):
        np.testing.assert_allclose(new, value, rtol=1e-4, atol=5e-6)
    for new, value in zip(start(teacher), known, strict=True):
        np.testing.assert_array_equal(new, value)


def one_step(data, tricks, teacher=None, relabel=lambda labels: labels):
    network = curved_network()
    stage = staged(data, tricks, network, teacher)
    image, label, *draws = stage.source[0]
    loss = stage.step(*map(Tensor, (image, relabel(label), *draws))).asnumpy()
    return float(loss), weights(network)


def test_a_teacher_without_a_share_changes_nothing(data):
    plain, after = one_step(data, "cs_ce")
    loss, taught = one_step(data, 'cs_ce + dive(teacher = "t", alpha = 0)', curved_network(9))
    assert loss == plain
    for name, value in after.items():
        np.testing.assert_array_equal(value, taught[name])


def test_a_teacher_alone_ignores_the_labels(data):
    dive = 'cs_ce + dive(teacher = "t", alpha = 1)'
    loss, after = one_step(data, dive, curved_network(9))
    other, turned = one_step(data, dive, curved_network(9), lambda labels: 3 - labels)
    assert loss == other
    assert loss > 0
    for name, value in after.items():
        np.testing.assert_array_equal(value, turned[name])
