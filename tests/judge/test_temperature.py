"""A temperature that mends confidences, and the mistakes that a network was surest of."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from support.report import make_run, plan_of

from ltdsl.judge.mistakes import MOST, surest
from ltdsl.judge.temperature import fitted, tempered
from ltdsl.runs.arrays import Observed, write_predictions
from ltdsl.runs.reading import read_run

CLASSES = 10


def observed(images, sharpness, seed):
    """Logits that are the log of true probabilities, times a sharpness."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (images, CLASSES))
    label = np.array([rng.choice(CLASSES, p=softmax(row)) for row in logits], np.int32)
    kept = (sharpness * logits).astype(np.float32)
    confidence = softmax(kept.astype(float), 1).max(1).astype(np.float32)
    return Observed(label, kept.argmax(1).astype(np.int32), confidence, kept)


@pytest.mark.parametrize("sharpness", [0.5, 1.0, 3.0])
def test_it_is_that_of_the_least_cross_entropy(sharpness):
    held = observed(2000, sharpness, 1)
    rows = np.arange(len(held.label))

    def entropy(t):
        return -log_softmax(held.logits.astype(float) / t, 1)[rows, held.label].mean()

    expected = minimize_scalar(entropy, bounds=(0.05, 20), method="bounded").x
    assert fitted(held) == pytest.approx(expected, rel=1e-3)
    assert fitted(held) == pytest.approx(sharpness, rel=0.1)


@pytest.fixture
def kept(tmp_path):
    def make(confidence="softmax", posthoc=None, parts=("validation", "test")):
        run = make_run(tmp_path / "run", plan=plan_of())
        for number, part in enumerate(parts):
            write_predictions(
                run,
                "predictions",
                observed(3000, 3.0, number),
                checkpoint="last",
                part=part,
                epoch=11,
                classes=CLASSES,
                data_sha256="b" * 64,
                confidence=confidence,
                posthoc=posthoc,
            )
        return read_run(run)

    return make


def test_confidences_become_those_of_their_accuracy(kept):
    found = tempered(kept().path, "last", 15)
    assert found.images == 3000
    assert found.temperature == pytest.approx(3, rel=0.1)
    assert found.error < 3
    assert sum(each.count for each in found.bins) == 3000
    for each in found.bins:
        if each.count > 100:
            assert each.above < each.confidence <= each.to
            assert each.accuracy == pytest.approx(each.confidence, abs=10)


@pytest.mark.parametrize(
    "what", [{"confidence": "sigmoid"}, {"posthoc": "tau_norm"}, {"parts": ("test",)}]
)
def test_other_confidences_have_none(kept, what):
    assert tempered(kept(**what).path, "last", 15) is None


def test_the_surest_mistakes_come_first(kept):
    run = kept()
    found = surest(run, "last")
    test = observed(3000, 3.0, 1)
    wrong = [i for i in range(3000) if test.prediction[i] != test.label[i]]
    expected = sorted(wrong, key=lambda i: -test.confidence[i])[:MOST]
    assert [each.image for each in found] == expected
    names = [row.name for row in run.evaluation.last.per_class]
    first = found[0]
    assert first.label == names[test.label[expected[0]]]
    assert first.prediction == names[test.prediction[expected[0]]]
    assert first.confidence == pytest.approx(100 * test.confidence[expected[0]])
    assert surest(run, "best") == []
