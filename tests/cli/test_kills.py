"""A run that is killed goes on exactly. `LTDSL_KILLS=50 pytest tests/cli/test_kills.py` kills more often.

Half of the kills come at moments of chance, half at steps that are counted: each that changes something on the disk.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import mindspore as ms
import pytest
from support import kill_at
from support.processes import command, environment

#: Every kind of border: mixup, a running optimizer, a fresh one from the best weights with cam_bs, a classifier alone.
RECIPE = """
epochs = 8; schedule = multistep(milestones = [75%], warmup = 0); validation = 0.2
stage1: input_mixup + progressive
stage2: remix + balanced_softmax @ epoch 2
stage3: cam_bs + cs_ce + input_mixup @ epoch 4 { optimizer = sgd(lr = 0.01); handoff = best }
stage4: class_balanced + crt @ epoch 7 { optimizer = sgd(lr = 0.01) }
"""

KILL_AT = Path(kill_at.__file__)

KILLS = int(os.environ.get("LTDSL_KILLS", "4"))
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
        line = [sys.executable, str(KILL_AT), str(step), "run", *map(str, arguments)]
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
    process = start(folder / "whole", step=-1)
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    return folder, time.monotonic() - began, int(errors.split()[-1])


def test_a_run_that_is_killed_at_a_step_goes_on_exactly(whole):
    folder, _, steps = whole
    expected = result(folder / "whole")
    assert steps > 200
    for step in random.Random(SEED).sample(range(1, steps), max(1, KILLS // 2)):
        run = folder / f"step{step}"
        process = start(run, step)
        _, errors = process.communicate()
        assert process.returncode == -9, errors
        if status(run) != "finished":
            process = start(run)
            _, errors = process.communicate()
            assert process.returncode == 0, f"step {step} of {steps}\n{errors}"
        assert result(run) == expected, f"step {step} of {steps}"
        left = {path.name for path in run.rglob(".*")}
        assert left <= {".lock"} | {name for name in left if name.startswith(".report.html.")}
        page = subprocess.run(
            command("report", run), env=environment(), capture_output=True, text=True
        )
        assert page.returncode == 0, page.stderr
        shutil.rmtree(run)


def test_a_killed_run_goes_on_exactly(whole):
    folder, seconds, _ = whole
    expected = result(folder / "whole")
    moment, kills, runs, exact, seen = random.Random(SEED), 0, 0, 0, []
    while kills < KILLS - KILLS // 2 or seen:
        run = folder / f"run{runs}"
        process = start(run)
        if kills < KILLS - KILLS // 2:
            wait(process, run, moment, seconds)
            process.kill()
        _, errors = process.communicate()
        if process.returncode == -9:
            kills += 1
            metrics = run / "metrics.jsonl"
            seen.append(metrics.read_bytes().count(b"\n") if metrics.exists() else 0)
            if status(run) != "finished":
                continue
        else:
            assert process.returncode == 0, f"LTDSL_KILLS_SEED={SEED}\n{errors}"
        same = result(run) == expected
        print(
            f"seed {SEED}: run {runs}, killed after {seen} epochs: {'same' if same else 'OTHER'}",
            flush=True,
        )
        exact += same
        runs, seen = runs + 1, []
    print(f"{kills} kills, {runs} runs, {exact} of them exact")
    assert exact == runs
