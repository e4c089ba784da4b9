"""`prior2posterior`: the measured prior against another way to compute it, and what a run does with it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from ltdsl_runtime.tricks.priors import effective_prior
from scipy.special import log_softmax, logsumexp, softmax
from support.training import PLAIN, conv_network, count_compilations, plan, trainer

from ltdsl.compiler import compile_recipe
from ltdsl.runs.arrays import read_predictions
from ltdsl.source import Source

TAU = 1.5
TEXT = (
    PLAIN + "epochs = 3; batch_size = 16; validation = 0.1; optimizer = sgd(lr = 0.5); CALIBRATION"
    f"a: balanced_softmax + prior2posterior(tau = {TAU})"
)


def test_it_is_the_mean_prediction():
    rng = np.random.default_rng(2)
    logits = np.float32(rng.normal(size=(300, 7)) * 9 + np.linspace(-40, 40, 7))
    log_p = log_softmax(np.float64(logits), 1)
    expected = logsumexp(log_p, axis=0) - np.log(len(logits))
    np.testing.assert_allclose(np.log(effective_prior(logits)), expected, rtol=1e-12)


def test_it_is_finite_where_a_class_is_never_thought_of():
    prior = effective_prior(np.float32([[1e4, -1e4], [1e4, -1e4]]))
    assert prior[0] == 1
    assert 0 < prior[1] < 1e-200
    assert np.isfinite(np.log(prior)).all()


def expected_logits(folder, which, part):
    _, held = read_predictions(folder, which, "validation", logits=True)
    _, kept = read_predictions(folder, which, part, logits=True)
    z = np.float64(held.logits)
    prior = softmax(z, 1).mean(0)
    return kept, np.float64(kept.logits) - TAU * np.log(prior), prior


@pytest.mark.parametrize("setting", ["", "calibration = temperature; "])
def test_a_run_is_judged_corrected_by_what_its_weights_have_learned(data, tmp_path, setting):
    run = plan(TEXT.replace("CALIBRATION", setting))
    made = trainer(run, data, tmp_path / "run", conv_network())
    with count_compilations() as seen:
        figures = made()
    assert seen.count("EvalStep") == 1  # however often it is measured
    for which in ("last", "best"):
        kept, z, prior = expected_logits(tmp_path / "run", which, "test")
        np.testing.assert_allclose(figures[which]["effective_prior"], prior, rtol=1e-5)
        np.testing.assert_array_equal(kept.prediction, z.argmax(1))
        temperature = figures[which].get("temperature", 1.0)
        assert ("temperature" in figures[which]) == bool(setting)
        np.testing.assert_allclose(kept.confidence, softmax(z / temperature, 1).max(1), rtol=1e-4)
    held, z, _ = expected_logits(tmp_path / "run", "last", "validation")
    assert (z.argmax(1) != held.logits.argmax(1)).any()  # or nothing could be told apart
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    error = 100 * (z.argmax(1) != held.label).mean()
    assert json.loads(lines[-1])["top1_error"] == pytest.approx(error)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a: prior2posterior", "there is none"),
        ("validation = 0.1; a: focal + prior2posterior", "each class on its own"),
        ("validation = 0.1; epochs = 9; a: focal; b: prior2posterior @ epoch 3", "on its own"),
    ],
)
def test_what_cannot_be_measured_is_refused(text, why):
    problems = compile_recipe(Source("recipe.lt", PLAIN + text)).diagnostics
    (found,) = [problem for problem in problems if problem.code == "LT129"]
    assert why in found.message
    assert "prior2posterior" in found.span.text
