"""`ltdsl run` in several processes: what they leave behind, and everything that can be in their way."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
from ltdsl_runtime.errors import RunError
from ltdsl_runtime.parallel.cluster import join
from support.cluster import cluster, free_port
from support.processes import command, environment, safe_command, set_traps

LONG = "epochs = 200; batch_size = 64; schedule = constant(warmup = 0); a: input_mixup"


@pytest.fixture
def recipe(tmp_path):
    def write(text: str, name: str = "recipe.lt") -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def ltdsl(tmp_path: Path, *arguments: object, **variables: str) -> subprocess.CompletedProcess:
    done = subprocess.run(
        command(*arguments),
        env=environment() | variables,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert "Traceback" not in done.stdout + done.stderr
    return done


def worker(launcher: int, rank: int) -> int:
    """The process number of a launcher's worker."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            variables = (folder / "environ").read_bytes().split(b"\0")
            line = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        wanted = {b"LTDSL_LAUNCHER=%d" % launcher, b"MS_NODE_ID=%d" % rank}
        if wanted <= set(variables) and b"\0run\0" in line and b"cluster.run" not in line:
            return int(folder.name)
    raise AssertionError("no such worker")


def listening(launcher: int) -> set[str]:
    """The addresses, in hexadecimal digits as Linux has them, at which a process and those below it listen."""
    below: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parent = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
            below.setdefault(parent, []).append(int(folder.name))
    processes = [launcher]
    for process in processes:
        processes += below.get(process, [])
    sockets = set()
    for process in processes:
        for handle in Path(f"/proc/{process}/fd").iterdir():
            with contextlib.suppress(OSError):
                sockets.add(str(handle.readlink()))
    lines = [
        line.split()
        for name in ("tcp", "tcp6", "udp", "udp6")
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]
    ]
    listens = [
        line for line in lines if line[3] in ("0A", "07") and f"socket:[{line[9]}]" in sockets
    ]
    return {line[1].split(":")[0] for line in listens}


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")
def test_a_killed_worker_ends_the_run_which_goes_on_alone(recipe, tmp_path):
    out, lines = tmp_path / "out", tmp_path / "out" / "metrics.jsonl"
    caught = set_traps(tmp_path)
    running = subprocess.Popen(
        safe_command("run", recipe(LONG), "--workers", 2, "--split-classes", "--out", out),
        env=environment(),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        deadline = time.monotonic() + 200
        while not lines.exists() or lines.read_text().count("\n") < 2:
            assert running.poll() is None, running.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.2)
        assert listening(running.pid) == {
            "0100007F"
        }  # 127.0.0.1, and nothing that the network sees
        killed = time.monotonic()
        os.kill(worker(running.pid, 1), signal.SIGKILL)
        printed, said = running.communicate(timeout=60)
    finally:
        running.kill()
    assert time.monotonic() - killed < 30
    assert running.returncode == 1
    assert said.startswith("error[LT470]: worker 1 of 2 was killed (SIGKILL)"), said
    assert "Traceback" not in said
    assert f"--resume {out}" in said
    assert "epoch 1 (2/200)" in printed
    assert printed.count("epoch 0 (1/200)") == 1  # the first worker's lines alone
    assert "[INFO]" not in printed
    facts = json.loads((out / "run.json").read_text())
    assert facts["status"] == "failed"
    assert (facts["workers"], facts["split_classes"]) == (2, True)
    assert "LT470" in facts["error"]
    assert (out / "logs" / "worker_1.log").exists()
    with pytest.raises(AssertionError, match="no such worker"):
        worker(running.pid, 0)

    # it goes on with one worker; and stops there when it is asked to
    done = lines.read_text().count("\n")
    alone = subprocess.Popen(
        safe_command("run", "--resume", out),
        env=environment(),
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 120
        while lines.read_text().count("\n") < done + 1:
            assert alone.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.2)
        alone.terminate()
        assert alone.wait(60) == 130
    finally:
        alone.kill()
    epochs = [json.loads(line)["epoch"] for line in lines.read_text().splitlines()]
    assert epochs == list(range(len(epochs)))
    assert not caught.exists(), caught.read_text()


def test_a_port_that_is_taken(recipe, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = ltdsl(tmp_path, "run", recipe(LONG), "--workers", 2, "--port", port, "--out", "out")
    assert done.returncode == 1
    assert f"error[LT471]: the workers cannot meet at 127.0.0.1:{port}" in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("port", ["", "http", "-1", "65536", "8118:1", "9" * 5000])
def test_a_port_that_is_none(port, monkeypatch):
    monkeypatch.setenv("MS_ROLE", "MS_WORKER")
    monkeypatch.setenv("MS_SCHED_PORT", port)
    with pytest.raises(RunError, match="and a port is a number from 1 to 65535") as caught:
        join("cpu-plain")
    assert caught.value.code == "LT471"


def test_programs_are_told_once_of_what_all_workers_do(recipe, tmp_path):
    path = recipe("epochs = 1; batch_size = 64; schedule = constant(warmup = 0); a: ce")
    done = ltdsl(tmp_path, "run", path, "--workers", 2, "--json", "--out", "out", "--no-cache")
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [each["event"] for each in told] == ["begin", "stage", "epoch", "result", "end"]
    assert told[2]["loss"] == json.loads((tmp_path / "out" / "metrics.jsonl").read_text())["loss"]
    assert "epoch 0 (1/1)" in done.stderr
    done = ltdsl(tmp_path, "run", path, "--workers", 3, "--json", "--out", "other")
    [error] = [json.loads(line) for line in done.stdout.splitlines()]
    assert (error["event"], error["code"], done.returncode) == ("error", "LT475", 1)
    assert done.stderr.startswith("error[LT475]: ")


def test_a_batch_that_cannot_be_shared(recipe, tmp_path):
    done = ltdsl(tmp_path, "run", recipe(LONG), "--workers", 3, "--out", "out")
    assert done.returncode == 1
    assert "error[LT475]: 3 workers cannot share the 64 images" in done.stderr


def test_classes_that_cannot_be_split(recipe, tmp_path):
    path = recipe(f"{LONG}; b: manifold_mixup(layer = fc) @ epoch 100")
    done = ltdsl(tmp_path, "run", path, "--workers", 2, "--split-classes", "--out", "out")
    assert done.returncode == 1
    assert "error[LT476]: the classes cannot be split: `manifold_mixup` in stage `b`" in done.stderr
    assert not (tmp_path / "out").exists()


def test_misuse(recipe, tmp_path):
    path = recipe(LONG)
    assert ltdsl(tmp_path, "run", path, "--split-classes").returncode == 2
    assert ltdsl(tmp_path, "run", path, "--port", 5000).returncode == 2
    done = ltdsl(tmp_path, "run", "-", "--workers", 2)
    assert (done.returncode, "name a file" in done.stderr) == (2, True)
    done = ltdsl(tmp_path, "run", path, "--workers", 2, MS_ROLE="MS_WORKER")
    assert done.returncode == 2
    assert "launcher" in done.stderr
    assert "error[LT1" in ltdsl(tmp_path, "run", recipe("a: cee"), "--workers", 2).stderr


def test_a_worker_that_never_comes(recipe, tmp_path):
    shared = cluster(2, free_port()) | {"MS_TOPO_TIMEOUT": "5", "MS_NODE_ID": "0"}
    scheduler = subprocess.Popen(
        command("run", recipe(LONG)),
        env=environment() | shared | {"MS_ROLE": "MS_SCHED"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=tmp_path,
    )
    try:
        role = {"MS_ROLE": "MS_WORKER"}
        done = ltdsl(tmp_path, "run", recipe(LONG), "--out", "out", **shared, **role)
    finally:
        scheduler.kill()
    assert done.returncode == 1
    assert "error[LT472]: not all of 2 workers came within 5 s" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_different_recipes_on_two_workers(recipe, tmp_path):
    shared = cluster(2, free_port())
    calls = [("MS_SCHED", "0", 0), ("MS_WORKER", "0", 0), ("MS_WORKER", "1", 1)]
    running = [
        subprocess.Popen(
            command("run", recipe(LONG), "--seed", seed, "--out", "out"),
            env=environment() | shared | {"MS_ROLE": role, "MS_NODE_ID": node},
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for role, node, seed in calls
    ]
    try:
        said = [process.communicate(timeout=200)[1] for process in running[1:]]
    finally:
        for process in running:
            process.kill()
    assert [process.returncode for process in running[1:]] == [1, 1]
    assert all("error[LT473]: worker 1 has another plan than worker 0" in text for text in said)
    assert not (tmp_path / "out").exists()
