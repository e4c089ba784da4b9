"""Runs that begin with the state of another: with its epochs where they are the same, else with its weights."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ltdsl_runtime.errors import RunError
from ltdsl_runtime.rundir.directory import RunDirectory
from ltdsl_runtime.rundir.versions import versions
from ltdsl_runtime.training.beginning import BEGIN, Beginning, must_be_begun_with
from ltdsl_runtime.training.train import Trainer
from ltdsl_runtime.weights.start import Start
from support.training import PLAIN, Watcher, conv_network, given, plan, read_checkpoint, trainer

from ltdsl.cache import STAGE_WEIGHTS, Store
from ltdsl.options import Begins

SAME = PLAIN + "batch_size = 16; validation = 0.1; "
FIRST = SAME + "epochs = 3; one: ce; two: cs_ce @ epoch 2"

#: Of run.json.
COMPUTED = {"device": "cpu", "versions": versions(), "workers": None, "split_classes": None}


@pytest.fixture(scope="module")
def known(data):
    """Data whose fingerprints are recorded."""
    return replace(data, fingerprint={"train": "a" * 64, "validation": "v" * 64, "test": "b" * 64})


@pytest.fixture(scope="module")
def source(known, tmp_path_factory):
    """A run that is finished."""
    folder = tmp_path_factory.mktemp("source") / "run"
    made = trainer(plan(FIRST), known, folder, conv_network())
    described = given()["data"] | {
        "classes": list(known.train.class_names),
        "train_counts": list(known.counts),
    }
    made.run.begin(made.plan, {}, **given() | {"data": described, "data_sha256": known.fingerprint})
    made()
    made.run.note(status="finished")
    made.run.close()
    return folder


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("LTDSL_CACHE", str(tmp_path / "cache"))


def begin(source, text, data, epochs=3, **computed):
    return Beginning(Begins(source, epochs), plan(text), data, Path(), COMPUTED | computed)


def test_a_longer_run_goes_on_exactly(source, known, tmp_path):
    longer = SAME + "epochs = 5; a: ce; b: cs_ce @ epoch 2; c: focal @ epoch 4"
    made = begin(source, longer, known)
    assert "exactly as if it had trained" in made.said
    assert made.plan == plan(longer)  # and is found by its hash
    run = RunDirectory(tmp_path / "run")
    run.begin(made.plan, {}, **given())
    made.hand_over(run)
    taken = run.facts.from_cache
    assert (taken.epochs, taken.run, taken.weights) == (3, str(source), None)
    assert [line.stage for line in run.metrics()] == ["a", "a", "b"]
    there, here = (
        read_checkpoint(folder / "checkpoints" / "last.ckpt") for folder in (source, run.path)
    )
    rates = there.pop("learning_rate"), here.pop("learning_rate")
    assert len(rates[1]) == len(rates[0]) * 5 // 3
    for name in there.keys() - {"plan_sha256", "stage"}:
        np.testing.assert_array_equal(there[name], here[name])
    assert here["plan_sha256"] == made.plan.digest()


@pytest.mark.parametrize(
    ("text", "computed", "why"),
    [
        (FIRST.replace("cs_ce", "focal"), {}, "`stages`"),
        (FIRST.replace("epochs = 3", "epochs = 3; seed = 2"), {}, "`seed`"),
        (FIRST.replace("cs_ce", "cs_ce + tau_norm"), {}, "how it evaluates"),
        (FIRST, {"device": "cpu-native"}, "what trains it"),
        (SAME + "epochs = 2; one: ce", {}, "its length"),
    ],
)
def test_another_run_starts_from_the_weights(source, known, tmp_path, text, computed, why):
    made = begin(source, text, known, **computed)
    assert f"it differs in {why}" in made.said
    assert "as from `init`" in made.said
    theirs = plan(FIRST)
    assert (made.plan.begins.plan_sha256, made.plan.begins.epochs) == (theirs.digest(), 3)
    assert made.plan.digest() != plan(text).digest()
    run = RunDirectory(tmp_path / "run")
    run.begin(made.plan, {}, **given())
    made.hand_over(run)
    path = run.checkpoint(BEGIN)
    must_be_begun_with(made.plan, path)  # and so does whoever resumes it
    other = made.plan.begins.model_copy(update={"weights_sha256": "0" * 64})
    with pytest.raises(RunError, match="does not hold the weights") as caught:
        must_be_begun_with(made.plan.model_copy(update={"begins": other}), path)
    assert caught.value.code == "LT411"


def test_other_images(source, known):
    other = replace(known, fingerprint={**known.fingerprint, "train": "x" * 64})
    assert "differs in its images" in begin(source, FIRST, other).said


def test_a_trainer_starts_where_the_other_run_was(source, known, tmp_path, monkeypatch):
    made = begin(source, FIRST, known, device="other")
    run = RunDirectory(tmp_path / "run")
    run.begin(made.plan, {}, **given())
    made.hand_over(run)
    asked = []

    def started_from(plan, classes, channels, path, *others):
        asked.append(path)
        return Start(conv_network(), True, None)

    monkeypatch.setattr("ltdsl_runtime.training.networks.started_from", started_from)
    Trainer(made.plan, known, run, Watcher(made.plan))
    assert asked == [run.checkpoint(BEGIN)]


def test_an_epoch_that_nobody_has_kept(source, known, tmp_path):
    shutil.copytree(source, tmp_path / "copy")
    for name in ("best", "previous"):
        (tmp_path / "copy" / "checkpoints" / f"{name}.ckpt").unlink()
    with pytest.raises(RunError, match=r"nobody has kept the state .* after epoch 0") as caught:
        begin(tmp_path / "copy", FIRST, known, epochs=1)
    assert caught.value.code == "LT429"
    assert "are of the epochs 2; the cache" in caught.value.hint


def test_an_epoch_that_the_cache_has_kept(source, known, tmp_path, monkeypatch):
    """It is looked for by all that the other run says of itself, on this machine."""
    asked = []

    def lookup(store, kind, facts):
        asked.append((kind, facts["epochs"], facts["plan"]["seed"]))

    monkeypatch.setattr(Store, "lookup", lookup)
    begin(source, FIRST, known)
    assert asked[0] == (STAGE_WEIGHTS, 3, 0)
