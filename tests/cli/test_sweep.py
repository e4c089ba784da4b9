"""`ltdsl sweep`: whole sweeps, as users call them, and what can happen to them."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import time

import pytest
from support.processes import environment, safe_command, set_traps

SHORT = "epochs = 1; schedule = constant(warmup = 0); stage1: ce"

#: A learning rate that makes everything infinite in a few epochs.
FATAL = "100"


def read_json(path):
    return json.loads(path.read_text(encoding="utf-8"))


def statuses(folder):
    with (folder / "sweep.csv").open() as file:
        return {row["name"]: row["status"] for row in csv.DictReader(file)}


def numbers(run):
    """What a run has found out, without how long it took."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    for line in lines:
        del line["seconds"]
    return lines, read_json(run / "evaluation.json")


def start(folder, *arguments):
    return subprocess.Popen(
        safe_command("sweep", *arguments),
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # what runs in the background of a shell would pass on that it ignores Ctrl-C
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def wait_for(condition, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def test_a_run_that_fails_stops_no_other_one(ltdsl, recipe, tmp_path):
    path = recipe("epochs = 2; schedule = constant(warmup = 0); stage1: ce")
    arguments = ("sweep", path, "--set", f"optimizer.lr=0.05,{FATAL}", "--jobs", "2")
    done = ltdsl(*arguments)
    assert done.returncode == 1
    out = tmp_path / "sweeps" / "recipe"
    assert statuses(out) == {"lr=0.05": "finished", "lr=100": "failed"}
    assert "lr=100: LT410: " in done.stdout
    assert read_json(out / "lr=0.05" / "run.json")["changes"] == ["optimizer.lr=0.05"]
    assert "epoch 1 (2/2)" in (out / "logs" / "lr=0.05.txt").read_text()
    error = read_json(out / "lr=0.05" / "evaluation.json")["last"]["top1_error"]
    assert f"{error:.2f}" in done.stdout
    assert (out / "comparison.html").is_file()

    # nothing is done twice; what failed in training would fail again
    before = {path: path.stat().st_mtime_ns for path in out.glob("lr=*/*")}
    done = ltdsl(*arguments)
    assert done.returncode == 1
    assert "2 runs in sweeps/recipe: 1 finished, 1 failed" in done.stdout
    assert before == {path: path.stat().st_mtime_ns for path in out.glob("lr=*/*")}

    done = ltdsl("sweep", path, "--set", "optimizer.lr=0.05", "--dry-run")
    assert done.returncode == 0
    assert "1 run in sweeps/recipe: 1 finished" in done.stdout


def test_a_killed_sweep_leaves_no_process_and_goes_on_exactly(ltdsl, recipe, tmp_path):
    path = recipe("epochs = 5; schedule = constant(warmup = 0); stage1: input_mixup")
    arguments = (path, "--set", "seed=3", "--out", "out")
    process = start(tmp_path, *arguments)
    run = tmp_path / "out" / "seed=3"
    metrics = run / "metrics.jsonl"
    wait_for(lambda: metrics.exists() and metrics.read_text().count("\n") >= 1)
    process.kill()
    process.communicate()
    wait_for(lambda: read_json(run / "run.json")["status"] == "interrupted")
    done = ltdsl("sweep", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    assert statuses(tmp_path / "out") == {"seed=3": "finished"}
    assert ltdsl("run", path, "--seed", "3", "--out", "whole").returncode == 0
    assert numbers(run) == numbers(tmp_path / "whole")


def test_ctrl_c_stops_all_runs_in_order(recipe, tmp_path):
    path = recipe("epochs = 5000; schedule = constant(warmup = 0); stage1: ce")
    caught = set_traps(tmp_path)
    process = start(tmp_path, path, "--seeds", "3", "--jobs", "2", "--out", "out")
    runs = [tmp_path / "out" / f"seed={seed}" for seed in (0, 1)]
    wait_for(lambda: all((run / "metrics.jsonl").exists() for run in runs))
    process.send_signal(signal.SIGINT)
    try:
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "error[LT499]: interrupted" in errors
    assert "Traceback" not in errors
    assert [read_json(run / "run.json")["status"] for run in runs] == ["interrupted"] * 2
    assert statuses(tmp_path / "out") == {
        "seed=0": "interrupted",
        "seed=1": "interrupted",
        "seed=2": "new",
    }
    assert not caught.exists(), caught.read_text()


def test_nothing_is_trained_before_all_is_right(trains, recipe, tmp_path):
    path = recipe("epochs = 10; stage1: ce; stage2: ce @ epoch 5")
    done = trains("sweep", path, "--set", "epochs=4,10", "--seeds", "3")
    assert done.returncode == 1
    assert done.stderr.count("error[LT304]") == 1
    assert "in 3 of 6 combinations: those with epochs=4" in done.stderr
    assert not (tmp_path / "sweeps").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["--set", "epochs=1,2", "--set", "seed=1,2,3", "--zip"],
            "--zip takes lists of one length",
        ),
        (["--set", "seed=1,2", "--seeds", "2"], "both name seeds"),
        (["--seeds", "0"], "--seeds"),
        (["--seeds", "10001"], "at most 10,000"),
        (["--jobs", "2", "--cluster", "tcp://localhost:1"], "name one of them"),
    ],
)
def test_misuse(trains, recipe, arguments, words):
    done = trains("sweep", recipe(SHORT), *arguments)
    assert done.returncode == 2
    assert words in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--set", "epochs=1,,2"], "LT460"),
        (["--set", "epochs=1", "--set", "epochs=2"], "LT461"),
        (["--out", "file/below"], "LT462"),
        (["--out", "file"], "LT462"),
        (["--cluster", "tcp://127.0.0.1:1"], "LT463"),
        (["--cluster", "nonsense"], "LT463"),
    ],
)
def test_what_is_in_the_way(ltdsl, recipe, tmp_path, arguments, code):
    (tmp_path / "file").write_text("mine")
    done = ltdsl("sweep", recipe(SHORT), *arguments)
    assert done.returncode == 1
    assert f"error[{code}]" in done.stdout + done.stderr
    assert (tmp_path / "file").read_text() == "mine"


def test_options_of_a_run(ltdsl, recipe, tmp_path):
    text = "epochs = 2; schedule = constant(warmup = 0); stage1: ce; stage2: cam_bs @ epoch 1"
    options = ("--out", "out", "--tensorboard", "--keep-cam", "pictures")
    done = ltdsl("sweep", recipe(text), "--set", "seed=3", *options)
    assert done.returncode == 0, done.stdout + done.stderr
    assert list((tmp_path / "out" / "seed=3" / "tensorboard").iterdir())
    assert list((tmp_path / "pictures" / "seed=3").iterdir())


def test_several_recipes(trains, recipe):
    first, second = recipe(SHORT, "a.lt"), recipe(SHORT.replace("ce", "cs_ce"), "b.lt")
    done = trains("sweep", first, second, "--seeds", "2", "--dry-run")
    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines() if "seed=" in line] == [
        "a,seed=0",
        "a,seed=1",
        "b,seed=0",
        "b,seed=1",
    ]
    assert "4 runs in sweeps/a+b: 4 new" in done.stdout
