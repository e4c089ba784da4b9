"""Temperatures: the fit against another minimiser, and what a run says and does with it."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from ltdsl_runtime.tricks.calibration import HIGHEST, LOWEST, fitted_temperature
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from support.training import PLAIN, conv_network, plan, trainer

from ltdsl.compiler import compile_recipe
from ltdsl.runs.arrays import read_predictions
from ltdsl.source import Source


def cross_entropy(temperature, logits, label):
    return -log_softmax(logits / temperature, 1)[np.arange(len(label)), label].mean()


@pytest.mark.parametrize("sharp", [0.3, 1.0, 8.0])
def test_it_is_the_smallest_cross_entropy(sharp):
    rng = np.random.default_rng(3)
    logits = rng.normal(size=(400, 6))
    label = np.int32([rng.choice(6, p=row) for row in softmax(logits, 1)])
    found = fitted_temperature(np.float32(sharp * logits), label)
    best = minimize_scalar(
        lambda log: cross_entropy(np.exp(log), sharp * logits, label),
        bounds=(np.log(LOWEST), np.log(HIGHEST)),
        method="bounded",
        options={"xatol": 1e-9},
    )
    assert found == pytest.approx(np.exp(best.x), rel=1e-4)
    assert found == pytest.approx(sharp, rel=0.25)  # that of which the labels were drawn


def test_where_there_is_no_smallest_one():
    logits = np.float32([[900, 0], [0, 900]])
    assert fitted_temperature(logits, np.int32([0, 1])) == pytest.approx(LOWEST)
    assert fitted_temperature(-logits, np.int32([0, 1])) == pytest.approx(HIGHEST)


TEXT = (
    PLAIN + "epochs = 3; batch_size = 16; validation = 0.1; optimizer = sgd(lr = 0.5); CALIBRATION"
    "a: ce + posthoc_logit_adjustment(tau = 0.5)"
)


@pytest.fixture(scope="module")
def runs(data, tmp_path_factory):
    found = {}
    for name, setting in (("plain", ""), ("calibrated", "calibration = temperature; ")):
        folder = tmp_path_factory.mktemp(name) / "run"
        made = trainer(plan(TEXT.replace("CALIBRATION", setting)), data, folder, conv_network())
        found[name] = made, made(), folder
    return found


def test_confidence_changes_and_nothing_else(runs, data):
    plain, calibrated = (runs[name][1] for name in ("plain", "calibrated"))
    for which in ("last", "best"):
        before, after = plain[which], calibrated[which]
        assert after["confusion"] == before["confusion"]
        assert after["uncalibrated_error"] == pytest.approx(before["expected_calibration_error"])
        assert "temperature" not in before
        counts, about = np.float64(data.counts), {}
        for part in ("validation", "test"):
            _, kept = read_predictions(runs["calibrated"][2], which, part, logits=True)
            logits = kept.logits - 0.5 * np.log(counts / counts.sum())
            about[part] = replace(kept, logits=logits)
        found = fitted_temperature(about["validation"].logits, about["validation"].label)
        assert after["temperature"] == pytest.approx(found, rel=1e-4)
        expected = softmax(about["test"].logits / np.float64(after["temperature"]), 1).max(1)
        np.testing.assert_allclose(about["test"].confidence, expected, rtol=1e-4)
    lines = [(runs[n][2] / "metrics.jsonl").read_text().splitlines() for n in runs]
    for one, other in zip(*lines, strict=True):
        first, second = json.loads(one), json.loads(other)
        assert {**first, "seconds": 0} == {**second, "seconds": 0}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("calibration = temperature; a: ce", "there is none"),
        ("calibration = temperature; validation = 0.1; a: focal", "each class on its own"),
    ],
)
def test_what_cannot_be_fitted_is_refused(text, why):
    problems = compile_recipe(Source("recipe.lt", PLAIN + text)).diagnostics
    found = [problem for problem in problems if problem.code == "LT129"]
    assert len(found) == 1
    assert why in found[0].message
