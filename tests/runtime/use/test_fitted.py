"""What is fitted to a run's weights, or averaged of them, is in whatever the run is used for."""

from __future__ import annotations

import json
import subprocess

import numpy as np
import onnxruntime
import pytest
from ltdsl_runtime.use.export import export_run
from ltdsl_runtime.use.inference import load_model
from ltdsl_runtime.use.reevaluate import evaluate_run
from support.processes import command, environment
from support.use import opened

from ltdsl.runs.arrays import read_predictions

RECIPE = """
epochs = 3; validation = 0.2; calibration = temperature; average = ema(decay = 0.9)
stage1: balanced_softmax + prior2posterior
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fitted")
    (folder / "recipe.lt").write_text(RECIPE)
    subprocess.run(
        command("run", "recipe.lt", "--out", "run"),
        cwd=folder,
        env=environment(),
        capture_output=True,
        timeout=300,
        check=True,
    )
    return folder / "run"


@pytest.mark.parametrize("which", ["last", "best"])
def test_an_exported_model_predicts_what_the_run_did(run, test_part, tmp_path, which):
    facts = export_run(opened(run), "onnx", tmp_path / "model.onnx", which)
    figures = json.loads((run / "evaluation.json").read_text())[which]
    assert facts["weights"] == figures["weights"] == "averaged"
    assert facts["temperature"] == figures["temperature"] != 1
    assert facts["effective_prior"] == figures["effective_prior"]
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"))
    logits, probabilities = session.run(None, {"image": test_part.images})
    _, kept = read_predictions(run, which, "test", logits=True)
    np.testing.assert_array_equal(logits.argmax(1), kept.prediction)
    np.testing.assert_allclose(probabilities.max(1), kept.confidence, rtol=1e-4)
    z = np.float64(kept.logits) - np.log(figures["effective_prior"])
    np.testing.assert_allclose(logits, z / figures["temperature"], rtol=1e-4, atol=1e-4)
    assert (kept.logits.argmax(1) != kept.prediction).any()  # or the prior would not be seen


def test_evaluated_again_it_is_the_same(run):
    again = evaluate_run(opened(run))
    figures = json.loads((run / "evaluation.json").read_text())
    assert {name: again[name] for name in ("last", "best")} == {
        name: figures[name] for name in ("last", "best")
    }


def test_of_a_checkpoint_by_its_path_nothing_is_known_to_be_fitted(run):
    model = load_model(opened(run), str(run / "checkpoints" / "last.ckpt"))
    assert "their prior is not corrected, and their confidence is not calibrated" in model.said
