"""Several real processes on this machine, joined by MindSpore's scheduler as a cluster's launcher would join them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

from support.processes import ROOT, SOURCES, environment

#: Seconds after which something hangs.
LIMIT = 240


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def cluster(workers: int, port: int) -> dict[str, str]:
    """What a launcher tells every process."""
    return {
        "MS_WORKER_NUM": str(workers),
        "MS_SCHED_HOST": "127.0.0.1",
        "MS_SCHED_PORT": str(port),
        "OMP_NUM_THREADS": "1",
        "GLOG_v": "3",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
    }


def start(arguments: list[str], env: dict[str, str], folder: Path, name: str) -> subprocess.Popen:
    with (folder / f"{name}.log").open("w") as log:
        return subprocess.Popen(
            arguments,
            env=environment() | {"PYTHONPATH": f"{SOURCES}{os.pathsep}{ROOT / 'tests'}"} | env,
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
        )


def together(script: Path, workers: int, folder: Path, *arguments: str) -> list[str]:
    """Run a script in each of some workers.

    Returns:
        What each printed; fails where one fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    line = [sys.executable, str(script), *arguments]
    shared = cluster(workers, free_port())
    names = [f"worker{rank}" for rank in range(workers)]
    running = []
    if workers > 1:
        running.append(start(line, shared | {"MS_ROLE": "MS_SCHED"}, folder, "scheduler"))
        for rank, name in enumerate(names):
            role = {"MS_ROLE": "MS_WORKER", "MS_NODE_ID": str(rank)}
            running.append(start(line, shared | role, folder, name))
    else:
        running.append(start(line, {}, folder, names[0]))
    try:
        codes = [process.wait(LIMIT) for process in running]
    finally:
        for process in running:
            process.kill()
    logs = [(folder / f"{name}.log").read_text() for name in names]
    assert not any(codes), f"exit codes {codes}\n" + "\n".join(logs)[-6000:]
    return logs
