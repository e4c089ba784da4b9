"""Figures of one checkpoint and their intervals, against SciPy's and plain counting."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest
from support.report import figures, make_run, plan_of

from ltdsl.judge.ranking import ranking
from ltdsl.judge.shares import class_scores, macro_f1, of_class, shares
from ltdsl.runs.arrays import Observed, write_predictions
from ltdsl.runs.evaluation import Figures


@pytest.fixture(scope="module")
def measured():
    import random

    given = figures(plan_of(), random.Random(4), [str(c) for c in range(10)], 0.0, 40)
    return Figures.model_validate(given)


def test_a_class_has_wilsons_interval(measured):
    for row in measured.per_class:
        found = of_class(row)
        right = round(row.accuracy * 40 / 100)
        expected = binomtest(right, 40).proportion_ci(method="wilson")
        assert (found.low, found.high) == pytest.approx(
            (100 * expected.low, 100 * expected.high), abs=1e-9
        )


def test_figures_are_those_of_the_evaluation_within_their_intervals(measured):
    found = shares(measured)
    assert found["error"].value == pytest.approx(measured.top1_error)
    assert found["macro_recall"].value == pytest.approx(measured.macro_recall)
    for name in ("many", "medium", "few"):
        assert found[name].value == pytest.approx(measured.groups[name].accuracy)
    for each in found.values():
        assert 0 <= each.low < each.value < each.high <= 100


def test_few_images_that_are_all_right_are_no_certainty(measured):
    rows = tuple(
        row.model_copy(update={"accuracy": 100.0, "test_images": 3}) for row in measured.per_class
    )
    found = shares(measured.model_copy(update={"per_class": rows}))
    assert found["few"].value == found["few"].high == pytest.approx(100)
    assert 55 < found["few"].low < 85
    assert found["error"].low == pytest.approx(0, abs=1e-9)


def test_the_interval_holds_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(5)
    truth = np.array([0.95, 0.8, 0.6, 0.4, 0.3])
    counts = [500, 200, 60, 10, 5]
    held = 0
    for _ in range(400):
        right = rng.binomial(30, truth)
        rows = [
            {"class": str(c), "train_images": n, "test_images": 30, "accuracy": 100 * r / 30}
            for c, (n, r) in enumerate(zip(counts, right.tolist(), strict=True))
        ]
        given = {"epoch": 0, "groups": {}, "per_class": rows}
        found = shares(Figures.leniently(given, []))["macro_recall"]
        held += found.low <= 100 * truth.mean() <= found.high
    assert 0.92 <= held / 400 <= 0.985


def test_precision_recall_and_f1(measured):
    cells = measured.confusion
    matrix = np.zeros((10, 10))
    matrix[cells.label, cells.prediction] = cells.count
    right = np.diag(matrix)
    found = class_scores(measured)
    assert [each.recall for each in found] == pytest.approx(100 * right / matrix.sum(1))
    assert [each.precision for each in found] == pytest.approx(100 * right / matrix.sum(0))
    f1 = 200 * right / (matrix.sum(0) + matrix.sum(1))
    assert [each.f1 for each in found] == pytest.approx(f1)
    assert macro_f1(found) == pytest.approx(f1.mean())


@pytest.mark.parametrize("confidence", ["softmax", "sigmoid"])
def test_top_5_and_the_area_under_the_curves(tmp_path, confidence):
    rng = np.random.default_rng(6)
    label = rng.integers(7, size=60).astype(np.int32)
    logits = rng.normal(size=(60, 7)).astype(np.float32).round(1)  # with ties
    logits[np.arange(60), label] += 0.5
    run = make_run(tmp_path / "run")
    write_predictions(
        run,
        "predictions",
        Observed(label, logits.argmax(1).astype(np.int32), np.full(60, 0.5, np.float32), logits),
        checkpoint="last",
        part="test",
        epoch=11,
        classes=7,
        data_sha256="b" * 64,
        confidence=confidence,
        posthoc=None,
    )
    found = ranking(run, "last")
    ranks = [sum(z > row[y] for z in row) for row, y in zip(logits, label, strict=True)]
    assert found.top5_error == pytest.approx(100 * np.mean([rank >= 5 for rank in ranks]))
    scores = np.float64(logits)
    if confidence == "softmax":
        scores = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    areas = []
    for c in range(7):
        own, other = scores[label == c, c][:, None], scores[label != c, c][None]
        areas.append(((own > other + 1e-12) + 0.5 * (abs(own - other) <= 1e-12)).mean())
    assert found.auroc == pytest.approx(100 * np.mean(areas))
    assert ranking(run, "best") is None
