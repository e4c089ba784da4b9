"""Evaluation: figures against plain NumPy, and what it must leave alone."""

from __future__ import annotations

import json
import tracemalloc

import mindspore as ms
import numpy as np
import pytest
from ltdsl_runtime.data import ImageArrays
from ltdsl_runtime.data.pipeline import evaluation_dataset
from ltdsl_runtime.graph.evaluation import EvalStep
from ltdsl_runtime.graph.normalise import Normalise
from ltdsl_runtime.training import evaluate
from ltdsl_runtime.training.evaluate import Confusion, Counts, Evaluator
from ltdsl_runtime.training.stages import build_stage
from ltdsl_runtime.tricks.optimizers import build_optimizer
from mindspore import Tensor
from support import training_formulas as formulas
from support.training import (
    PLAIN,
    assert_same,
    conv_network,
    normed_network,
    plan,
    trainer,
    weights,
)

CLASSES = 6
NAMES = tuple("abcdef")


def counted(prediction, confidence, label, mask, batch=32):
    counts = Counts(CLASSES)
    for at in range(0, len(label), batch):
        here = slice(at, at + batch)
        columns = (prediction, confidence, label, mask)
        counts.update(*(Tensor(column[here]) for column in columns))
    return counts.eval()


def calibration_error(right, confidence, bins=15):
    """Guo et al. (2017), equations 2 and 3: bins ((m − 1)/M, m/M], one at a time."""
    total = 0.0
    for m in range(1, bins + 1):
        inside = (confidence > (m - 1) / bins) & (confidence <= m / bins)
        if inside.any():
            total += inside.sum() * abs(right[inside].mean() - confidence[inside].mean())
    return 100 * total / len(confidence)


def matrix(figures):
    """As docs/runs.md says."""
    cells = figures["confusion"]
    confusion = np.zeros((CLASSES, CLASSES), int)
    confusion[cells["label"], cells["prediction"]] = cells["count"]
    return confusion.tolist()


@pytest.fixture
def outputs():
    rng = np.random.default_rng(11)
    label = rng.integers(CLASSES, size=300).astype(np.int32)
    prediction = np.where(rng.random(300) < 0.6, label, rng.integers(CLASSES, size=300))
    confidence = rng.uniform(1 / CLASSES, 1, 300).astype(np.float32)
    confidence[:2] = 1.0
    mask = (rng.random(300) < 0.9).astype(np.float32)
    return prediction.astype(np.int32), confidence, label, mask


def test_figures(outputs):
    prediction, confidence, label, mask = outputs
    train_counts = (500, 200, 90, 21, 19, 3)
    figures = counted(*outputs).report(train_counts, NAMES)
    real = mask == 1
    prediction, confidence, label = prediction[real], np.float64(confidence[real]), label[real]
    right = prediction == label
    assert figures["top1_error"] == pytest.approx(100 * (1 - right.mean()))
    assert figures["expected_calibration_error"] == pytest.approx(
        calibration_error(right, confidence), rel=1e-6
    )
    accuracy = [100 * right[label == c].mean() for c in range(CLASSES)]
    assert [row["accuracy"] for row in figures["per_class"]] == pytest.approx(accuracy)
    assert [row["train_images"] for row in figures["per_class"]] == list(train_counts)
    assert [row["test_images"] for row in figures["per_class"]] == [
        (label == c).sum() for c in range(CLASSES)
    ]
    assert figures["macro_recall"] == pytest.approx(np.mean(accuracy))
    groups = {"many": accuracy[:2], "medium": accuracy[2:4], "few": accuracy[4:]}
    assert figures["groups"] == {
        name: {"classes": 2, "accuracy": pytest.approx(np.mean(values))}
        for name, values in groups.items()
    }
    expected = [
        [((label == y) & (prediction == p)).sum() for p in range(CLASSES)] for y in range(CLASSES)
    ]
    assert matrix(figures) == expected


def test_classes_without_test_images_are_left_out_of_macro_recall():
    label = np.int32([0, 0, 1, 1])
    figures = counted(np.int32([0, 1, 1, 1]), np.float32([1] * 4), label, np.float32([1] * 4))
    assert figures.report((9,) * CLASSES, NAMES)["macro_recall"] == pytest.approx(75)


def test_classes_without_test_images_have_no_accuracy_and_no_part_in_their_group():
    label = np.int32([0, 0, 1, 2, 2, 4])
    prediction = np.int32([0, 1, 0, 2, 0, 4])
    ones = np.ones(6, np.float32)
    counts = (500, 200, 90, 21, 19, 3)  # two classes a group; 3 and 5 have no test image
    figures = counted(prediction, ones, label, ones).report(counts, NAMES)
    assert [row["accuracy"] for row in figures["per_class"]] == [50, 0, 50, None, 100, None]
    accuracies = {name: group["accuracy"] for name, group in figures["groups"].items()}
    assert accuracies == {"many": 25, "medium": 50, "few": 100}
    assert figures["macro_recall"] == pytest.approx((50 + 0 + 50 + 100) / 4)


def test_bins_of_a_reliability_diagram(outputs):
    prediction, confidence, label, mask = outputs
    bins = counted(*outputs).report((9,) * CLASSES, NAMES)["calibration"]
    assert len(bins) == 15
    right = prediction == label
    for number, found in enumerate(bins):
        inside = (confidence > number / 15) & (confidence <= (number + 1) / 15) & (mask == 1)
        assert (found["above"], found["to"]) == (100 * number / 15, 100 * (number + 1) / 15)
        assert found["count"] == inside.sum()
        if not inside.any():
            assert (found["accuracy"], found["confidence"]) == (None, None)
            continue
        assert found["accuracy"] == pytest.approx(100 * right[inside].mean())
        assert found["confidence"] == pytest.approx(100 * np.float64(confidence[inside]).mean())


def test_thousands_of_classes_take_little_room():
    """A matrix of inat18's 8,142 classes as JSON would have 66 million numbers."""
    rng = np.random.default_rng(5)
    label, prediction = rng.integers(8142, size=(2, 24_426)).astype(np.int32)
    counts = Counts(8142)
    ones = np.ones(256, np.float32)
    tracemalloc.start()
    for at in range(0, 24_426, 256):
        here = slice(at, at + 256)
        some = ones[: len(label[here])]
        counts.update(*map(Tensor, (prediction[here], some, label[here], some)))
    figures = counts.eval().report([1] * 8142, [str(c) for c in range(8142)])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 30e6
    assert len(json.dumps(figures)) < 3e6
    assert figures["top1_error"] == pytest.approx(100 * (label != prediction).mean())
    assert sum(figures["confusion"]["count"]) == 24_426


def test_a_confusion_is_a_matrix_without_its_empty_cells():
    rng = np.random.default_rng(6)
    label, prediction = rng.integers(CLASSES, size=(2, 50))
    dense = np.zeros((CLASSES, CLASSES), int)
    np.add.at(dense, (label, prediction), 1)
    confusion = Confusion.of(CLASSES, label, prediction)
    np.testing.assert_array_equal(confusion.dense(), dense)
    np.testing.assert_array_equal(confusion.by_label(), dense.sum(axis=1))
    np.testing.assert_array_equal(confusion.right(), np.diag(dense))
    assert np.all(confusion.images > 0)


def test_padding_is_never_counted(outputs):
    prediction, confidence, label, mask = outputs
    padded = counted(prediction, confidence, label, mask)
    keep = mask == 1
    alone = counted(prediction[keep], confidence[keep], label[keep], mask[keep], batch=7)
    np.testing.assert_array_equal(padded.confusion.dense(), alone.confusion.dense())
    np.testing.assert_allclose(padded.calibration, alone.calibration, rtol=1e-6)


def test_certainty_belongs_to_the_last_bin():
    ones = np.float32([1.0])
    scores = counted(np.int32([0]), ones, np.int32([0]), ones)
    assert scores.calibration[-1].tolist() == [1, 1, 1]
    assert scores.calibration_error == 0


class Session:
    """A network that is trained and evaluated by turns."""

    def __init__(self, data, network):
        run = plan(PLAIN + "epochs = 9; batch_size = 16; optimizer = sgd(lr = 0.2); a: ce")
        self.data, self.network = data, network
        self.evaluate = Evaluator(EvalStep(network, Normalise(data.mean, data.std)), 4)
        self.optimizer = build_optimizer(
            run.stages[0].optimizer, network.trainable_params(), [0.2] * 36
        )
        self.stage = build_stage(run, run.stages[0], data, network, self.optimizer)
        self.stage.step.set_train(True)

    def train(self, number):
        return float(self.stage.step(*map(Tensor, self.stage.source[number])).asnumpy())

    def turns(self, steps, evaluate):
        for number in range(steps):
            self.train(number)
            if evaluate:
                self.evaluate(self.data.validation)
                self.stage.step.set_train(True)  # as Model.train does at a stage's start
        return weights(self.network)


def normed_logits(values, images, mean, variance):
    shape = (1, -1, 1, 1)
    x = (images - mean.reshape(shape)) / np.sqrt(variance.reshape(shape) + 1e-5)
    x = x * values["body.stem.gamma"].reshape(shape) + values["body.stem.beta"].reshape(shape)
    return x.reshape(len(x), -1) @ values["classifier.weight"].T + values["classifier.bias"]


def test_batch_norms_use_the_batch_in_training_and_the_moving_statistics_in_evaluation(data):
    """Though both graphs share the network and take turns."""
    session = Session(data, normed_network())
    for number in range(6):
        before = {k: np.float64(v) for k, v in weights(session.network).items()}
        image, label = session.stage.source[number]
        images = formulas.normalise(image, data.mean, data.std)
        mean, variance = images.mean((0, 2, 3)), images.var((0, 2, 3))
        p = formulas.softmax(normed_logits(before, images, mean, variance))
        loss = -np.log(p[np.arange(16), label]).mean()
        assert session.train(number) == pytest.approx(loss, rel=1e-5)

        after = {k: np.float64(v) for k, v in weights(session.network).items()}
        unbiased = variance * 192 / 191  # 16 images of 4×3 pixels
        for name, batch in (("moving_mean", mean), ("moving_variance", unbiased)):
            target = 0.9 * before[f"body.stem.{name}"] + 0.1 * batch
            np.testing.assert_allclose(after[f"body.stem.{name}"], target, rtol=1e-5, atol=1e-6)

        scores = session.evaluate(data.test)
        images = formulas.normalise(data.test.images, data.mean, data.std)
        moving = after["body.stem.moving_mean"], after["body.stem.moving_variance"]
        p = formulas.softmax(normed_logits(after, images, *moving))
        confusion = np.zeros((4, 4), int)
        np.add.at(confusion, (data.test.labels, p.argmax(1)), 1)
        np.testing.assert_array_equal(scores.confusion.dense(), confusion)
        assert scores.calibration[:, 2].sum() == pytest.approx(p.max(1).sum(), rel=1e-5)
        assert_same(weights(session.network), {k: np.float32(v) for k, v in after.items()})
        session.stage.step.set_train(True)


def test_a_fresh_network_with_the_same_weights_scores_the_same(data):
    session = Session(data, conv_network(seed=1))
    session.turns(5, evaluate=True)
    fresh = conv_network(seed=2)
    for target, source in zip(
        fresh.get_parameters(), session.network.get_parameters(), strict=True
    ):
        target.set_data(Tensor(source.asnumpy()))
    scores = Evaluator(EvalStep(fresh, Normalise(data.mean, data.std)), 4)(data.test)
    again = session.evaluate(data.test)
    np.testing.assert_array_equal(scores.confusion.dense(), again.confusion.dense())
    np.testing.assert_array_equal(scores.calibration, again.calibration)


def test_evaluation_does_not_change_training(data):
    with_it = Session(data, conv_network(seed=3)).turns(10, evaluate=True)
    without = Session(data, conv_network(seed=3)).turns(10, evaluate=False)
    assert_same(with_it, without)


def test_evaluation_between_epochs_does_not_change_training(data, tmp_path):
    """The same, through the trainer."""
    run = plan(PLAIN + "epochs = 4; batch_size = 16; a: input_mixup; b: cs_ce @ epoch 2")
    ends = []
    for number, skip in enumerate((False, True)):
        made = trainer(run, data, tmp_path / str(number), conv_network(seed=4))
        if skip:
            first = made.evaluate(data.test)
            made.evaluate = lambda arrays, logits=False, first=first: first
        made()
        ends.append(weights(made.network))
    assert_same(*ends)


def test_an_image_set_of_one(data):
    one = ImageArrays(data.test.images[:1], data.test.labels[:1], data.test.class_names)
    network = normed_network()
    scores = Evaluator(EvalStep(network, Normalise(data.mean, data.std)), 4)(one)
    assert scores.confusion.images.sum() == 1
    assert ms.get_context("mode") == ms.GRAPH_MODE


def test_images_of_a_step_are_as_many_whichever_part_comes_first(data, tmp_path, monkeypatch):
    """The last digits of logits depend on it: a run and `ltdsl evaluate` come to the same ones."""
    sizes = []

    def note(rows, batch, workers):
        sizes.append(batch)
        return evaluation_dataset(rows, batch, workers)

    monkeypatch.setattr(evaluate, "evaluation_dataset", note)
    monkeypatch.setattr(evaluate, "MULTIPLE", 1)
    assert len(data.train) != len(data.test)
    made = trainer(plan(PLAIN + "epochs = 1; one: ce"), data, tmp_path / "run", conv_network())
    made.evaluate(data.train)
    made.evaluate(data.test)
    assert sizes == [evaluate.batch_size(len(data.test))] * 2
