"""What surrounds an update: a second pass at higher loss, and limits on weights, against NumPy float64."""

from __future__ import annotations

import numpy as np
import pytest
from ltdsl_runtime.models import Network
from ltdsl_runtime.training.stages import begin_stage, build_stage
from ltdsl_runtime.tricks.optimizers import build_optimizer
from mindspore import Tensor
from support import training_formulas as formulas
from support.training import PLAIN, linear_network, normed_network, plan, weights

from ltdsl.compiler import compile_recipe
from ltdsl.source import Source

STEPS = 10


def built(text: str, data, network: Network, stage: int = 0):
    run = plan(PLAIN + text)
    trained = begin_stage(run, run.stages[stage], network)
    optimizer = build_optimizer(run.stages[stage].optimizer, trained, [0.3] * STEPS)
    made = build_stage(run, run.stages[stage], data, network, optimizer)
    made.step.set_train(True)
    return made


def values(network):
    found = weights(network)
    return [np.float64(found["classifier.weight"]), np.float64(found["classifier.bias"])]


def climbed(function, at, rho):
    """Value and gradients at w, and those at w + rho · g / ‖g‖."""
    value, *first = function(*at)
    length = np.sqrt(sum((g**2).sum() for g in first))
    _, *second = function(*[w + rho * g / length for w, g in zip(at, first, strict=True)])
    return value, second


@pytest.mark.parametrize(
    ("more", "tricks"),
    [
        ("batch_size = 16", "ce"),
        ("batch_size = 16", "cs_ce + input_mixup"),
        ("batch_size = 8; accumulate = 2", "cs_ce"),
        ("batch_size = 16; clip_norm = 0.05", "ce"),
        ("batch_size = 16; precision = fp16", "ce"),
        (
            "batch_size = 8; accumulate = 2; optimizer = adamw(lr = 0.3, weight_decay = 0.3)",
            "cs_ce",
        ),
    ],
)
def test_ten_sharpness_aware_steps(data, more, tricks):
    rho = 0.4
    decoupled = "adamw" in more
    optimizer = "" if decoupled else "optimizer = sgd(lr = 0.3); "
    text = f"epochs = 3; {optimizer}sharpness = sam(rho = {rho}); {more}; a: {tricks}"
    network = linear_network()
    stage = built(text, data, network)
    expected = values(network)
    reference = formulas.AdamW(weight_decay=0.3) if decoupled else formulas.SGD(weight_decay=0.0005)
    counts = np.float64(data.counts)
    weighted = {"class_weights": counts.min() / counts, "by_weight": True}
    for number in range(STEPS):
        image, label, *extra = stage.source[number]
        mixing = {"partner": extra[0], "lam": np.float64(extra[1][0])} if extra else {}
        images = formulas.normalise(image, data.mean, data.std)

        def function(*at, images=images, label=label, mixing=mixing):
            more = weighted if "cs_ce" in tricks else {}
            return formulas.linear_step(images, label, *at, **mixing, **more)

        value, gradients = climbed(function, expected, rho)
        if "clip_norm" in more:
            length = np.sqrt(sum((g**2).sum() for g in gradients))
            gradients = [g * min(1, 0.05 / length) for g in gradients]
        expected = reference.step(expected, gradients, 0.3)
        found = float(stage.step(*map(Tensor, (image, label, *extra))).asnumpy())
        tolerance = 2e-3 if "fp16" in more else 1e-5
        assert found == pytest.approx(value, rel=tolerance)
        for actual, wanted in zip(values(network), expected, strict=True):
            np.testing.assert_allclose(actual, wanted, rtol=tolerance, atol=tolerance)
    plain = built(text.replace(f"rho = {rho}", "rho = 0"), data, linear_network())
    assert plain.step.climb is None


def test_batch_norms_keep_the_statistics_of_the_first_pass(data):
    """So they are those of a plain step, bit for bit; the weights are not."""
    found = []
    for rho in (0.0, 0.5):
        network = normed_network()
        stage = built(
            f"epochs = 3; batch_size = 16; sharpness = sam(rho = {rho}); a: ce", data, network
        )
        stage.step(*map(Tensor, stage.source[0]))
        found.append(weights(network))
    plain, aware = found
    moved = [name for name in plain if ".moving_" in name or name.startswith("moving_")]
    assert len(moved) == 2
    for name in moved:
        np.testing.assert_array_equal(aware[name], plain[name])
        assert np.abs(aware[name] - weights(normed_network())[name]).max() > 1e-4
    assert np.abs(aware["classifier.weight"] - plain["classifier.weight"]).max() > 1e-4


def test_a_gradient_of_zero_moves_nothing(data):
    """Where no class is ever drawn wrongly, and the length of the gradient is next to nothing."""
    network = linear_network()
    stage = built("epochs = 3; batch_size = 16; sharpness = sam(rho = 0.5); a: ce", data, network)
    image = np.zeros_like(stage.source[0][0])
    label = np.zeros(16, np.int32)
    network.classifier.weight.set_data(Tensor(np.zeros((4, 24), np.float32)))
    network.classifier.bias.set_data(Tensor(np.float32([300, 0, 0, 0])))
    stage.step(Tensor(image), Tensor(label))
    assert all(np.isfinite(value).all() for value in values(network))


@pytest.mark.parametrize("classifier", ["", "crt + "])
def test_class_weights_are_no_longer_than_the_limit(data, classifier):
    text = f'init = "i.ckpt"; epochs = 3; batch_size = 16; optimizer = sgd(lr = 0.3); a: {classifier}ce'
    free = built(text, data, linear_network())
    network = linear_network()
    held = built("constraint = max_norm(threshold = 0.35); " + text, data, network)
    expected = values(network)
    reference = formulas.SGD(weight_decay=0.0005)
    for number in range(STEPS):
        image, label = held.source[number]
        images = formulas.normalise(image, data.mean, data.std)
        _, *gradients = formulas.linear_step(images, label, *expected)
        expected = reference.step(expected, gradients, 0.3)
        length = np.linalg.norm(expected[0], axis=1, keepdims=True)
        expected[0] = expected[0] * np.minimum(1, 0.35 / length)
        for stage in (free, held):
            stage.step(Tensor(image), Tensor(label))
        for actual, wanted in zip(values(network), expected, strict=True):
            np.testing.assert_allclose(actual, wanted, rtol=1e-4, atol=1e-5)
    lengths = np.linalg.norm(values(network)[0], axis=1)
    assert lengths.max() < 0.35001
    assert np.linalg.norm(values(free.step.network)[0], axis=1).max() > 0.4


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("constraint = max_norm; a: ldam", "equally long"),
        ("a: gcl { constraint = max_norm(threshold = 2) }", "equally long"),
        ("a: ce; b: lws @ 50% { constraint = max_norm; optimizer = sgd }", "trains factors"),
    ],
)
def test_a_limit_that_could_do_nothing_is_refused(text, why):
    problems = compile_recipe(Source("recipe.lt", PLAIN + text)).diagnostics
    found = [problem for problem in problems if problem.code == "LT119"]
    assert len(found) == 1
    assert why in found[0].message
    assert "max_norm" in found[0].message


def test_settings_are_a_stages_own_and_start_no_optimizer():
    run = plan(
        "epochs = 10; sharpness = sam(rho = 0.1); a: ce; b: cs_ce @ 50% { sharpness = sam(rho = 0.5) }; "
        "c: ce @ 80% { constraint = max_norm(threshold = 0.5) }"
    )
    assert [stage.sharpness.rho for stage in run.stages] == [0.1, 0.5, 0.1]
    assert [stage.constraint and stage.constraint.threshold for stage in run.stages] == [
        None,
        None,
        0.5,
    ]
    assert [stage.fresh_optimizer for stage in run.stages] == [True, False, False]
