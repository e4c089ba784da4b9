"""Epochs that are trained once: whole sweeps and runs, as users call them."""

from __future__ import annotations

import json

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
