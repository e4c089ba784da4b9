"""Features that are computed once: the numbers of a run are those of one that computes them in every step."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pytest
from ltdsl_runtime.data.arrays import ImageArrays
from ltdsl_runtime.rundir.directory import RunDirectory
from ltdsl_runtime.training import features, train
from ltdsl_runtime.training.features import are_kept
from support.training import (
    PLAIN,
    Watcher,
    assert_same,
    conv_network,
    given,
    plan,
    stop_after,
    trainer,
)

from ltdsl.cache import FEATURES, Store

HEAD = "epochs = 4; batch_size = 16; validation = 0.1; body = frozen; optimizer = sgd(lr = 0.05); "
VIEWS = "schedule = constant(warmup = 0); augment = [random_crop(padding = 1), random_horizontal_flip]; views = 2; "

#: Recipes whose last stage trains on features.
RECIPES = {
    "ce": PLAIN + HEAD + "a: ce",
    "a sampler": PLAIN + HEAD + "a: class_balanced + cs_ce",
    "pairs": PLAIN + HEAD + "a: bbn",
    "features are mixed": PLAIN + HEAD + "a: manifold_mixup(layer = pool) + balanced_softmax",
    "logits are mixed": PLAIN + HEAD + "a: manifold_mixup(layer = fc) + focal",
    "the loss takes features": PLAIN + HEAD + "a: ldam",
    "posthoc": PLAIN + HEAD + "a: ce + tau_norm(tau = 0.7)",
    "calibration": PLAIN + HEAD + "calibration = temperature; a: ce",
    "sam, a limit": PLAIN + HEAD + "sharpness = sam; constraint = max_norm(threshold = 0.5); a: ce",
    "views": VIEWS + HEAD + "a: ce",
    "crt, lws": PLAIN + HEAD.replace("body = frozen; ", "") + "a: ce; "
    "b: crt + class_balanced @ epoch 1 { optimizer = sgd(lr = 0.1) }; c: lws @ epoch 3 { optimizer = sgd }",
    "a body that is trained later": PLAIN + HEAD + "a: ce; b: ce @ epoch 2 { body = trained }",
}


@pytest.fixture
def computed(monkeypatch) -> list[str]:
    """What features are computed of, in words, as they are."""
    found: list[str] = []
    compute = features.KeptFeatures._compute

    def told(self, part, view, what):
        found.append(what)
        return compute(self, part, view, what)

    monkeypatch.setattr(features.KeptFeatures, "_compute", told)
    return found


def from_images(monkeypatch):
    monkeypatch.setattr(train, "are_kept", lambda *_: False)


def network():
    """One that lets `lws` add its factors."""
    return conv_network()


@pytest.mark.parametrize("name", RECIPES)
def test_numbers_are_those_of_steps_that_start_from_images(
    name, data, tmp_path, monkeypatch, computed
):
    run = plan(RECIPES[name])
    kept = trainer(run, data, tmp_path / "kept", None if "lws" in name else network())
    figures = kept()
    assert computed
    assert len(computed) == len(set(computed))  # each of them once
    computed.clear()
    from_images(monkeypatch)
    plain = trainer(run, data, tmp_path / "plain", None if "lws" in name else network())
    others = plain()
    assert computed == []
    for mine, theirs in zip(kept.reporter.ends, plain.reporter.ends, strict=True):
        assert mine.keys() == theirs.keys()
        for parameter, value in theirs.items():
            np.testing.assert_allclose(
                mine[parameter], value, rtol=2e-6, atol=2e-6, err_msg=parameter
            )
    for mine, theirs in zip(kept.reporter.records, plain.reporter.records, strict=True):
        assert mine.loss == pytest.approx(theirs.loss, rel=1e-5)
        assert mine.macro_recall == pytest.approx(theirs.macro_recall, abs=1e-9)
    for which in ("last", "best"):
        assert figures[which]["confusion"] == others[which]["confusion"]
        assert figures[which]["top1_error"] == others[which]["top1_error"]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("body = frozen; a: ce", True),
        ("a: ce", False),
        ("body = frozen; a: input_mixup", False),
        ("body = frozen; a: cutmix", False),
        ("body = frozen; a: manifold_mixup(layer = layer1)", False),
        ("body = frozen; a: manifold_mixup(layer = pool)", True),
        ("body = frozen; precision = fp16; a: ce", False),
        ("body = frozen; average = ema; a: ce", False),
        ("body = frozen; augment = [random_crop]; a: ce", False),
        ("body = frozen; augment = [random_crop]; views = 3; a: ce", True),
        ('init = "x"; a: crt', True),
        ('init = "x"; a: crt(statistics = running)', False),
        ('init = "x"; body = frozen; a: cam_bs', False),
        ('body = frozen; a: dive(teacher = "t.ckpt")', False),
    ],
)
def test_which_stages_train_on_them(text, kept):
    from ltdsl_runtime.parallel.cluster import ALONE

    plain = "" if "augment" in text else "augment = []; "
    run = plan(f"model = resnet8; epochs = 3; {plain}{text}")
    assert are_kept(run, run.stages[0], ALONE) == kept


@pytest.mark.parametrize("epochs", [1, 3])
def test_interrupted_runs_go_on_as_if_they_had_not_been(data, tmp_path, epochs):
    run = plan(RECIPES["views"])
    whole = trainer(run, data, tmp_path / "whole", network())
    figures = whole()
    stop_after(trainer(run, data, tmp_path / "run", network()), epochs)
    made = trainer(run, data, Path(mkdtemp(dir=tmp_path)) / "unused", network())
    made.run = RunDirectory(tmp_path / "run", resume=True)
    assert made(resume=True) == figures
    assert_same(made.reporter.ends[-1], whole.reporter.ends[-1])


# ── what is kept for other runs ──────────────────────────────────────────────────────────────────


@pytest.fixture
def stored(data, tmp_path, monkeypatch, computed):
    """Runs a recipe with a cache; gives its figures, and what features it had to compute."""
    store = Store(tmp_path / "cache", 10**8)
    monkeypatch.setattr(train, "feature_store", lambda *_: store)
    numbers = iter(range(100))

    def run(text: str, images=data, made=conv_network):
        computed.clear()
        figures = trainer(plan(text), images, tmp_path / f"run{next(numbers)}", made())()
        return figures, list(computed)

    run.store = store
    return run


def test_other_classifiers_find_them(stored):
    first, needed = stored(RECIPES["ce"])
    assert len(needed) == 3  # of training, validation and test images
    for name in ("a sampler", "features are mixed", "posthoc", "ce"):
        figures, computed = stored(RECIPES[name])
        assert computed == [], name
    assert figures == first
    assert stored(RECIPES["ce"].replace("epochs = 4", "epochs = 4; seed = 5"))[1] == []
    assert len(stored.store.entries(FEATURES)) == 3


def test_what_changes_them_is_another_entry(stored, data):
    stored(RECIPES["views"])
    _, again = stored(RECIPES["views"])
    assert again == []
    _, seeded = stored(RECIPES["views"].replace("views", "seed = 5; views"))
    assert len(seeded) == 2  # views are the seed's; images as they are, are not
    assert all("view" in each for each in seeded)
    _, augmented = stored(RECIPES["views"].replace("padding = 1", "padding = 2"))
    assert len(augmented) == 2
    _, body = stored(RECIPES["views"], made=lambda: conv_network(1))
    assert len(body) == 4
    images = data.train.images.copy()
    images[3, 0, 0, 0] ^= 1
    train_part = ImageArrays(images, data.train.labels, data.train.class_names)
    _, pixel = stored(RECIPES["views"], replace(data, train=train_part))
    assert len(pixel) == 2
    _, normalised = stored(RECIPES["views"], replace(data, mean=data.mean + np.float32(0.01)))
    assert len(normalised) == 4


def test_a_damaged_entry_is_computed_anew(stored):
    first, _ = stored(RECIPES["ce"])
    for path in stored.store.folder.rglob("features.bin"):
        content = bytearray(path.read_bytes())
        content[5] ^= 1
        path.chmod(0o644)
        path.write_bytes(content)
    figures, needed = stored(RECIPES["ce"])
    assert len(needed) == 3
    assert figures == first


def test_more_than_memory_holds_is_computed_in_every_epoch(data, tmp_path, monkeypatch, computed):
    monkeypatch.setattr(features, "memory_limit", lambda: 4000)
    made = trainer(plan(RECIPES["ce"]), data, tmp_path / "run", network())
    made()
    assert computed == []
    assert "too much memory" in made.reporter.console.file.getvalue()


def test_the_whole_network_says_bit_for_bit_the_same(data, tmp_path):
    """What `ltdsl eval` and `predict` ask, of weights that were trained and evaluated on features."""
    made = trainer(plan(RECIPES["a sampler"]), data, tmp_path / "run", network())
    made()
    found = [
        evaluate(data.test, logits=True).observed.logits
        for evaluate in (made.evaluate, made.kept.evaluator("softmax"))
    ]
    np.testing.assert_array_equal(*found)


def test_a_trial_of_a_few_steps_computes_none(data, tmp_path, computed):
    """Those of all images would take longer than what is tried."""
    from ltdsl_runtime.training.trial import _FewSteps, shortened

    small = shortened(plan(RECIPES["ce"]))
    folder = RunDirectory(tmp_path / "run")
    folder.begin(small, {}, **given())
    watcher = Watcher(small)
    made = watcher.trainer = _FewSteps(small, data, folder, watcher)
    made.network = network()
    made.evaluate = made._evaluator("softmax")
    made()
    assert computed == []
