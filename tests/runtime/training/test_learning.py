"""Training learns, and one seed is one result."""

from __future__ import annotations

import json

import numpy as np
import pytest
from ltdsl_runtime.data import LoadedData, channel_statistics, load_data
from ltdsl_runtime.training.stages import build_stage
from ltdsl_runtime.tricks.optimizers import build_optimizer
from support.training import PLAIN, assert_same, plan, trainer, weights


@pytest.fixture(scope="module")
def digits():
    return load_data(plan("stage1: ce"), None)


@pytest.mark.parametrize("tricks", ["ce", "cs_ce"])
def test_a_small_set_is_learned_by_heart(digits, tmp_path, tricks):
    few = digits.train.take(
        [i for c in range(10) for i in np.flatnonzero(digits.train.labels == c)[:4]]
    )
    mean, std = channel_statistics(few.images)
    # evaluated on what it is trained on
    prints = {"train": few.fingerprint(), "test": few.fingerprint()}
    data = LoadedData(few, None, few, few.counts(), prints, mean, std)
    run = plan(PLAIN + f"epochs = 30; batch_size = 20; optimizer = sgd(lr = 0.05); a: {tricks}")
    figures = trainer(run, data, tmp_path / "run")()
    assert figures["last"]["top1_error"] <= 5
    losses = [json.loads(line)["loss"] for line in (tmp_path / "run" / "metrics.jsonl").open()]
    assert losses[-1] < 0.2 * losses[0]
    assert np.mean(losses[20:]) < np.mean(losses[:10])


def test_one_seed_one_result(digits, tmp_path):
    """Weights, moving statistics and optimizer, bit for bit; another seed has others in every layer."""
    text = "epochs = 1; batch_size = 64; schedule = constant; seed = SEED; a: input_mixup + cs_ce"
    results = []
    for number, seed in enumerate((5, 5, 6)):
        made = trainer(plan(text.replace("SEED", str(seed))), digits, tmp_path / str(number))
        made()
        results.append(weights(made.network))
    first, second, other = results
    assert_same(first, second)
    assert all(np.any(first[name] != other[name]) for name in first)


def test_a_draw_in_one_place_does_not_shift_the_others(digits, tmp_path):
    """Adding a mixer changes neither the initial weights nor the order of the images."""
    batches, starts = [], []
    for number, tricks in enumerate(("ce", "input_mixup")):
        run = plan(f"epochs = 2; schedule = constant; a: {tricks}")
        made = trainer(run, digits, tmp_path / str(number))
        optimizer = build_optimizer(run.stages[0].optimizer, made.network.trainable_params(), [0.1])
        stage = build_stage(run, run.stages[0], digits, made.network, optimizer)
        starts.append(weights(made.network))
        batches.append([stage.source[number][:2] for number in (0, 3, 20)])
    assert_same(*starts)
    np.testing.assert_equal(*batches)
