"""Every loss of the catalogue in a training step, and what evaluation makes of it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from ltdsl_runtime.data import load_data
from ltdsl_runtime.graph.evaluation import EvalStep
from ltdsl_runtime.graph.normalise import Normalise
from ltdsl_runtime.models import CosineClassifier, build_network
from ltdsl_runtime.training.evaluate import Evaluator
from ltdsl_runtime.training.stages import build_stage
from ltdsl_runtime.tricks.optimizers import build_optimizer
from mindspore import Tensor
from scipy.special import expit, softmax
from support.training import PLAIN, linear_network, plan, trainer, weights

from ltdsl.catalogue import LOSSES


@pytest.fixture(scope="module")
def digits():
    return load_data(plan("epochs = 1; schedule = constant; s: ce"), None)


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_trains_without_recompiling(name, digits, compilations):
    """Two steps of ResNet-8, mixed; masks, features and cosines included."""
    run = plan(PLAIN + f"epochs = 2; batch_size = 16; s: {name} + input_mixup")
    network = build_network("resnet8", {}, 10, 1, run.seed, run.logit_scale)
    start = weights(network)
    optimizer = build_optimizer(run.stages[0].optimizer, network.trainable_params(), [1e-4] * 2)
    stage = build_stage(run, run.stages[0], digits, network, optimizer)
    stage.step.set_train(True)
    compilations.clear()
    for number in range(2):
        loss = stage.step(*map(Tensor, stage.source[number]))
        assert math.isfinite(float(loss.asnumpy()))
    assert compilations == ["TrainStep"]
    end = weights(network)
    assert all(np.isfinite(value).all() for value in end.values())
    assert [key for key, value in end.items() if np.all(value == start[key])] == []


@pytest.mark.parametrize("mixer", ["", " + input_mixup"])
def test_masks_come_from_seed_epoch_and_step_alone(digits, mixer):
    def source(seed):
        run = plan(
            PLAIN + f"epochs = 3; batch_size = 64; seed = {seed}; s: seql(lambda = 0.05){mixer}"
        )
        network = build_network("resnet8", {}, 10, 1)
        optimizer = build_optimizer(run.stages[0].optimizer, network.trainable_params(), [0.1])
        stage = build_stage(run, run.stages[0], digits, network, optimizer)
        assert [name for name in stage.source.columns if name.startswith("loss")] == ["loss0"]
        assert stage.source.columns[-1] == "loss0"
        return stage.source

    first, again, other = source(1), source(1), source(2)
    masks = [first[i][-1] for i in range(len(first))]
    assert masks[0].shape == (64, 10)
    for number in reversed(range(len(first))):
        np.testing.assert_array_equal(again[number][-1], masks[number])
    assert len({mask.tobytes() for mask in masks}) == len(masks)
    assert np.any(other[0][-1] != masks[0])


@pytest.mark.parametrize(
    ("stages", "probability"),
    [
        ("a: ce; b: focal @ 50%", lambda z: expit(z)),
        ("a: focal; b: ce @ 50%", lambda z: softmax(z, axis=1)),
        ("a: ce; b: balanced_softmax @ 50%", lambda z: softmax(z, axis=1)),
    ],
)
def test_confidence_is_that_of_the_last_stages_loss(data, tmp_path, stages, probability):
    run = plan(PLAIN + f"epochs = 2; batch_size = 8; {stages}")
    made = trainer(run, data, tmp_path / "run")
    network = linear_network()
    step = EvalStep(network, Normalise(data.mean, data.std), run.stages[-1].loss.confidence)
    assert type(made.evaluate._step.predict.probability) is type(step.predict.probability)
    columns = data.test.images[:7], data.test.labels[:7], np.ones(7, np.float32)
    prediction, confidence, *_ = (value.asnumpy() for value in step(*map(Tensor, columns)))
    images = (data.test.images[:7] / 255 - data.mean.reshape(-1, 1, 1)) / data.std.reshape(-1, 1, 1)
    flat = images.reshape(7, -1)
    logits = flat @ network.classifier.weight.asnumpy().T.astype(np.float64)
    np.testing.assert_array_equal(prediction, logits.argmax(1))
    np.testing.assert_allclose(confidence, probability(logits).max(1), rtol=1e-5)


def test_confidence_of_the_best_epoch_is_that_of_the_loss_it_was_trained_with(data, tmp_path):
    run = plan(
        PLAIN
        + "epochs = 2; batch_size = 8; best_on = test; best_by = top1_error; a: focal; b: ce @ epoch 1 "
        + "{ optimizer = sgd(lr = 50) }"  # spoils it
    )
    made = trainer(run, data, tmp_path / "run", linear_network())
    figures = made()
    assert (figures["best"]["epoch"], figures["last"]["epoch"]) == (0, 1)
    images = (data.test.images / 255 - data.mean.reshape(-1, 1, 1)) / data.std.reshape(-1, 1, 1)
    for which, epoch, probability in (("best", 0, expit), ("last", 1, lambda z: softmax(z, 1))):
        values = made.reporter.ends[epoch]
        flat = images.reshape(len(images), -1)
        logits = flat @ np.float64(values["classifier.weight"]).T + values["classifier.bias"]
        confidence = 100 * probability(logits).max(1).mean()
        bins = [found for found in figures[which]["calibration"] if found["count"]]
        mean = sum(found["count"] * found["confidence"] for found in bins) / len(images)
        assert mean == pytest.approx(confidence, rel=1e-4)


def test_a_prediction_is_the_largest_logit_even_where_probabilities_are_equal(data):
    network = linear_network()
    network.classifier.weight.set_data(Tensor(np.zeros((4, 24), np.float32)))
    network.classifier.bias.set_data(Tensor(np.float32([50, 60, 70, 65])))
    step = EvalStep(network, Normalise(data.mean, data.std), "sigmoid")
    columns = data.test.images[:3], data.test.labels[:3], np.ones(3, np.float32)
    prediction, confidence, *_ = (value.asnumpy() for value in step(*map(Tensor, columns)))
    assert prediction.tolist() == [2, 2, 2]
    assert prediction.dtype == np.int32
    assert confidence.tolist() == [1, 1, 1]


def test_deferred_reweighting_with_ldam(digits, tmp_path):
    run = plan(
        PLAIN + "epochs = 4; optimizer = sgd(lr = 0.02); a: ldam; b: ldam(beta = 0.9999) @ epoch 3"
    )
    made = trainer(run, digits, tmp_path / "run")
    assert isinstance(made.network.classifier, CosineClassifier)
    assert made.network.classifier.scale == 30
    result = made()
    assert result["last"]["top1_error"] < 80
    scores = Evaluator(EvalStep(made.network, Normalise(digits.mean, digits.std)), 10)(digits.test)
    assert scores.top1_error == result["last"]["top1_error"]
