"""Intervals against a bootstrap that draws, and against what they promise where nothing differs."""

from __future__ import annotations

import os

import numpy as np
import pytest

from ltdsl.judge.intervals import accuracy_interval, class_weights, intervals
from ltdsl.judge.significance import holm

FULL = bool(os.environ.get("LTDSL_FULL"))
REPETITIONS = 5000 if FULL else 800

#: What the rate of false differences is to be, at 5 % each; wider where fewer repetitions say less of it.
LEAST, MOST = (0.035, 0.065) if FULL else (0.025, 0.075)

TRAIN_COUNTS = (500, 300, 150, 90, 60, 40, 25, 15, 10, 5)
IMAGES = (100,) * 10
LABELS = np.repeat(np.arange(10, dtype=np.int32), IMAGES)
WEIGHTS = class_weights(IMAGES, TRAIN_COUNTS)


def test_weights_add_up_to_the_figures():
    rng = np.random.default_rng(1)
    images = (5, 0, 30, 12)
    counts = (400, 200, 50, 3)
    labels = np.repeat(np.arange(4), images)
    right = rng.random(47) < 0.6
    weights = class_weights(images, counts)
    accuracy = {c: 100 * right[labels == c].mean() for c in (0, 2, 3)}
    expected = {
        "accuracy": 100 * right.mean(),
        "macro_recall": np.mean(list(accuracy.values())),
        "many": accuracy[0],  # class 1 is one too, and has no test image
        "medium": accuracy[2],
        "few": accuracy[3],
    }
    found = {name: (np.array(each)[labels] * right).sum() for name, each in weights.items()}
    assert found == pytest.approx(expected)


@pytest.mark.parametrize("seeds", [1, 3, 5])
def test_the_estimate_is_the_plain_difference(seeds):
    rng = np.random.default_rng(seeds)
    first, second = rng.random((2, seeds, 1000)) < 0.7
    found = intervals(first, second, LABELS, WEIGHTS)
    assert found["accuracy"].difference == pytest.approx(100 * (first.mean() - second.mean()))
    few = LABELS >= 7
    assert found["few"].difference == pytest.approx(
        100 * (first[:, few].mean() - second[:, few].mean())
    )


def test_one_seed_is_the_bootstrap_that_draws_images_within_classes():
    rng = np.random.default_rng(2)
    difficulty = rng.normal(size=1000)
    first, second = (difficulty + rng.normal(size=(2, 1, 1000)) < 0.5).astype(bool)
    apart = first[0].astype(float) - second[0]
    drawn = {name: [] for name in WEIGHTS}
    for _ in range(4000):
        chosen = (rng.integers(100, size=(10, 100)) + 100 * np.arange(10)[:, None]).ravel()
        for name, weights in WEIGHTS.items():
            drawn[name].append((np.array(weights)[LABELS] * apart[chosen]).sum())
    for name, found in intervals(first, second, LABELS, WEIGHTS).items():
        low, high = np.percentile(drawn[name], [2.5, 97.5])
        width = high - low
        assert found.low == pytest.approx(low, abs=0.08 * width)
        assert found.high == pytest.approx(high, abs=0.08 * width)


def test_few_seeds_are_students_t():
    from scipy import stats

    rng = np.random.default_rng(3)
    first, second = rng.random((2, 3, 1000)) < np.array([[[0.7]], [[0.75]]])
    each = 100 * (first.mean(1) - second.mean(1))
    low, high = stats.t.interval(0.95, 2, each.mean(), stats.sem(each))
    found = intervals(first, second, LABELS, WEIGHTS)["accuracy"]
    assert (found.low, found.high) == pytest.approx((low, high))
    assert found.p == pytest.approx(
        stats.ttest_rel(*(100 * a.mean(1) for a in (first, second))).pvalue
    )


def test_where_hardly_an_image_differs_nothing_is_claimed():
    first = np.ones((1, 1000), bool)
    second = first.copy()
    assert intervals(first, second, LABELS, WEIGHTS)["few"].p == 1
    second[0, -5:] = False
    found = intervals(first, second, LABELS, WEIGHTS)["few"]
    assert found.low <= 0 < found.difference
    assert found.p == 1


def test_the_interval_of_one_network():
    right = np.arange(1000) % 4 > 0  # 75 % in each class
    low, high = accuracy_interval(right, LABELS, WEIGHTS["accuracy"])
    # within classes of 100: 1.96 √(0.75 · 0.25 / 990)
    assert (low, high) == pytest.approx((75 - 2.70, 75 + 2.70), abs=0.01)
    assert accuracy_interval(np.ones(1000, bool), LABELS, WEIGHTS["few"]) == pytest.approx(
        (100, 100)
    )


def networks(rng, recipes, seeds, images=1000):
    """Whether images are right: recipes that are one and the same, seeds that differ, images of any difficulty.

    Returns:
        bool [recipes, seeds, N], and the chance of each to be right over all images of a class, [recipes, seeds, 10].
    """
    skill = (
        np.linspace(1.5, -0.5, 10)
        + 0.12 * rng.normal(size=(recipes, seeds, 1))
        + 0.25 * rng.normal(size=(recipes, seeds, 10))
    )
    difficulty = 1.2 * rng.normal(size=images)
    noise = rng.normal(size=(recipes, seeds, images))
    right = difficulty + noise < skill[:, :, LABELS]
    from scipy.stats import norm

    return right, norm.cdf(skill / np.hypot(1, 1.2))


@pytest.mark.parametrize("seeds", [1, 3, 5])
def test_false_differences_are_as_rare_as_promised(seeds):
    """One seed: of the two networks; more: of the recipes, which are the same."""
    rng = np.random.default_rng(seeds)
    false = dict.fromkeys(WEIGHTS, 0)
    for _ in range(REPETITIONS):
        (first, second), chances = networks(rng, 2, seeds)
        for name, found in intervals(first, second, LABELS, WEIGHTS).items():
            truth = 0.0
            if seeds == 1:
                of_class = np.array(WEIGHTS[name]) * IMAGES
                truth = float(of_class @ (chances[0, 0] - chances[1, 0]))
            false[name] += not found.low <= truth <= found.high
    rates = {name: count / REPETITIONS for name, count in false.items()}
    print(seeds, rates)
    assert all(LEAST <= rate <= MOST for rate in rates.values()), rates


@pytest.mark.parametrize("seeds", [3, 5])
def test_a_family_has_a_false_claim_in_a_twentieth_of_the_cases_at_most(seeds):
    """Four recipes held against a fifth one, five figures each."""
    rng = np.random.default_rng(10 + seeds)
    families = REPETITIONS if FULL else 200
    wrong = 0
    for _ in range(families):
        right, _ = networks(rng, 5, seeds)
        values = [
            each.p
            for other in right[1:]
            for each in intervals(other, right[0], LABELS, WEIGHTS).values()
        ]
        wrong += min(holm(values)) < 0.05
    print(seeds, wrong / families)
    assert wrong / families <= 0.05 + 2 * (0.05 * 0.95 / families) ** 0.5
