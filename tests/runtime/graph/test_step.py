"""A stage's graph, and whole runs of stages, against NumPy float64 on a linear network."""

from __future__ import annotations

import json

import numpy as np
import pytest
from ltdsl_runtime.training.stages import build_stage, rates_of_steps
from ltdsl_runtime.tricks.optimizers import build_optimizer
from mindspore import Tensor
from support import training_formulas as formulas
from support.training import PLAIN, linear_network, plan, trainer, weights

LOSSES = {
    "ce": (None, False),
    "cs_ce(gamma = 0.7)": (0.7, True),
    "cs_ce(gamma = 0.7, reduction = mean)": (0.7, False),
}


def class_weights(counts, gamma):
    return None if gamma is None else (min(counts) / np.float64(counts)) ** gamma


def start(network):
    values = weights(network)
    return [np.float64(values["classifier.weight"]), np.float64(values["classifier.bias"])]


def assert_close(network, expected):
    for actual, value in zip(start(network), expected, strict=True):
        np.testing.assert_allclose(actual, value, rtol=1e-4, atol=2e-6)


@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize("loss", LOSSES)
def test_two_steps(data, loss, mixed):
    gamma, by_weight = LOSSES[loss]
    tricks = loss + (" + input_mixup" if mixed else "")
    run = plan(PLAIN + f"epochs = 1; batch_size = 16; optimizer = sgd(lr = 0.3); a: {tricks}")
    stage = run.stages[0]
    network = linear_network()
    values = start(network)
    rates = rates_of_steps(run, 0, data.counts)
    optimizer = build_optimizer(stage.optimizer, network.trainable_params(), rates)
    step = build_stage(run, stage, data, network, optimizer).step
    step.set_train(True)
    reference = formulas.SGD(weight_decay=0.0005)
    rng = np.random.default_rng(3)
    total = 0.0
    for lam in (0.3, 0.85):
        here = rng.permutation(len(data.train))[:16]
        image, label = data.train.images[here], data.train.labels[here]
        extra, mixing = [], {}
        if mixed:
            partner = rng.permutation(16).astype(np.int32)
            extra = [Tensor(partner), Tensor(np.full(16, lam, np.float32))]
            mixing = {"partner": partner, "lam": lam}
        value, *gradients = formulas.linear_step(
            formulas.normalise(image, data.mean, data.std),
            label,
            *values,
            **mixing,
            class_weights=class_weights(data.counts, gamma),
            by_weight=by_weight,
        )
        values = reference.step(values, gradients, 0.3)
        actual = float(step(Tensor(image), Tensor(label), *extra).asnumpy())
        assert actual == pytest.approx(value, rel=1e-5)
        assert_close(network, values)
        total += value
    assert float(step.total.asnumpy()) == pytest.approx(total, rel=1e-5)


RUN = """
epochs = 5; batch_size = 16; augment = []
optimizer = sgd(lr = 0.2, momentum = 0.8, nesterov = true, weight_decay = 0.01)
schedule = multistep(milestones = [1, 4], gamma = 0.5, warmup = 0)
first: input_mixup
second: cs_ce + class_balanced @ epoch 2 { OVERRIDES }
"""


@pytest.mark.parametrize("overrides", ["batch_size = 11", "optimizer = sgd(lr = 0.05)"])
def test_a_run_of_two_stages(data, tmp_path, overrides):
    """A running optimizer keeps momentum and count over stages, graphs and batch sizes; a fresh one has none."""
    run = plan(RUN.replace("OVERRIDES", overrides))
    fresh = run.stages[1].fresh_optimizer
    assert fresh == ("optimizer" in overrides)
    network = linear_network(seed=2)
    values = start(network)
    made = trainer(run, data, tmp_path / "run", network)
    made()

    # its batches come from the data half, which has tests of its own
    expected_losses = []
    for index, stage in enumerate(run.stages):
        source = build_stage(run, stage, data, network, _any_optimizer(network)).source
        if index == 0 or fresh:
            reference = formulas.SGD(momentum=0.8, weight_decay=0.01)
        for epoch in range(stage.start, stage.end):
            losses = []
            for number in range(source.steps):
                image, label, *extra = source[(epoch - stage.start) * source.steps + number]
                mixing = {"partner": extra[0], "lam": np.float64(extra[1][0])} if extra else {}
                if index == 1:
                    mixing |= {"class_weights": class_weights(data.counts, 1), "by_weight": True}
                images = formulas.normalise(image, data.mean, data.std)
                loss, *gradients = formulas.linear_step(images, label, *values, **mixing)
                values = reference.step(values, gradients, stage.rate(epoch))
                losses.append(loss)
            expected_losses.append(np.mean(losses))
    assert_close(network, values)
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").open()]
    np.testing.assert_allclose([line["loss"] for line in lines], expected_losses, rtol=1e-4)
    expected = [0.2, 0.1, 0.05, 0.05, 0.05] if fresh else [0.2, 0.1, 0.1, 0.1, 0.05]
    assert [line["lr"] for line in lines] == expected


def _any_optimizer(network):
    from ltdsl.catalogue import SGD

    return build_optimizer(SGD(), network.trainable_params(), [0.1])
