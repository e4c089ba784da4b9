"""Runs that keep predictions, without training."""

from __future__ import annotations

import json

import numpy as np

from ltdsl.runs.arrays import Observed, write_predictions
from support.report import RECIPE, make_run, plan_of


def predicted_run(path, text=RECIPE, seed=0, chance=0.8, few=None, which=("last", "best"), **facts):
    """A run of ten classes with 100 test images each, and what it predicts of them.

    Args:
        chance: That an image is right.
        few: The same for the three rarest classes; as the others where it is not given.
    """
    plan = plan_of(text, (f"seed={seed}",))
    counts = [1000, 500, 250, 120, 90, 60, 30, 15, 10, 5]
    names = [f"class {c}" for c in range(10)]
    view = {"channels": 1, "height": 8, "width": 8, "ratio": 1.0}
    data = {"classes": names, "train_counts": counts, "mean": [0.5], "std": [0.5], "view": view}
    make_run(path, text, seed, tested=100, data=data, **facts)
    label = np.repeat(np.arange(10, dtype=np.int32), 100)
    difficulty = np.random.default_rng(99).random(1000)  # of the images, whatever looks at them
    rng = np.random.default_rng(seed)
    chances = np.where((label >= 7) & (few is not None), few or 0, chance)
    right = 0.7 * difficulty + 0.3 * rng.random(1000) < 0.15 + 0.7 * chances
    prediction = np.where(right, label, (label + 1) % 10).astype(np.int32)
    confidence = np.where(right, 0.9, 0.6).astype(np.float32)
    sha = json.loads((path / "run.json").read_text())["data_sha256"]["test"]
    for each in which:
        write_predictions(
            path,
            "predictions",
            Observed(label, prediction, confidence),
            checkpoint=each,
            part="test",
            epoch=plan.epochs - 1,
            classes=10,
            data_sha256=sha,
            confidence="softmax",
            posthoc=None,
            without_logits="the test keeps none",
        )
    return path
