"""Epochs that are trained once: whole sweeps and runs, as users call them."""

from __future__ import annotations

import json
import shutil

import pytest
from support.processes import FULL

TRICKS = (
    "cs_ce",
    "class_balanced + ce",
    "focal",
    "square_root + ce",
    "progressive + ce",
    "balanced_softmax",
    "cmo + ce",
    "remix + ce",
)


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.delenv("LTDSL_NO_CACHE", raising=False)
    monkeypatch.setenv("LTDSL_CACHE", str(tmp_path / "cache"))


def read_json(path):
    return json.loads(path.read_text(encoding="utf-8"))


def trained(run):
    """How many epochs a run trained itself."""
    lines = (run / "metrics.jsonl").read_text().splitlines()
    return len(lines) - read_json(run / "run.json").get("from_cache", {"epochs": 0})["epochs"]


def test_workers_of_a_cluster_share_too(ltdsl, recipe, tmp_path):
    """Who comes second waits for the first, on whatever worker it is."""
    distributed = pytest.importorskip("distributed")
    path = recipe("epochs = 2; schedule = constant(warmup = 0); one: ce; two: ce @ epoch 1")
    arguments = ("sweep", path, "--set", "two.tricks=cs_ce,focal", "--out", "out")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:
        done = ltdsl(*arguments, "--cluster", cluster.scheduler_address)
    assert done.returncode == 0, done.stdout + done.stderr
    runs = sorted((tmp_path / "out").glob("tricks=*"))
    assert sorted(map(trained, runs)) == [1, 2]
    again = ltdsl(*arguments)
    assert "2 runs in out: 2 finished" in again.stdout


def test_a_sweep_trains_what_its_runs_share_once(ltdsl, recipe, tmp_path):
    tricks = TRICKS if FULL else TRICKS[:2]
    text = "epochs = 5; schedule = constant(warmup = 0); one: input_mixup; two: {} @ 80%"
    paths = [recipe(text.format(each), f"r{number}.lt") for number, each in enumerate(tricks)]
    alone, shared = 5 * len(paths), 4 + len(paths)
    if FULL:
        assert shared == 0.30 * alone

    done = ltdsl("sweep", *paths, "--out", "out", "--dry-run")
    assert f"{shared} epochs to train instead of {alone}" in done.stdout
    assert "epochs 0-3 of r0" in done.stdout

    done = ltdsl("sweep", *paths, "--out", "out", "--jobs", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    runs = [tmp_path / "out" / path.stem for path in paths]
    assert [trained(run) for run in runs] == [5] + [1] * (len(paths) - 1)
    assert sum(map(trained, runs)) == shared
    assert "epochs 0-3 of 5 taken from the cache" in (tmp_path / "out/logs/r1.txt").read_text()
    for run in runs:
        report = [json.loads(line)["epoch"] for line in (run / "metrics.jsonl").open()]
        assert report == list(range(5))
    entries = json.loads(ltdsl("cache", "list", "--format", "json").stdout)["entries"]
    assert {entry["kind"] for entry in entries} >= {"stage-weights", "stage-records"}


def test_runs_that_differ_in_a_correction_train_once(ltdsl, recipe, tmp_path):
    path = recipe("epochs = 2; schedule = constant(warmup = 0); one: ce")
    tricks = ("sweep", path, "--set", "one.tricks=ce,ce + tau_norm,ce + posthoc_logit_adjustment")
    done = ltdsl(*tricks, "--out", "out")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 epochs to train instead of 6 (33 %)" in done.stdout
    runs = sorted((tmp_path / "out").glob("tricks=*"))
    assert sorted(map(trained, runs)) == [0, 0, 2]
    figures = {read_json(run / "evaluation.json")["last"]["macro_recall"] for run in runs}
    assert len(figures) > 1


@pytest.mark.skipif(not FULL, reason="takes long: set LTDSL_FULL=1")
def test_a_run_begins_with_another_and_goes_on_after_it_was_stopped(ltdsl, recipe, tmp_path):
    text = (
        "epochs = {}; schedule = constant(warmup = 0); validation = 0.1; one: ce; two: {} @ epoch 2"
    )
    first, longer = recipe(text.format(3, "cs_ce"), "a.lt"), recipe(text.format(5, "cs_ce"), "b.lt")
    assert ltdsl("run", first, "--out", "first", "--no-cache").returncode == 0
    done = ltdsl("run", longer, "--from", "first", "--out", "longer", "--no-cache")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "exactly as if it had trained these epochs itself" in done.stdout
    assert ltdsl("run", longer, "--out", "whole", "--no-cache").returncode == 0
    for name in ("last.ckpt", "best.ckpt"):
        path = f"checkpoints/{name}"
        assert (tmp_path / "longer" / path).read_bytes() == (tmp_path / "whole" / path).read_bytes()
    one, other = (read_json(tmp_path / run / "evaluation.json") for run in ("longer", "whole"))
    assert one == other

    another = recipe(text.format(4, "focal").replace("one: ce", "one: input_mixup"), "c.lt")
    done = ltdsl("run", another, "--from", "first@epoch 3", "--out", "another", "--no-cache")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "differs in `stages`" in done.stdout
    begins = read_json(tmp_path / "another" / "plan.json")["begins"]
    assert begins["plan_sha256"] == read_json(tmp_path / "first" / "run.json")["plan_sha256"]
    assert begins["epochs"] == 3

    # killed after its first epoch
    run = tmp_path / "another"
    facts = read_json(run / "run.json")
    (run / "run.json").write_text(json.dumps(facts | {"status": "interrupted"}))
    (run / "metrics.jsonl").write_text("")
    for path in (run / "checkpoints").glob("[!b]*.ckpt"):
        path.unlink()
    (tmp_path / "first").rename(tmp_path / "gone")
    evaluation = (run / "evaluation.json").read_bytes()
    done = ltdsl("run", "--resume", "another")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (run / "evaluation.json").read_bytes() == evaluation


@pytest.mark.skipif(not FULL, reason="takes long: set LTDSL_FULL=1")
def test_checkpoints_count_by_what_is_in_them(ltdsl, recipe, tmp_path):
    once = "epochs = {}; schedule = constant(warmup = 0); {}one: "
    assert ltdsl("run", recipe(once.format(1, "") + "ce"), "--out", "t").returncode == 0
    text = once.format(3, 'init = "{0}.ckpt"; ') + (
        'balanced_softmax + dive(teacher = "{0}.ckpt"); two: {1} @ epoch 2'
    )
    for name in ("here", "there"):
        shutil.copyfile(tmp_path / "t" / "checkpoints" / "last.ckpt", tmp_path / f"{name}.ckpt")
    first = recipe(text.format("here", "ce"), "a.lt")
    second = recipe(text.format("there", "cs_ce"), "b.lt")
    assert ltdsl("run", first, "--out", "first").returncode == 0
    assert ltdsl("run", second, "--out", "shared").returncode == 0
    assert ltdsl("run", second, "--out", "whole", "--no-cache").returncode == 0
    assert [trained(tmp_path / name) for name in ("shared", "whole")] == [1, 3]
    one, other = (
        (tmp_path / name / "checkpoints" / "last.ckpt").read_bytes() for name in ("shared", "whole")
    )
    assert one == other
    (tmp_path / "there.ckpt").write_bytes(one)
    assert ltdsl("run", second, "--out", "other").returncode == 0
    assert trained(tmp_path / "other") == 3
