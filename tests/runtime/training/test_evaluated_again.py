"""Runs that take the weights of others, and evaluate them as they do: bit for bit what they are without."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest
from ltdsl_runtime.rundir.directory import RunDirectory
from ltdsl_runtime.training import keeping
from ltdsl_runtime.training.epochs.again import UnusableError
from ltdsl_runtime.training.epochs.cache import StageCache
from support.processes import FULL
from support.training import contents, conv_network, plan, told, trainer

from ltdsl.cache import STAGE_WEIGHTS, Store
from ltdsl.cache.errors import warn
from ltdsl.options import RunOptions

SETTINGS = "schedule = constant(warmup = 0); batch_size = 16; validation = 0.1; "
KEPT = RunOptions(cache_evaluated=True)

#: Runs that train the same; what is put in the place of {} corrects their logits.
RECIPES = {
    "two stages, cam_bs": "epochs = 5; one: input_mixup; two: cam_bs + cs_ce{} @ epoch 3",
    "few are evaluated": "epochs = 5; evaluate_every = 2; one: ce; two: cs_ce{} @ epoch 3",
    "best by error, of the test part": "best_on = test; best_by = top1_error; epochs = 4; one: class_balanced + ce{}",
    "features of a frozen body": "epochs = 4; one: ce; two: crt + class_balanced{} @ epoch 2 "
    "{{ optimizer = sgd(lr = 0.1) }}",
    "an average": "epochs = 4; one: ce{} {{ average = ema(decay = 0.9) }}",
    "half precision": "epochs = 3; precision = fp16; one: ce{}",
    "classes are augmented as they are known": "epochs = 4; augment = [class_strength]; one: ce{}",
}
CORRECTIONS = ("", " + tau_norm(tau = 0.7)", " + posthoc_logit_adjustment", " + prior2posterior")
IN_CI = "two stages, cam_bs"


@pytest.fixture(autouse=True)
def the_checkpoint_before_the_last_is_compared(monkeypatch):
    monkeypatch.setattr(keeping, "PUT_OFF", 0)
    warn.cache_clear()


def recipe(what, correction):
    """A recipe of :data:`RECIPES` whose last stage has a correction."""
    before, after = RECIPES[what].rsplit("{}", 1)
    augment = "" if "augment" in before else "augment = []; "
    return SETTINGS + augment + before.format("") + correction + after.format()


def run(text, data, folder, store=None, options=KEPT):
    network = conv_network()
    made = trainer(plan(text), data, folder, network)
    if store is not None:
        made.shared = StageCache(made.plan, data, made.run, {}, options, store, {})
    return made


def finished(folder):
    """All that a finished run leaves, whether it trained its epochs or took them: no checkpoint before the last."""
    found = contents(folder)
    found.pop("checkpoints/previous.ckpt", None)
    return found


@pytest.mark.parametrize("what", RECIPES if FULL else [IN_CI])
def test_a_run_with_another_correction_trains_nothing_and_is_as_if_it_had(what, data, tmp_path):
    store = Store(tmp_path / "cache", 10**9)
    first = run(recipe(what, CORRECTIONS[0]), data, tmp_path / "first", store)()
    best = {first["best"]["epoch"]}
    for number, correction in enumerate(CORRECTIONS[1:]):
        text = recipe(what, correction)
        made = run(text, data, tmp_path / f"shared{number}", store)
        best.add(made()["best"]["epoch"])
        assert made.reporter.records == []
        run(text, data, tmp_path / f"alone{number}")()
        found, expected = (finished(tmp_path / f"{name}{number}") for name in ("shared", "alone"))
        assert found.keys() == expected.keys()
        for name, content in expected.items():
            assert found[name] == content, (correction, name)
    if what == IN_CI:  # or it would not show that each finds the weights of its own
        assert len(best) > 1


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    """A cache with the weights of a run's evaluations, and what a run comes to alone that corrects them."""
    folder = tmp_path_factory.mktemp("trained")
    run(recipe(IN_CI, ""), data, folder / "first", Store(folder / "cache", 10**9))()
    run(recipe(IN_CI, CORRECTIONS[1]), data, folder / "alone")()
    return folder


@pytest.fixture
def store(trained, tmp_path):
    shutil.copytree(trained / "cache", tmp_path / "cache")
    return Store(tmp_path / "cache", 10**9)


def entry_after(store, epochs):
    (found,) = (e for e in store.entries(STAGE_WEIGHTS) if e.record.facts["epochs"] == epochs)
    return found


@pytest.mark.parametrize("lost", [2, 5])
def test_where_weights_are_gone_a_run_trains(lost, trained, data, tmp_path, store):
    shutil.rmtree(entry_after(store, lost).place)
    made = run(recipe(IN_CI, CORRECTIONS[1]), data, tmp_path / "run", store, RunOptions())
    made()
    first = lost - 1  # those before are taken all the same
    assert [record.epoch for record in made.reporter.records] == list(range(first, 5))
    assert ("not all that this run would evaluate" in told(made)) == (lost == 2)
    assert finished(tmp_path / "run") == finished(trained / "alone")


def test_where_weights_are_damaged_a_run_begins_with_its_own(
    trained, data, tmp_path, store, monkeypatch
):
    """Whatever was in their place while they were evaluated."""
    made = run(recipe(IN_CI, CORRECTIONS[1]), data, tmp_path / "run", store)
    measure, asked = made._measured_again, []

    def fail(state, stage):
        asked.append(state)
        if len(asked) % 3 == 0:
            raise UnusableError("damaged")
        return measure(state, stage)

    monkeypatch.setattr(made, "_measured_again", fail)
    made()
    assert asked
    assert made.run.facts.from_cache.epochs == 2  # which were evaluated before the third
    assert finished(tmp_path / "run") == finished(trained / "alone")


def test_what_finds_no_room_is_told_and_not_kept(data, tmp_path, capsys):
    store = Store(tmp_path / "cache", 3 * 10**4)
    run(recipe("few are evaluated", ""), data, tmp_path / "run", store)()
    assert "the weights after each of 4 epochs are not kept" in capsys.readouterr().err
    kept = sorted(entry.record.facts["epochs"] for entry in store.entries(STAGE_WEIGHTS))
    assert kept == [3, 5]


def test_who_is_to_keep_weights_trains_them_where_they_are_not_there(data, tmp_path):
    store, text = Store(tmp_path / "cache", 10**9), recipe("few are evaluated", "")
    run(text, data, tmp_path / "first", store, RunOptions())()
    again = run(text, data, tmp_path / "again", store)
    again()
    assert len(again.reporter.records) == 5
    third = run(text, data, tmp_path / "third", store)
    third()
    assert third.reporter.records == []


def test_a_run_that_may_end_early_is_not_made_of_the_weights_of_another(data, tmp_path):
    store = Store(tmp_path / "cache", 10**9)
    text = "epochs = 4; early_stopping = 3; one: ce; two: cs_ce{} @ epoch 2"
    run(SETTINGS + "augment = []; " + text.format(""), data, tmp_path / "first", store)()
    made = run(
        SETTINGS + "augment = []; " + text.format(" + tau_norm"), data, tmp_path / "run", store
    )
    made()
    assert made.run.facts.from_cache.epochs == 2  # before its last stage, in which it may end


def test_what_an_evaluation_says_is_not_taken_for_damage(
    trained, data, tmp_path, store, monkeypatch
):
    made = run(recipe(IN_CI, CORRECTIONS[1]), data, tmp_path / "run", store)

    def fail():
        raise ValueError("an image cannot be read")

    monkeypatch.setattr(made, "_measured", fail)
    with pytest.raises(ValueError, match="cannot be read"):
        made()


def test_a_run_that_was_interrupted_meanwhile_evaluates_again(trained, data, tmp_path, store):
    text = recipe(IN_CI, CORRECTIONS[1])
    made = run(text, data, tmp_path / "run", store)
    measure, asked = made._measured, []

    def stop():
        asked.append(1)
        if len(asked) == 4:
            raise KeyboardInterrupt
        return measure()

    made._measured = stop
    with pytest.raises(KeyboardInterrupt):
        made()
    made.run.close()
    again = run(text, data, tmp_path / "unused", store)
    again.run = RunDirectory(tmp_path / "run", resume=True)
    again.shared = StageCache(again.plan, data, again.run, {}, KEPT, store, {})
    again(resume=True)
    assert again.reporter.records == []
    assert finished(tmp_path / "run") == finished(trained / "alone")


def test_a_correction_depends_on_what_it_is_fitted_on(data, tmp_path):
    """With another validation part, and the same images to train and to choose by."""
    store, text = (
        Store(tmp_path / "cache", 10**9),
        SETTINGS + "augment = []; best_on = test; epochs = 2; one: ce",
    )
    run(text + " + prior2posterior", data, tmp_path / "first", store)()
    others = replace(data, fingerprint={**data.fingerprint, "validation": "other"})
    made = run(text + " + prior2posterior", others, tmp_path / "other", store, RunOptions())
    assert made.shared.take() is None
    assert run(text, others, tmp_path / "plain", store, RunOptions()).shared.take() is None
    run(text, data, tmp_path / "again", store)()
    assert run(text, others, tmp_path / "same", store, RunOptions()).shared.take().epochs == 2


@pytest.mark.skipif(not FULL, reason="takes long: set LTDSL_FULL=1")
def test_features_are_evaluated_by_one_graph(data, tmp_path, compilations):
    store, what = Store(tmp_path / "cache", 10**9), "features of a frozen body"
    text = recipe(what, "").replace("epochs = 4", "epochs = 9")
    run(text, data, tmp_path / "first", store)()
    compilations.clear()
    corrected = recipe(what, CORRECTIONS[1]).replace("epochs = 4", "epochs = 9")
    made = run(corrected, data, tmp_path / "run", store)
    made()
    assert made.reporter.records == []
    # of images and of features, then and in the last evaluation; not one for each of seven epochs
    assert compilations.count("EvalStep") <= 4
