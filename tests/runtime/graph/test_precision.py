"""Number formats, loss scaling and clipping, against steps written down by hand."""

from __future__ import annotations

import numpy as np
import pytest
from ltdsl_runtime.errors import RunError
from ltdsl_runtime.models import freeze
from ltdsl_runtime.training.stages import build_stage, rates_of_steps
from ltdsl_runtime.tricks.optimizers import build_optimizer
from mindspore import Tensor
from support import training_formulas as formulas
from support.training import PLAIN, conv_network, linear_network, plan, trainer, weights

ONE = PLAIN + "epochs = 1; batch_size = 16; optimizer = sgd(lr = 0.3, momentum = 0.9); "


def build(text, data, network):
    run = plan(ONE + text)
    optimizer = build_optimizer(
        run.stages[0].optimizer, network.trainable_params(), rates_of_steps(run, 0, data.counts)
    )
    step = build_stage(run, run.stages[0], data, network, optimizer).step
    step.set_train(True)
    return step


def batch(data):
    return Tensor(data.train.images[:16]), Tensor(data.train.labels[:16])


@pytest.mark.parametrize("clip", [0.05, 1000.0])
def test_clip_norm_shortens_the_whole_gradient_and_only_a_long_one(data, clip):
    network = linear_network()
    step = build(f"clip_norm = {clip}; a: ce", data, network)
    before = weights(network)
    values = [np.float64(before["classifier.weight"]), np.float64(before["classifier.bias"])]
    images, labels = batch(data)
    normalised = formulas.normalise(data.train.images[:16], data.mean, data.std)
    _, *gradients = formulas.linear_step(normalised, data.train.labels[:16], *values)
    length = np.sqrt(sum((gradient**2).sum() for gradient in gradients))
    assert 0.05 < length < 1000
    factor = min(1.0, clip / length)
    expected = formulas.SGD(weight_decay=0.0005).step(
        values, [gradient * factor for gradient in gradients], 0.3
    )
    step(images, labels)
    after = weights(network)
    for name, value in zip(("classifier.weight", "classifier.bias"), expected, strict=True):
        np.testing.assert_allclose(after[name], value, rtol=1e-4, atol=2e-6)


@pytest.mark.parametrize("tricks", ["ce", "cs_ce + input_mixup", "manifold_mixup(layer = pool)"])
def test_float16_rounds_but_trains_the_same(data, tricks):
    found = {}
    for precision in ("fp32", "fp16"):
        network = conv_network()
        step = build(f"precision = {precision}; a: {tricks}", data, network)
        columns = []
        if "mixup" in tricks:
            columns = [
                Tensor(np.arange(16, dtype=np.int32)[::-1].copy()),
                Tensor(np.full(16, 0.3, np.float32)),
            ]
        loss = float(step(*batch(data), *columns).asnumpy())
        found[precision] = loss, weights(network)
    (exact, exact_weights), (rounded, rounded_weights) = found["fp32"], found["fp16"]
    assert rounded == pytest.approx(exact, rel=2e-3)
    assert rounded != exact
    start = weights(conv_network())
    for name, value in exact_weights.items():
        moved = np.abs(value - start[name]).max()
        np.testing.assert_allclose(rounded_weights[name], value, rtol=0, atol=0.02 * moved + 1e-4)
        assert rounded_weights[name].dtype == np.float32


def test_a_step_that_overflows_is_counted_and_skipped(data):
    network = linear_network()
    step = build("precision = fp16; a: ce", data, network)
    step(*batch(data))
    before, optimizer = weights(network), weights(step.update.optimizer)
    total = float(step.total.asnumpy())
    step.update.factor.set_data(Tensor(3e38, step.update.factor.dtype))
    step(*batch(data))
    assert int(step.update.skipped.asnumpy()) == 1
    assert float(step.total.asnumpy()) == total
    assert float(step.update.factor.asnumpy()) == pytest.approx(1.5e38)
    for name, value in {**before, **optimizer}.items():
        current = weights(network) | weights(step.update.optimizer)
        np.testing.assert_array_equal(current[name], value)
    step.update.factor.set_data(Tensor(1024.0, step.update.factor.dtype))
    step(*batch(data))
    assert int(step.update.skipped.asnumpy()) == 1
    assert np.abs(weights(network)["classifier.weight"] - before["classifier.weight"]).max() > 0


def test_an_epoch_of_skipped_steps_says_so(data, tmp_path, monkeypatch):
    monkeypatch.setattr("ltdsl_runtime.graph.precision.START", 3e38)
    run = plan(PLAIN + "precision = fp16; epochs = 1; batch_size = 16; a: ce")
    with pytest.raises(
        RunError, match=r"in epoch 0 [^$]*all steps were skipped[^$]*bf16"
    ) as caught:
        trainer(run, data, tmp_path / "run", linear_network())()
    assert caught.value.code == "LT410"
    assert not (tmp_path / "run" / "metrics.jsonl").exists()


LARGE = PLAIN + "epochs = 1; optimizer = sgd(lr = 0.3, momentum = 0.9); "


@pytest.mark.parametrize(
    "tricks",
    [
        "ce",
        "cs_ce",
        "cs_ce + input_mixup",
        "focal + remix",
        "ldam + cutmix",
        "bbn + cb_ce",
        "seql",
        "cs_ce + bbn + input_mixup",
        'cs_ce + input_mixup + dive(teacher = "teacher.ckpt")',
    ],
)
def test_parts_of_a_step_are_one_larger_batch(data, tricks):
    """Compares two whole epochs; the network has no batch norm, which would see a part."""
    found = []
    for size in ("batch_size = 24", "batch_size = 8; accumulate = 3"):
        run = plan(f"{LARGE}{size}; a: {tricks}")
        network = linear_network()
        optimizer = build_optimizer(
            run.stages[0].optimizer, network.trainable_params(), rates_of_steps(run, 0, data.counts)
        )
        teacher = freeze(linear_network(1)) if "dive" in tricks else None
        stage = build_stage(run, run.stages[0], data, network, optimizer, teacher)
        stage.step.set_train(True)
        assert len(stage.source) == 2
        losses = [float(stage.step(*map(Tensor, stage.source[i])).asnumpy()) for i in range(2)]
        found.append((losses, weights(network)))
    (losses, whole), (part_losses, parts) = found
    np.testing.assert_allclose(part_losses, losses, rtol=1e-5)
    for name, value in whole.items():
        np.testing.assert_allclose(parts[name], value, rtol=1e-4, atol=1e-6)
