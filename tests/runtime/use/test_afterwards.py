"""Kept logits under other posthoc tricks and test priors, against the run's own graph, formulas and a known mixture."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
from ltdsl_runtime.errors import RunError
from ltdsl_runtime.use.afterwards import (
    estimated_prior,
    model_prior,
    prior_of,
    try_posthoc,
    try_prior,
)
from ltdsl_runtime.weights import checkpoints
from scipy.special import logsumexp
from scipy.stats import norm
from support.use import opened

from ltdsl import catalogue
from ltdsl.analysis.variants import posthoc_variants
from ltdsl.catalogue import ClassBalanced, InstanceBalanced
from ltdsl.runs.arrays import Observed, read_predictions, write_predictions

COUNTS = (700, 250, 50)


def variants(text):
    tricks, problems = posthoc_variants(text)
    assert not problems
    return tricks


# ── posthoc tricks on a run ──────────────────────────────────────────────────────────────────────


def test_the_runs_own_trick_gives_the_runs_own_figures(trained, evaluation):
    """Its graph corrects in float32."""
    for which in ("last", "best"):
        (row,) = try_posthoc(opened(trained), variants("posthoc_logit_adjustment"), which)["rows"]
        for name in ("top1_error", "macro_recall"):
            assert row["test"][name] == pytest.approx(evaluation[which][name], abs=0.3)
        groups = evaluation[which]["groups"]
        for name, accuracy in row["test"]["groups"].items():
            assert accuracy == pytest.approx(groups[name]["accuracy"], abs=1)


def test_lists_are_rows_and_the_validation_part_chooses(trained, cli):
    code, out, _ = cli(
        "eval",
        trained,
        "--set",
        "posthoc=none",
        "--set",
        "posthoc=tau_norm(tau = [0, 0.7], bias = [kept, dropped])",
        "--checkpoint",
        "last",
        "--format",
        "json",
    )
    assert code == 0
    found = json.loads(out)
    assert [row["posthoc"] for row in found["rows"]] == [
        None,
        "tau_norm(tau = 0)",
        "tau_norm(tau = 0, bias = dropped)",
        "tau_norm(tau = 0.7)",
        "tau_norm(tau = 0.7, bias = dropped)",
    ]
    best = max(row["validation"]["macro_recall"] for row in found["rows"])
    assert found["rows"][found["chosen"]]["validation"]["macro_recall"] == best
    assert found["rows"][0]["test"] == found["rows"][1]["test"]
    saved = checkpoints.load(trained / "checkpoints" / "last.ckpt")
    weight, bias = (np.float64(saved[f"classifier.{name}"]) for name in ("weight", "bias"))
    _, kept = read_predictions(trained, "last", "test", logits=True)
    normal = (kept.logits - bias) / (weight**2).sum(1) ** 0.35 + bias
    error = 100 * (normal.argmax(1) != kept.label).mean()
    assert found["rows"][3]["test"]["top1_error"] == pytest.approx(error)


def test_the_table_marks_what_was_chosen(trained, cli):
    code, out, _ = cli("eval", trained, "--set", "posthoc=tau_norm(tau = [0, 1])")
    assert code == 0
    marked = [line for line in out.splitlines() if line.startswith("tau_norm") and " * " in line]
    assert len(marked) == 1
    assert "highest macro recall on the validation part" in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--set", "epochs=3"), "only posthoc=… may still change"),
        (("--set", "posthoc=tau_nrm"), "unknown posthoc"),
        (("--set", "posthoc=tau_norm(tau = [])"), "1 to 200"),
        (("--set", "posthoc=tau_norm(tau = -1)"), "tau"),
        (("--set", "posthoc=none", "--prior", "uniform"), "one at a time"),
        (("--prior", "uniform", "--other-data"), "other"),
    ],
)
def test_wrong_use(trained, cli, arguments, said):
    code, _, err = cli("eval", trained, *arguments)
    assert code == 2
    assert said in err


def test_what_a_run_does_not_keep(copy):
    for path in (copy / "predictions").iterdir():
        path.unlink()
    with pytest.raises(RunError, match="keeps no predictions") as caught:
        try_posthoc(opened(copy), [None])
    assert caught.value.code == "LT416"
    with pytest.raises(RunError, match="asks each class on its own"):
        try_prior(opened(copy), "uniform")


def test_the_prior_that_was_learned_is_measured_on_the_validation_part(trained):
    (row,) = try_posthoc(opened(trained), variants("prior2posterior(tau = 0.5)"), "best")["rows"]
    kept = [
        read_predictions(trained, "best", part, logits=True)[1] for part in ("validation", "test")
    ]
    log_p = [np.float64(each.logits) - logsumexp(each.logits, 1, keepdims=True) for each in kept]
    prior = logsumexp(log_p[0], 0) - np.log(len(kept[0].label))
    error = 100 * ((log_p[1] - 0.5 * prior).argmax(1) != kept[1].label).mean()
    assert row["test"]["top1_error"] == pytest.approx(error)
    with pytest.raises(RunError, match="asks each class on its own") as caught:
        try_posthoc(opened(trained), variants("prior2posterior"), "last")  # of `focal`
    assert caught.value.code == "LT416"


# ── test priors on a known mixture ───────────────────────────────────────────────────────────────


def mixture(tmp_path, loss, sampler=None, images=6000):
    """A run whose model is the best there is: three normal densities, with odds as its loss and sampler leave them."""
    rng = np.random.default_rng(0)
    label = np.repeat(np.arange(3), images).astype(np.int32)
    x = rng.normal(label * 1.5, 1.0)
    run = SimpleNamespace(
        path=tmp_path,
        preferred="last",
        checkpoint=lambda which: which,
        plan=SimpleNamespace(
            stages=[SimpleNamespace(sampler=sampler or InstanceBalanced(), loss=loss)],
            confidence_at=lambda: "softmax",
            classifier="linear",
        ),
        data=SimpleNamespace(train_counts=COUNTS),
        facts=SimpleNamespace(data_sha256={"test": "a" * 64}),
    )
    density = norm.logpdf(x[:, None], np.arange(3) * 1.5)
    logits = density + np.log(model_prior(run)) + 7
    observed = Observed(label, label, np.ones(len(label), np.float32), logits.astype(np.float32))
    facts = {"checkpoint": "last", "part": "test", "epoch": 0, "classes": 3}
    more = {"data_sha256": "a" * 64, "confidence": "softmax", "posthoc": None}
    write_predictions(tmp_path, "predictions", observed, **facts, **more)
    return run, density, label


@pytest.mark.parametrize("prior", ["uniform", "train", "reversed", "forward(50)", "backward(50)"])
def test_a_known_prior_makes_the_best_classifier_and_is_found_from_images(tmp_path, prior):
    run, density, label = mixture(tmp_path, catalogue.CrossEntropy())
    shares = prior_of(prior, COUNTS)
    weights = shares[label] / 6000
    best = 100 * (weights @ ((density + np.log(shares)).argmax(1) == label))
    found = try_prior(run, prior)
    assert found["right"]["known"] == pytest.approx(best, abs=1e-3)
    assert found["right"]["as_it_is"] <= found["right"]["known"] + 1e-9
    assert found["right"]["estimated"] == pytest.approx(best, abs=0.3)
    assert found["distance"] < 0.03
    assert sum(found["prior"]) == pytest.approx(1)
    if prior == "train":
        assert found["right"]["as_it_is"] == pytest.approx(best, abs=1e-3)


@pytest.mark.parametrize(
    ("loss", "sampler", "expected"),
    [
        (catalogue.CrossEntropy(), None, np.array(COUNTS) / 1000),
        (catalogue.LOSSES["logit_adjustment"](), None, np.ones(3) / 3),
        (catalogue.LOSSES["balanced_softmax"](), None, np.ones(3) / 3),
        (catalogue.LOSSES["cs_ce"](), None, np.ones(3) / 3),
        (catalogue.CrossEntropy(), ClassBalanced(), np.ones(3) / 3),
        (catalogue.LOSSES["logit_adjustment"](tau=0.5), None, None),
    ],
    ids=str,
)
def test_what_a_model_takes_for_granted(tmp_path, loss, sampler, expected):
    run, _, _ = mixture(tmp_path, loss, sampler, images=10)
    if expected is None:
        expected = np.sqrt(COUNTS) / np.sqrt(COUNTS).sum()
    assert model_prior(run) == pytest.approx(expected)


def test_priors():
    counts = (10, 40, 30, 20)
    assert prior_of("uniform", counts) == pytest.approx([0.25] * 4)
    assert prior_of("train", counts) == pytest.approx([0.1, 0.4, 0.3, 0.2])
    assert prior_of("reversed", counts) == pytest.approx([0.4, 0.1, 0.2, 0.3])
    falling = prior_of("forward(8)", counts)
    assert falling / falling[0] == pytest.approx([1, 8, 4, 2])
    rising = prior_of("backward(8)", counts)
    assert rising / rising[1] == pytest.approx([8, 1, 2, 4])


def test_priors_in_files(tmp_path):
    path = tmp_path / "shares.csv"
    path.write_text("1, 2\n3 4\n")
    assert prior_of(str(path), (5, 5, 5, 5)) == pytest.approx([0.1, 0.2, 0.3, 0.4])
    for content in ("1 2 3", "1 2 3 -4", "0 0 0 0", "1 2 3 x", "1 2 3 nan"):
        path.write_text(content)
        with pytest.raises(RunError, match="number"):
            prior_of(str(path), (5, 5, 5, 5))
    for text in ("sideways", "forward(0.5)", "forward(x)", "backward(1e99)"):
        with pytest.raises(RunError):
            prior_of(text, (5, 5, 5, 5))


def test_a_correction_of_the_prior_is_not_made_twice(tmp_path):
    run, _, _ = mixture(tmp_path, catalogue.LOSSES["logit_adjustment"](), images=10)
    with pytest.raises(RunError, match="has corrected the class prior already"):
        try_posthoc(run, variants("posthoc_logit_adjustment(tau = [0.5, 1])"))


def test_an_estimate_from_images_that_say_nothing_is_the_models_own():
    trained = np.array([0.7, 0.2, 0.1])
    found = estimated_prior(np.tile(np.log(trained), (5, 1)), trained, np.full(5, 0.2))
    assert found == pytest.approx(trained)
