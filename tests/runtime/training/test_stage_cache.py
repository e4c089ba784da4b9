"""Runs that begin with epochs of others: bit for bit what they are without."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from functools import cache

import pytest
from ltdsl_runtime.errors import RunError, StoppedAsAsked
from ltdsl_runtime.models.classifiers import use_factors
from ltdsl_runtime.models.network import freeze
from ltdsl_runtime.rundir.directory import RunDirectory
from ltdsl_runtime.training import keeping, train
from ltdsl_runtime.training.epochs.cache import StageCache, forget_half_taken
from ltdsl_runtime.training.epochs.files import Taking, _parameters
from ltdsl_runtime.weights import checkpoints
from ltdsl_runtime.weights.restore import epoch_of
from support.processes import FULL
from support.training import PLAIN, contents, conv_network, plan, told, trainer

from ltdsl.cache import STAGE_RECORDS, STAGE_WEIGHTS, Store
from ltdsl.cache.errors import warn
from ltdsl.options import RunOptions
from ltdsl.runs.metrics import Epoch

SETTINGS = PLAIN + "batch_size = 16; validation = 0.1; "

#: Two runs each whose first epochs are the same, and how many these are.
PAIRS = {
    "handoff of the best, cam_bs, continuing": (
        "epochs = 4; one: input_mixup; two: cam_bs + cs_ce @ epoch 2 { optimizer = sgd(lr = 0.02); handoff = best }",
        "epochs = 6; a: input_mixup; b: cam_bs + cs_ce @ epoch 2 { optimizer = sgd(lr = 0.02); handoff = best }; "
        "c: class_balanced + focal @ epoch 4",
        4,
    ),
    "a handoff of the best that the other does without": (
        "epochs = 4; one: ce; two: cs_ce @ epoch 2 { optimizer = sgd(lr = 0.02) }",
        "epochs = 3; one: ce; two: ce @ epoch 2 { optimizer = sgd(lr = 0.02); handoff = best }",
        2,
    ),
    "a fresh optimizer of another kind": (
        "epochs = 4; one: ce; two: ce @ epoch 2 { optimizer = sgd(lr = 0.02) }",
        "epochs = 4; one: ce; two: ce @ epoch 2 { optimizer = adam(lr = 0.01) }",
        2,
    ),
    "the same optimizer with another loss": (
        "epochs = 4; one: ce; two: cs_ce @ epoch 2",
        "epochs = 5; one: ce; two: focal @ epoch 2",
        2,
    ),
    "crt and then lws": (
        "epochs = 4; one: ce; two: class_balanced + crt @ epoch 2 { optimizer = sgd(lr = 0.1) }; "
        "three: class_balanced + lws @ epoch 3 { optimizer = sgd(lr = 0.1) }",
        "epochs = 5; one: ce; two: class_balanced + crt @ epoch 2 { optimizer = sgd(lr = 0.1) }; "
        "three: class_balanced + lws @ epoch 3 { optimizer = sgd(lr = 0.2) }",
        3,
    ),
    "over the run's clock": (
        "epochs = 4; one: progressive; two: progressive + cs_ce @ epoch 2",
        "epochs = 4; one: progressive; two: ce @ epoch 2",
        2,
    ),
    "a teacher, and then the same optimizer without it": (
        'epochs = 4; one: balanced_softmax + dive(teacher = "t.ckpt"); two: cs_ce @ epoch 2',
        'epochs = 4; one: balanced_softmax + dive(teacher = "t.ckpt"); two: focal @ epoch 2',
        2,
    ),
    "a teacher for the second stage": (
        'epochs = 4; one: ce; two: ce + dive(teacher = "t.ckpt") @ epoch 2',
        "epochs = 4; one: ce; two: focal @ epoch 2",
        2,
    ),
    "the best of few that are evaluated": (
        "epochs = 6; evaluate_every = 2; one: ce; two: cs_ce @ epoch 3 { optimizer = sgd(lr = 0.1); handoff = best }",
        "epochs = 7; evaluate_every = 2; one: ce; two: focal @ epoch 3 { optimizer = sgd(lr = 0.1); handoff = best }",
        3,
    ),
    "steps of several batches, sharpness and a constraint": (
        "epochs = 4; accumulate = 2; one: ce { sharpness = sam }; "
        "two: cs_ce @ epoch 2 { constraint = max_norm(threshold = 1) }",
        "epochs = 4; accumulate = 2; one: ce { sharpness = sam }; two: cs_ce @ epoch 2 { sharpness = sam }",
        2,
    ),
    "momentum that goes on from stage to stage, adam": (
        "epochs = 4; optimizer = adam(lr = 0.01); one: class_balanced; two: square_root + cmo @ epoch 2; "
        "three: ce @ epoch 3",
        "epochs = 5; optimizer = adam(lr = 0.01); one: class_balanced; two: square_root + cmo @ epoch 2; "
        "three: balanced_softmax @ epoch 3",
        3,
    ),
    "half precision": (
        "precision = fp16; epochs = 3; one: ce; two: cs_ce @ epoch 2",
        "precision = fp16; epochs = 3; one: ce; two: focal @ epoch 2",
        2,
    ),
}
IN_CI = "handoff of the best, cam_bs, continuing"


@pytest.fixture(scope="module")
def begun(data, tmp_path_factory):
    """Gives the folder of a pair's first run, and the cache that it was kept in."""

    @cache
    def begin(what):
        folder = tmp_path_factory.mktemp("first")
        store = Store(folder / "cache", 10**9)
        sharing(PAIRS[what][0], data, folder / "run", store)()
        return folder / "run", store

    return begin


@pytest.fixture
def store(begun, tmp_path):
    """A copy of the cache for tests that change it."""
    warn.cache_clear()
    copy = tmp_path / "cache"
    shutil.copytree(begun(IN_CI)[1].folder, copy)
    return Store(copy, 10**9)


@pytest.fixture(scope="module", autouse=True)
def teachers():
    """A small network for whatever checkpoint a recipe names."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train, "teacher_at", lambda *_: freeze(conv_network(seed=9)))
        patch.setattr(keeping, "PUT_OFF", 0)  # the checkpoint before the last is compared as well
        yield


def alone(text, data, folder):
    network = conv_network()
    if "lws" in text:
        use_factors(network, 4)
    return trainer(plan(SETTINGS + text), data, folder, network)


def sharing(text, data, folder, store, options=None):
    made = alone(text, data, folder)
    options = options or RunOptions()
    made.shared = StageCache(made.plan, data, made.run, {}, options, store, {})
    return made


def facts(folder):
    return json.loads((folder / "run.json").read_text())


@pytest.mark.parametrize("what", PAIRS if FULL else [IN_CI])
def test_a_run_that_begins_with_epochs_of_another_is_as_if_it_had_not(what, data, tmp_path, begun):
    _, second, same = PAIRS[what]
    first, store = begun(what)
    alone(second, data, tmp_path / "whole")()
    made = sharing(second, data, tmp_path / "shared", store)
    made()
    assert [r.epoch for r in made.reporter.records] == list(range(same, made.plan.epochs))
    found, expected = contents(tmp_path / "shared"), contents(tmp_path / "whole")
    assert found.keys() == expected.keys()
    for name in expected:
        assert found[name] == expected[name], name
    assert facts(tmp_path / "shared")["from_cache"]["epochs"] == same
    assert f"epochs 0-{same - 1} of {made.plan.epochs} taken" in told(made)
    assert "from_cache" not in facts(first)

    again = sharing(second, data, tmp_path / "again", store)
    again()
    assert again.reporter.records == []
    del expected["checkpoints/previous.ckpt"]  # which a run that is finished has no more
    assert contents(tmp_path / "again") == expected


def taken(text, data, folder, store, options=None):
    """How many epochs a run would begin with."""
    found = sharing(text, data, folder, store, options).shared.take()
    return 0 if found is None else found.epochs


def test_nothing_is_taken_that_is_not_the_same(data, tmp_path, store):
    first = PAIRS[IN_CI][0]
    changes = {
        first: 4,
        first.replace("lr = 0.02", "lr = 0.03"): 2,
        first.replace("epochs = 4", "epochs = 3"): 2,
        first.replace("epochs = 4", "epochs = 4; seed = 1"): 0,
        first.replace("epochs = 4", "epochs = 4; best_by = top1_error"): 0,
        first.replace("cs_ce", "cs_ce + tau_norm"): 0,
    }
    found = {
        text: taken(text, data, tmp_path / str(number), store)
        for number, text in enumerate(changes)
    }
    assert found == changes


def test_data_machine_and_versions_keep_runs_apart(data, tmp_path, store):
    text, epochs = PAIRS[IN_CI][0], 4
    for part, expected in {"train": 0, "validation": 0, "test": epochs}.items():
        others = replace(data, fingerprint={**data.fingerprint, part: "other"})
        assert taken(text, others, tmp_path / part, store) == expected, part
    made = sharing(text, data, tmp_path / "machine", store)
    threads = {"threads": 3}
    other = StageCache(made.plan, data, made.run, {}, RunOptions(), store, threads)
    assert other.take() is None
    for entry in ({"device": "gpu"}, {"workers": 2}, {"versions": {"mindspore": "3"}}):
        made = sharing(text, data, tmp_path / min(entry), store)
        made.run.note(**entry)
        other = StageCache(made.plan, data, made.run, {}, RunOptions(), store, {})
        assert other.take() is None


def test_pictures_that_are_asked_for_are_made(data, tmp_path, store):
    options = RunOptions(keep_cam=tmp_path / "cam")
    assert taken(PAIRS[IN_CI][0], data, tmp_path / "run", store, options) == 2


@pytest.mark.parametrize("kind", [STAGE_RECORDS, STAGE_WEIGHTS])
def test_damaged_entries_are_as_good_as_none(kind, data, tmp_path, store, capsys):
    for entry in store.entries(kind):
        if entry.record.facts["epochs"] == 4:
            path = next(path for path in entry.place.rglob("*.ckpt"))
            content = bytearray(path.read_bytes())
            content[len(content) // 2] ^= 1
            path.write_bytes(content)
    assert taken(PAIRS[IN_CI][0], data, tmp_path / "run", store) == 2
    assert "is not what was kept" in capsys.readouterr().err


@pytest.fixture
def done(begun, data, tmp_path, store):
    """A run whose directory is that of the first of a pair, and an empty cache."""
    first, _ = begun(IN_CI)
    made = sharing(PAIRS[IN_CI][0], data, tmp_path / "run", store)
    for name in ("checkpoints", "cam"):
        shutil.copytree(first / name, made.run.path / name, dirs_exist_ok=True)
    lines = (first / "metrics.jsonl").read_text().splitlines()
    made.run.go_on_after([Epoch.model_validate_json(line) for line in lines])
    return made


def test_what_is_lost_is_kept_anew(done, data, tmp_path, store):
    """As another run keeps it that has trained the same."""
    before = {each.key for each in store.entries() if each.record.facts.get("epochs") == 4}
    store.clear()
    done.shared.keep(4)
    assert {
        entry.key for entry in store.entries(STAGE_RECORDS) + store.entries(STAGE_WEIGHTS)
    } == before
    assert taken(PAIRS[IN_CI][0], data, tmp_path / "again", store) == 4


def test_where_there_is_no_room_nothing_is_kept(done, store):
    store.clear()
    store.limit = 1000
    done.shared.keep(4)
    assert store.entries() == []


@pytest.fixture(scope="module")
def stopped_once(data, tmp_path_factory):
    """A run that stopped after three of four epochs, one after a border; and the cache that has it up to there."""
    folder = tmp_path_factory.mktemp("stopped")
    store = Store(folder / "cache", 10**9)
    made = sharing(PAIRS[IN_CI][0], data, folder / "run", store)
    made.options = RunOptions(stop_after=3)
    with pytest.raises(StoppedAsAsked):
        made()
    made.run.close()
    return folder


@pytest.fixture
def stopped(stopped_once, tmp_path):
    return shutil.copytree(stopped_once, tmp_path / "stopped")


def going_on(folder, data, machine=None):
    """The run in a folder, opened to go on."""
    made = sharing(PAIRS[IN_CI][0], data, folder / "unused", Store(folder / "cache", 10**9))
    made.run = RunDirectory(folder / "run", resume=True)
    store = Store(folder / "cache", 10**9)
    made.shared = StageCache(made.plan, data, made.run, {}, RunOptions(), store, machine or {})
    return made


def test_what_goes_on_here_is_kept(stopped, data, tmp_path):
    """Also after the process was killed, with a file half written and a record whose checkpoint is not."""
    (stopped / "run" / "checkpoints" / ".last.ckpt.abc").write_bytes(b"half")
    lines = (stopped / "run" / "metrics.jsonl").read_text().splitlines()
    with (stopped / "run" / "metrics.jsonl").open("a") as file:
        file.write(json.dumps(json.loads(lines[-1]) | {"epoch": 3}) + "\n")
    made = going_on(stopped, data)
    made._final_evaluation = dict
    made(resume=True)
    assert made.keeps
    store = Store(stopped / "cache", 10**9)
    assert taken(PAIRS[IN_CI][0], data, tmp_path / "after", store) == 4


def test_it_is_known_who_trained_a_run(stopped, data):
    assert going_on(stopped, data).shared.marks.is_ours()


@pytest.mark.parametrize(
    "file", ["checkpoints/last.ckpt", "checkpoints/best.ckpt", "metrics.jsonl"]
)
def test_what_others_may_have_changed_is_not_believed(file, stopped, data):
    """With a checksum that is right, as a stranger would give it."""
    path = stopped / "run" / file
    if path.suffix == ".ckpt":
        saved = checkpoints.load(path, sealed=True)
        name = next(name for name, value in saved.items() if getattr(value, "size", 0) > 1)
        saved[name] = saved[name] + 1
        notes = {"plan_sha256": plan(SETTINGS + PAIRS[IN_CI][0]).digest(), "stage": "two"}
        checkpoints.save(path, _parameters(saved), epoch=epoch_of(saved, path), **notes)
    else:
        path.write_text(path.read_text().replace('"skipped": 0', '"skipped": 1'))
    assert not going_on(stopped, data).shared.marks.is_ours()


@pytest.mark.parametrize("who", ["another user", "another machine", "other workers", "nobody"])
def test_what_others_trained_is_not_believed(who, stopped, data):
    if who == "another user":
        shutil.rmtree(stopped / "cache")
    if who == "nobody":
        (stopped / "run" / "checkpoints" / "mark").unlink()
    made = going_on(stopped, data, {"threads": 3} if who == "another machine" else None)
    if who == "other workers":
        made.run.go_on(device="cpu", workers=2)
    assert not made.shared.marks.is_ours()


@pytest.mark.skipif(not FULL, reason="takes long: set LTDSL_FULL=1")
def test_of_what_is_not_believed_nothing_is_kept(stopped, data, tmp_path):
    (stopped / "run" / "checkpoints" / "mark").write_text("0" * 64)
    made = going_on(stopped, data)
    made._final_evaluation = dict
    made(resume=True)
    assert not made.keeps
    store = Store(stopped / "cache", 10**9)
    assert taken(PAIRS[IN_CI][0], data, tmp_path / "after", store) == 2


def test_what_is_half_taken_is_not_taken(data, tmp_path, store, monkeypatch):
    """An entry may be whole, and of another form than it should be."""
    made = sharing(PAIRS[IN_CI][0], data, tmp_path / "run", store)
    write = Taking._write

    def fail(self, source, name):
        if name == "last":
            raise RunError("LT411", "damaged")
        write(self, source, name)

    monkeypatch.setattr(Taking, "_write", fail)
    assert made.shared.take() is None
    assert made.run.metrics() == []


def test_what_was_being_taken_by_a_process_that_was_killed_is_forgotten(data, tmp_path, store):
    made = sharing(PAIRS[IN_CI][0], data, tmp_path / "run", store)
    assert made.shared.take().epochs == 4
    made.run.checkpoint("last").unlink()
    made.run.close()
    run = RunDirectory(tmp_path / "run", resume=True)
    forget_half_taken(run)
    assert (run.metrics(), run.facts.from_cache) == ([], None)
