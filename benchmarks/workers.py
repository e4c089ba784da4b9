"""Two workers on two cores against one on one core, and what part of their step is communication.

Each worker is a process with one thread, pinned to a core: ResNet-32, 128 images of 3×32×32 a step in all, `ce`. Both
settings take turns in processes of their own; a process reports the median of its steps. This one is for a CPU.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.common import Row, compare

IMAGES = 128


def measure(quick: bool = False) -> list[Row]:
    if (os.cpu_count() or 1) < 2:
        return []
    steps, rounds = (2, 2) if quick else (6, 5)
    both: tuple[list[float], list[float]] = ([], [])
    shares: tuple[list[float], list[float]] = ([], [])
    for turn in range(rounds):
        for workers in (2, 1) if turn % 2 else (1, 2):
            step, message = _run(workers, steps)
            both[2 - workers].append(step)
            if workers == 2:
                shares[0].append(message)
                shares[1].append(step)
    return [
        compare("workers: a step of two on two cores", "one on one core", both),
        compare("workers: adding up gradients", "the step of two", shares),
    ]


def _run(workers: int, steps: int) -> tuple[float, float]:
    """Seconds of a step, and of its communication alone."""
    script = [str(Path(__file__).resolve()), str(steps)]
    with TemporaryDirectory() as folder:
        environment = os.environ | {
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": str(Path(__file__).resolve().parents[1]),
            "LTDSL_ANSWER": str(Path(folder) / "answer.json"),
            "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
        }
        line = [sys.executable, *script]
        if workers > 1:
            launcher = [
                *(sys.executable, "-m", "mindspore.parallel.cluster.run", "--join=True"),
                *(f"--worker_num={workers}", f"--local_worker_num={workers}"),
                f"--log_dir={folder}",
            ]
            line = [*launcher, "python", *script]
        done = subprocess.run(line, env=environment, cwd=folder, capture_output=True, text=True)
        answer = Path(folder) / "answer.json"
        if done.returncode or not answer.exists():
            raise SystemExit(f"a worker ended badly:\n{(done.stdout + done.stderr)[-2000:]}")
        return tuple(json.loads(answer.read_text()))


def worker(steps: int) -> None:
    from ltdsl_runtime.parallel.cluster import is_scheduler, join

    rank = int(os.environ.get("MS_NODE_ID", "0"))
    if not is_scheduler():
        os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[rank]})
    from ltdsl_runtime.machine.device import prepare

    prepare("cpu")
    workers = join()
    if is_scheduler():
        return
    import mindspore as ms
    import numpy as np
    from ltdsl_runtime.models import build_network
    from ltdsl_runtime.parallel.collectives import SumGradients
    from ltdsl_runtime.training.stages import build_stage
    from ltdsl_runtime.tricks.optimizers import build_optimizer
    from mindspore import Tensor

    from benchmarks.common import cifar_like, compiled

    data = cifar_like()
    plan = compiled("dataset = cifar10_lt; augment = []; stage1: ce")
    network = build_network("resnet32", {}, 10, 3, 0)
    parameters = network.trainable_params()
    optimizer = build_optimizer(plan.stages[0].optimizer, parameters, [0.001] * 10_000)
    stage = build_stage(plan, plan.stages[0], data, network, optimizer, workers=workers)
    stage.step.set_train(True)
    batch = [Tensor(column) for column in stage.source[0]]
    step = _median(lambda: stage.step(*batch).asnumpy(), steps)
    message = 0.0
    if workers.size > 1:
        add = SumGradients(parameters)
        loss = Tensor(1.0, ms.float32)
        gradients = tuple(Tensor(np.zeros(p.shape, np.float32)) for p in parameters)
        message = _median(lambda: add(loss, gradients)[0].asnumpy(), 4 * steps)
    if workers.first:
        Path(os.environ["LTDSL_ANSWER"]).write_text(json.dumps([step, message]))


def _median(call, times: int) -> float:
    found = []
    for turn in range(times + 2):
        start = time.perf_counter()
        call()
        if turn >= 2:  # compiled and warm
            found.append(time.perf_counter() - start)
    return statistics.median(found)


if __name__ == "__main__":
    worker(int(sys.argv[1]))
