"""A run that is killed goes on exactly. `LTDSL_KILLS=50 pytest tests/cli/test_kills.py` kills more often."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import time

import mindspore as ms
from support.processes import command, environment

#: Every kind of border: mixup, a running optimizer, a fresh one from the best weights with cam_bs, a classifier alone.
RECIPE = """
epochs = 8; schedule = multistep(milestones = [75%], warmup = 0); validation = 0.2
stage1: input_mixup + progressive
stage2: remix + balanced_softmax @ epoch 2
stage3: cam_bs + cs_ce + input_mixup @ epoch 4 { optimizer = sgd(lr = 0.01); handoff = best }
stage4: class_balanced + crt @ epoch 7 { optimizer = sgd(lr = 0.01) }
"""

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


def start(folder):
    arguments = (
        ["--resume", folder] if (folder / "run.json").exists() else ["recipe.lt", "--out", folder]
    )
    if "--out" in arguments:  # killed before it had begun
        shutil.rmtree(folder, ignore_errors=True)
    return subprocess.Popen(
        command("run", *arguments),
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


def test_a_killed_run_goes_on_exactly(tmp_path):
    (tmp_path / "recipe.lt").write_text(RECIPE)
    began = time.monotonic()
    whole = start(tmp_path / "whole")
    assert whole.wait() == 0, whole.communicate()[1]
    seconds = time.monotonic() - began
    expected = result(tmp_path / "whole")

    moment, kills, runs, exact, seen = random.Random(SEED), 0, 0, 0, []
    while kills < KILLS or seen:
        folder = tmp_path / f"run{runs}"
        process = start(folder)
        if kills < KILLS:
            wait(process, folder, moment, seconds)
            process.kill()
        _, errors = process.communicate()
        if process.returncode == -9:
            kills += 1
            metrics = folder / "metrics.jsonl"
            seen.append(metrics.read_bytes().count(b"\n") if metrics.exists() else 0)
            if status(folder) != "finished":
                continue
        else:
            assert process.returncode == 0, f"LTDSL_KILLS_SEED={SEED}\n{errors}"
        same = result(folder) == expected
        print(
            f"seed {SEED}: run {runs}, killed after {seen} epochs: {'same' if same else 'OTHER'}",
            flush=True,
        )
        exact += same
        runs, seen = runs + 1, []
    print(f"{kills} kills, {runs} runs, {exact} of them exact")
    assert exact == runs
