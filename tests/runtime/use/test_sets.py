"""Sets of classes: bounds against their definition written out, and how often sets are right."""

from __future__ import annotations

import json

import numpy as np
import pytest
from ltdsl_runtime.use.sets import Sets, bounds, scores
from scipy.special import log_softmax


def bound_by_definition(score, label, classes, coverage, asked):
    """The smallest score at which the images of weight 1 / n_c, and one more of the asked class, are covered."""
    n = [sum(1 for y in label if y == c) for c in range(classes)]
    if n[asked] == 0:
        return np.inf
    whole = sum(1 / n[y] for y in label) + 1 / n[asked]
    for bound in sorted(score):
        if sum(1 / n[y] for y, s in zip(label, score, strict=True) if s <= bound) >= (
            coverage * whole - 1e-9
        ):
            return bound
    return np.inf


@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.9, 0.99])
def test_bounds_are_those_of_the_definition(coverage):
    rng = np.random.default_rng(1)
    label = np.int32(rng.choice(5, 60, p=[0.6, 0.25, 0.1, 0.05, 0]))
    score = np.round(rng.normal(size=60), 1)  # with ties
    expected = [bound_by_definition(score, label, 5, coverage, c) for c in range(5)]
    np.testing.assert_array_equal(bounds(score, label, 5, coverage), expected)
    assert np.isinf(bounds(score, label, 5, coverage)[4])  # no image: never left out


def drawn(rng, counts):
    """Points of four classes in a plane, and the logits of a model that knows the long-tailed truth."""
    centres = np.float64([[0, 0], [2, 0], [0, 2], [2, 2]])
    label = np.int32(np.repeat(np.arange(4), counts))
    points = centres[label] + rng.normal(size=(len(label), 2))
    near = -0.5 * ((points[:, None] - centres) ** 2).sum(-1)
    return label, near + np.log(PRIOR)


PRIOR = np.float64([800, 150, 40, 10]) / 1000


@pytest.mark.parametrize("coverage", [0.8, 0.9])
def test_sets_are_right_as_often_as_asked_as_a_mean_over_classes(coverage):
    """On average over validation parts; as a mean over images alone the tail would be left out."""
    rng = np.random.default_rng(2)
    found, plain = [], []
    for _ in range(300):
        label, logits = drawn(rng, [160, 30, 8, 4])
        own = scores(logits, PRIOR)[np.arange(len(label)), label]
        sets = Sets(PRIOR, bounds(own, label, 4, coverage))
        tested, test = drawn(rng, [100] * 4)
        inside = sets.of(test)[np.arange(400), tested]
        found.append(np.mean([inside[tested == c].mean() for c in range(4)]))
        # what is done without weights and without the prior
        p = log_softmax(logits, 1)[np.arange(len(label)), label]
        least = np.quantile(p, 1 - coverage)
        likely = log_softmax(test, 1)[np.arange(400), tested] >= least
        plain.append(np.mean([likely[tested == c].mean() for c in range(4)]))
    error = np.std(found) / np.sqrt(len(found))
    assert coverage - 3 * error < np.mean(found) < coverage + 0.07
    assert np.mean(plain) < coverage - 0.1


def test_scores_are_of_the_softmax_and_the_prior():
    logits = np.float32([[900, -900, 3], [0, 1, 2]])
    expected = np.log([0.5, 0.3, 0.2]) - log_softmax(np.float64(logits), 1)
    np.testing.assert_allclose(scores(logits, np.float64([0.5, 0.3, 0.2])), expected, rtol=1e-12)


def test_sets_of_a_run(cli, trained, test_part, tmp_path):
    """Of files, in all forms: each right as often as its bound says on the test part itself."""
    from PIL import Image

    names = [tmp_path / f"{number:03}.png" for number in range(40)]
    for name, image in zip(names, test_part.images, strict=False):
        Image.fromarray(image[0]).save(name)
    asked = ("predict", trained, *names, "--checkpoint", "best", "--coverage", "80")
    code, out, _ = cli(*asked, "--format", "json")
    listed = json.loads(out)
    assert code == 0
    plain = json.loads(cli(*asked[:-2], "--format", "json")[1])
    assert [{**entry, "set": None} for entry in listed] == [{**e, "set": None} for e in plain]
    sizes = [len(entry["set"]) for entry in listed]
    assert min(sizes) >= 1
    shares = [[member["confidence"] for member in entry["set"]] for entry in listed]
    assert all(each == sorted(each, reverse=True) for each in shares)
    larger = json.loads(cli(*asked[:-1], "95", "--format", "json")[1])
    for few, many in zip(listed, larger, strict=True):
        assert {m["index"] for m in few["set"]} <= {m["index"] for m in many["set"]}
    assert sum(len(entry["set"]) for entry in larger) > sum(sizes)
    rows = cli(*asked, "--format", "csv")[1].splitlines()
    assert rows[0].endswith(",in_set")
    assert sum(row.endswith(",true") for row in rows) == sum(sizes)
    text = cli(*asked)[1].splitlines()
    assert [line.split("; set: ")[1].count(", ") + 1 for line in text] == sizes


def test_sets_that_cannot_be_made(cli, trained, tmp_path):
    from PIL import Image

    Image.new("L", (8, 8)).save(tmp_path / "a.png")
    asked = ("predict", trained, tmp_path / "a.png", "--coverage", "80")
    weights = trained / "checkpoints" / "best.ckpt"
    # logits of a file of weights are kept by nobody; the last epoch's loss has sigmoids
    for which in (weights, "last"):
        code, _, err = cli(*asked, "--checkpoint", which)
        assert code == 1
        assert "LT416" in err


def test_no_set_is_empty():
    sets = Sets(np.full(3, 1 / 3), np.full(3, -np.inf))
    assert sets.of(np.float32([[1, 3, 2]])).tolist() == [[False, True, False]]
