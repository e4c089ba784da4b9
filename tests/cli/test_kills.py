"""A run that is killed goes on exactly. `LTDSL_KILLS=50 pytest -s tests/cli/test_kills.py` kills more often.

Most kills come at steps that change a chosen place on the disk, the others at moments of chance.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import mindspore as ms
import pytest
from support import kill_at
from support.processes import FULL, command, environment

from ltdsl.cache import Store

#: Every kind of border: mixup, a running optimizer, a fresh one from the best weights with cam_bs, a classifier alone;
#: batches that no number of threads shares evenly.
RECIPE = """
epochs = 8; batch_size = 25; schedule = multistep(milestones = [75%], warmup = 0); validation = 0.2
stage1: input_mixup + progressive
stage2: remix + focal @ epoch 2
stage3: cam_bs + cs_ce + input_mixup @ epoch 4 { optimizer = sgd(lr = 0.01); handoff = best }
stage4: class_balanced + crt @ epoch 7 { optimizer = sgd(lr = 0.01) }
"""

KILL_AT = Path(kill_at.__file__)

#: Moments of a run, and the places on the disk that change then.
MOMENTS = {
    "begin": ("plan.json", "recipe", "recipe.lt"),
    "epoch": ("metrics.jsonl",),
    "checkpoint": ("last", "best", "previous", "checkpoints"),
    "stage switch": ("stage2-best", "stage3-start"),
    "gallery": ("cam", "stage3.png", "stage3.json"),
    "evaluation": ("evaluation.json",),
    "begin or end": ("run.json",),
    "report": ("a child",),
}

KILLS = int(os.environ.get("LTDSL_KILLS", "2"))
SEED = int(os.environ.get("LTDSL_KILLS_SEED", time.time()))


def result(folder):
    """All numbers of a run but its times, and all weights and states."""
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    for line in lines:
        del line["seconds"]
    states = {}
    for path in (folder / "checkpoints").iterdir():
        if path.name == "previous.ckpt":  # killed as it was about to be removed
            continue
        states[path.name] = {
            name: (value.asnumpy().tobytes(), value.shape) if hasattr(value, "shape") else value
            for name, value in ms.load_checkpoint(str(path)).items()
        }
    assert set(states) == {
        f"{name}.ckpt" for name in ("last", "best", "stage2-best", "stage3-start")
    }
    return lines, states, json.loads((folder / "evaluation.json").read_text())


def other(found, expected):
    """What two results differ in."""
    lines, states, figures = zip(found, expected, strict=True)
    names = {
        f"{path}: {name}"
        for path, state in states[1].items()
        for name in {*state, *states[0][path]}
        if state.get(name) != states[0][path].get(name)
    }
    return [
        *(["metrics"] * (lines[0] != lines[1])),
        *sorted(names),
        *(["figures"] * (figures[0] != figures[1])),
    ]


def status(folder):
    path = folder / "run.json"
    return json.loads(path.read_text())["status"] if path.exists() else None


def start(folder, step=None):
    """Begins a run, or goes on with it; one that is killed at a step where that is given."""
    arguments = (
        ["--resume", folder] if (folder / "run.json").exists() else ["recipe.lt", "--out", folder]
    )
    if "--out" in arguments:  # killed before it had begun
        shutil.rmtree(folder, ignore_errors=True)
    line = command("run", *arguments)
    if step is not None:
        line = [sys.executable, str(KILL_AT), step, "run", *map(str, arguments)]
    return subprocess.Popen(
        line,
        cwd=folder.parent,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait(process, folder, moment, seconds):
    """Waits for a random moment of a run, or for one while it writes what an epoch came to."""
    end = time.monotonic() + moment.uniform(0, seconds)
    metrics, seen = folder / "metrics.jsonl", None
    writing = moment.random() < 0.5
    while process.poll() is None and time.monotonic() < end + (seconds if writing else 0):
        now = metrics.stat().st_size if metrics.exists() else None
        if writing and seen is not None and now != seen and time.monotonic() > end:
            time.sleep(moment.uniform(0, 0.03))
            return
        seen = now
        time.sleep(0.002)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A folder with a run that nobody disturbed, how many seconds it took, and its steps."""
    folder = tmp_path_factory.mktemp("kills")
    (folder / "recipe.lt").write_text(RECIPE)
    began = time.monotonic()
    process = start(folder / "whole", step=":0")
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    return folder, time.monotonic() - began, json.loads(errors.splitlines()[-1])


def test_a_killed_run_goes_on_exactly(whole):
    folder, seconds, steps = whole
    expected = result(folder / "whole")
    choose, kills = random.Random(SEED), Counter()
    moments = itertools.cycle(choose.sample(sorted(MOMENTS), len(MOMENTS)))
    for number in itertools.count(1):
        run, told = folder / f"run{number}", f"LTDSL_KILLS_SEED={SEED}:"
        for chosen in (True, False, True):  # it goes on, and is killed again
            if kills.total() >= KILLS or status(run) == "finished":
                break
            if chosen:
                moment = next(moments)
                place = choose.choice(MOMENTS[moment])
                step = f"{place}:{choose.randint(1, steps[place])}"
                process = start(run, step)
            else:
                moment = step = "chance"
                process = start(run)
                wait(process, run, choose, seconds)
                process.kill()
            _, errors = process.communicate()
            told += f" {step}"
            assert process.returncode in (-9, 0), f"{told}\n{errors}"
            kills[moment] += process.returncode == -9  # not where that was before it went on
        if status(run) != "finished":
            process = start(run)
            _, errors = process.communicate()
            assert process.returncode == 0, f"{told}\n{errors}"
        assert other(result(run), expected) == [], told
        assert drafts(run) <= {name for name in drafts(run) if name.startswith(".report.html.")}
        page = subprocess.run(
            command("report", run), env=environment(), capture_output=True, text=True
        )
        assert page.returncode == 0, page.stderr
        shutil.rmtree(run)
        print(f"{told}: same; {kills.total()} kills: {dict(kills)}", flush=True)
        if "LTDSL_KILLS" not in os.environ or kills.total() >= KILLS:
            break


@pytest.mark.skipif(not FULL, reason="takes long: set LTDSL_FULL=1")
@pytest.mark.parametrize("filled", [False, True], ids=["keeps its epochs", "takes others'"])
def test_a_killed_run_that_shares_epochs_goes_on_exactly(whole, filled, tmp_path, monkeypatch):
    """At whatever step of the cache; and what it left there, others begin with."""
    monkeypatch.delenv("LTDSL_NO_CACHE", raising=False)
    monkeypatch.setenv("LTDSL_CACHE", str(tmp_path / "cache"))
    expected, choose = result(whole[0] / "whole"), random.Random(SEED)
    runs = whole[0] / f"sharing{filled}"
    runs.mkdir()
    shutil.copy(whole[0] / "recipe.lt", runs)

    def finish(name, step=None):
        process = start(runs / name, step)
        _, errors = process.communicate()
        assert process.returncode in ((0,) if step in (None, ":0") else (-9, 0)), errors
        return process.returncode, errors

    if filled:  # up to the border of a stage
        finish("first")
        for entry in Store(tmp_path / "cache", 10**9).entries():
            if entry.record.facts.get("epochs") == 8:
                shutil.rmtree(entry.place)
        shutil.copytree(tmp_path / "cache", tmp_path / "before")
    _, errors = finish("steps", ":0")
    steps = json.loads(errors.splitlines()[-1])
    others = [place for place in sorted(steps) if place not in {"a child", "report.html"}]
    for number in range(int(os.environ.get("LTDSL_KILLS", "3"))):
        shutil.rmtree(tmp_path / "cache")
        if filled:
            shutil.copytree(tmp_path / "before", tmp_path / "cache")
        place = choose.choice(others)
        step = f"{place}:{choose.randint(1, steps[place])}"
        code, _ = finish(f"run{number}", step)
        if status(runs / f"run{number}") != "finished":
            finish(f"run{number}")
        finish(f"after{number}")
        told = f"LTDSL_KILLS_SEED={SEED}: {step}"
        assert other(result(runs / f"run{number}"), expected) == [], told
        assert other(result(runs / f"after{number}"), expected) == [], told
        print(f"{told}: {'killed' if code else 'not killed'}, same", flush=True)


def drafts(run):
    return {path.name for path in run.rglob(".*")} - {".lock"}


@pytest.mark.parametrize("step", range(1, 5) if FULL else [2])
def test_a_report_that_is_killed_leaves_a_whole_page(whole, step):
    run = whole[0] / "whole"
    page = run / "report.html"
    line = [sys.executable, str(KILL_AT), f"report.html:{step}", "report", str(run)]
    killed = subprocess.run(line, env=environment(), capture_output=True, text=True)
    assert killed.returncode == -9, killed.stderr
    assert page.read_text().rstrip().endswith("</html>")
    assert len(drafts(run)) == (step in (2, 3))
    for draft in drafts(run):
        os.utime(run / draft, (0, 0))
    again = subprocess.run(command("report", run), env=environment(), capture_output=True)
    assert again.returncode == 0
    assert drafts(run) == set()
