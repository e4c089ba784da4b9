"""`ltdsl run`: what it leaves behind, and everything that can be in its way."""

from __future__ import annotations

import json
import re
import resource
import shutil
import signal
import socket
import subprocess
import time

import numpy as np
import pytest
from ltdsl_runtime.weights import checkpoints
from support.processes import command, environment

#: All phases of a run in a few seconds.
SHORT = """
epochs = 4; schedule = multistep(milestones = [75%]); validation = 0.2
stage1: input_mixup
stage2: cam_bs + cs_ce @ 50% { optimizer = sgd(lr = 0.01); handoff = best }
"""


def read(path):
    return json.loads(path.read_text())


def test_a_run_and_its_directory(ltdsl, recipe, tmp_path):
    done = ltdsl("run", recipe(SHORT), "--out", "result", "--seed", "3")
    assert done.returncode == 0, done.stderr
    # what there is to say of the recipe, and nothing of MindSpore's own talk
    heads = re.findall(r"^\S*", done.stderr, re.M)
    assert all(re.fullmatch(r"|(warning|advice)\[LT\d+\]:", head) for head in heads)
    out = tmp_path / "result"

    facts = read(out / "run.json")
    assert facts["status"] == "finished"
    assert facts["seed"] == 3
    assert facts["changes"] == ["seed=3"]
    assert facts["device"] == "cpu"
    assert facts["kernels"].startswith(("native-", "mindspore"))
    assert facts["versions"]["mindspore"].startswith("2.")
    assert set(facts["data_sha256"]) == {"train", "validation", "test"}
    assert (out / "recipe" / "recipe.lt").read_text() == SHORT

    from ltdsl.plan import Plan

    plan = Plan.model_validate_json((out / "plan.json").read_text())
    assert plan.digest() == facts["plan_sha256"]

    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [0, 1, 2, 3]
    assert [line["stage"] for line in lines] == ["stage1"] * 2 + ["stage2"] * 2
    assert [line["lr"] for line in lines] == [plan.stages[e // 2].rate(e) for e in range(4)]
    assert all(line["measured_on"] == "validation" for line in lines)
    assert all(np.isfinite(line["loss"]) and 0 <= line["top1_error"] <= 100 for line in lines)

    names = {path.name for path in (out / "checkpoints").iterdir()}
    assert names == {"last.ckpt", "best.ckpt", "stage1-best.ckpt", "stage2-start.ckpt"}

    figures = read(out / "evaluation.json")
    assert figures["best_on"] == "validation"
    assert figures["test_images"] == 400
    assert figures["best_by"] == "macro_recall"
    recalls = [line["macro_recall"] for line in lines]
    assert figures["best"]["epoch"] == recalls.index(max(recalls))
    assert "best by validation macro recall" in done.stdout
    for which in ("last", "best"):
        confusion = np.zeros((10, 10), int)
        cells = figures[which]["confusion"]
        confusion[cells["label"], cells["prediction"]] = cells["count"]
        assert confusion.sum(axis=1).tolist() == [40] * 10
        error = 100 * (1 - np.trace(confusion) / 400)
        assert figures[which]["top1_error"] == pytest.approx(error)
        recalls = [row["accuracy"] for row in figures[which]["per_class"]]
        assert np.mean(recalls) == pytest.approx(100 - error)
        assert sum(group["classes"] for group in figures[which]["groups"].values()) == 10
    assert f"{figures['last']['top1_error']:.2f} %" in done.stdout
    assert "epoch 3 (4/4)" in done.stdout


def test_one_seed_one_result(trains, recipe, tmp_path):
    path = recipe("epochs = 2; stage1: input_mixup + class_balanced; stage2: cam_bs @ epoch 1")
    seen = []
    for out, seed, more in (("a", 1, ()), ("b", 1, ("--profile",)), ("c", 2, ())):
        done = trains("run", path, "--out", out, "--seed", str(seed), *more)
        assert done.returncode == 0
        assert (
            ("wall time" in done.stdout) == bool(more) == (tmp_path / out / "profile.json").exists()
        )
        lines = (tmp_path / out / "metrics.jsonl").read_text().splitlines()
        seen.append([json.loads(line)["loss"] for line in lines])
    assert seen[0] == seen[1]
    assert seen[0] != seen[2]


def test_init_starts_from_a_checkpoint_and_allows_cam_bs_at_once(trains, simple, recipe, tmp_path):
    shutil.copy(simple / "checkpoints" / "last.ckpt", tmp_path / "weights.ckpt")
    path = recipe('init = "weights.ckpt"; epochs = 1; a: cam_bs', "second.lt")
    assert trains("run", path, "--out", "second").returncode == 0
    (tmp_path / "weights.ckpt").write_bytes(b"\x08\x96garbage")
    done = trains("run", path, "--out", "third")
    assert done.returncode == 1
    assert "error[LT411]" in done.stderr
    (tmp_path / "weights.ckpt").unlink()
    assert "error[LT411]" in trains("run", path, "--out", "fourth").stderr


def test_init_of_another_model(trains, simple, recipe, tmp_path):
    shutil.copytree(simple, tmp_path / "first")
    text = 'init = "first/checkpoints/last.ckpt"; model = resnet32; epochs = 1; a: ce'
    done = trains("run", recipe(text), "--out", "second")
    assert done.returncode == 1
    assert "error[LT412]" in done.stderr


def test_a_loss_that_is_no_longer_finite(trains, recipe, tmp_path):
    text = "epochs = 20; optimizer = sgd(lr = 100); schedule = constant(warmup = 0); a: ce"
    done = trains("run", recipe(text), "--out", "result")
    assert done.returncode == 1
    assert "error[LT410]" in done.stderr
    assert read(tmp_path / "result" / "run.json")["status"] == "failed"


def test_no_full_batch(trains, recipe):
    done = trains("run", recipe("batch_size = 1000; epochs = 1; a: ce"), "--out", "result")
    assert done.returncode == 1
    assert "error[LT404]" in done.stderr  # of the recipe: counts are known before anything begins
    assert "453" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--device", "gpu"], "LT420", "GPU"),
        (["--device", "ascend"], "LT420", "Ascend"),
        (["--out", "taken"], "LT421", "holds files already"),
        (["--out", "file/below"], "LT421", "cannot write"),
        (["--out", "/proc/ltdsl"], "LT421", "cannot write"),
    ],
)
def test_machine_in_the_way(trains, recipe, tmp_path, arguments, code, words):
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "thesis.txt").write_text("mine")
    (tmp_path / "file").write_text("")
    done = trains("run", recipe("epochs = 1; a: ce"), *arguments)
    assert done.returncode == 1
    assert f"error[{code}]" in done.stderr
    assert words in done.stderr
    assert [path.name for path in (tmp_path / "taken").iterdir()] == ["thesis.txt"]


def cifar_files(folder, records=(10_000,) * 5, test=10_000):
    folder.mkdir(parents=True)
    for name, count in zip(
        [*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"],
        [*records, test],
        strict=True,
    ):
        images = np.zeros((count, 3073), np.uint8)
        images[:, 0] = np.arange(count) % 10
        images.tofile(folder / name)
    (folder / "batches.meta.txt").write_text("\n".join("abcdefghij") + "\n")


def test_data_in_the_way(trains, recipe, tmp_path):
    path = recipe("dataset = cifar10_lt; epochs = 1; a: ce")
    done = trains("run", path, "--out", "a")
    assert (done.returncode, "error[LT401]" in done.stderr) == (1, True)
    assert "--data" in done.stderr

    done = trains("run", path, "--out", "a", "--data", "nowhere")
    assert (done.returncode, "error[LT401]" in done.stderr) == (1, True)

    folder = tmp_path / "data" / "cifar-10-batches-bin"
    cifar_files(folder)
    (folder / "data_batch_3.bin").unlink()
    done = trains("run", path, "--out", "a", "--data", "data")
    assert (done.returncode, "data_batch_3.bin" in done.stderr) == (1, True)

    (folder / "data_batch_3.bin").write_bytes(b"\0" * 12_345)
    done = trains("run", path, "--out", "a", "--data", "data")
    assert (done.returncode, "error[LT402]" in done.stderr) == (1, True)
    assert "data_batch_3.bin" in done.stderr

    (folder / "data_batch_3.bin").write_bytes(b"\x63" * 3073 * 10_000)
    done = trains("run", path, "--out", "a", "--data", "data")
    assert (done.returncode, "error[LT402]" in done.stderr) == (1, True)
    assert not (tmp_path / "a").exists()  # nothing half-written


def started(*arguments, cwd, lines):
    """A run that has come to so many epochs."""
    process = subprocess.Popen(
        command("run", *arguments),
        cwd=cwd,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    metrics = cwd / "result" / "metrics.jsonl"
    while process.poll() is None:
        if metrics.exists() and metrics.read_text().count("\n") >= lines:
            break
        time.sleep(0.1)
    return process


def test_a_full_disk_an_impatient_user_and_two_runs_in_one_folder(ltdsl, recipe, tmp_path):
    path = recipe("epochs = 5000; schedule = constant; a: ce")
    process = started(path, "--out", "result", cwd=tmp_path, lines=2)
    for arguments in ([path, "--out", "result"], ["--resume", "result"]):
        done = ltdsl("run", *arguments)
        assert done.returncode == 1
        assert "error[LT423]" in done.stderr
        assert f"process {process.pid} on {socket.gethostname()}" in done.stderr

    # as a disk without space: any checkpoint is larger
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (50_000, resource.RLIM_INFINITY))
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert errors.startswith("error[LT424]: cannot write ")
    assert "last.ckpt: File too large" in errors
    assert "free space, then go on with: ltdsl run --resume result" in errors
    assert errors.count("\n") == 2
    facts = read(tmp_path / "result" / "run.json")
    assert (facts["status"], "LT424" in facts["error"]) == ("failed", True)
    epochs = output.count("\nepoch ")
    last = checkpoints.load(tmp_path / "result" / "checkpoints" / "last.ckpt", sealed=True)
    # short epochs share a checkpoint: what was to be in the next one is trained again
    done = int(last["epoch"]) + 1
    assert 1 <= done <= epochs

    process = started("--resume", "result", cwd=tmp_path, lines=epochs + 2)
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGINT, signal.SIGTERM):
        process.send_signal(number)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert "interrupted" in errors
    assert "go on with: ltdsl run --resume result" in errors
    assert f"\nepoch {done} ({done + 1}/5000)" in output
    facts = read(tmp_path / "result" / "run.json")
    assert (facts["status"], "error" in facts) == ("interrupted", False)
    last = checkpoints.load(tmp_path / "result" / "checkpoints" / "last.ckpt", sealed=True)
    # a line is written before the checkpoint that stands for it
    lines = (tmp_path / "result" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == list(range(len(lines)))
    assert int(last["epoch"]) in (len(lines) - 2, len(lines) - 1)


def test_pictures_of_cam_bs(trains, recipe, tmp_path):
    from PIL import Image

    path = recipe("epochs = 2; stage1: ce; stage2: cam_bs @ epoch 1")
    assert trains("run", path, "--out", "result", "--keep-cam", "cam").returncode == 0
    picture = Image.open(tmp_path / "cam" / "stage2.png")
    assert picture.width == 4 * 96
    assert picture.height % 96 == 0
    (tmp_path / "file").write_text("")
    done = trains("run", path, "--out", "second", "--keep-cam", "file/below")
    assert (done.returncode, "error[LT421]" in done.stderr) == (1, True)


def test_a_format_that_the_device_does_not_compute_in(trains, recipe, tmp_path):
    done = trains("run", recipe("a: ce"), "--out", "result", "--set", "precision=bf16")
    assert done.returncode == 1
    assert "error[LT427]: MindSpore's convolutions on a CPU do not compute in bf16" in done.stderr
    assert "--set precision=fp16" in done.stderr
    assert not (tmp_path / "result").exists()


def test_what_cannot_be_resumed(trains, simple, recipe, tmp_path):
    path = recipe("epochs = 1; a: ce")
    shutil.copytree(simple, tmp_path / "finished")
    done = trains("run", "--resume", "finished")
    assert (done.returncode, "error[LT422]" in done.stderr) == (1, True)
    assert trains("run", path, "--resume", "x").returncode == 2
    assert trains("run").returncode == 2
    assert trains("run", "--resume", "x", "--seed", "1").returncode == 2
    done = trains("run", "--resume", "missing")
    assert (done.returncode, "error[LT422]" in done.stderr) == (1, True)
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "run.json").write_text('{"status": "interrupted", "plan_sha256": "0"}')
    (tmp_path / "odd" / "plan.json").write_text('{"version": 99}')
    done = trains("run", "--resume", "odd")
    assert (done.returncode, "error[LT426]" in done.stderr) == (1, True)
