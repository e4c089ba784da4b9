"""A run of a sweep: a process of its own, with what to do as a line of JSON on standard input."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

from ltdsl.cli import guarded
from ltdsl.cli.commands.run import train
from ltdsl.cli.output import need, new_console
from ltdsl.plan import Plan
from ltdsl.runs.layout import FACTS
from ltdsl.sweep.process import GRACE, Job


def main() -> None:
    """Do what `ltdsl run` does with a plan."""
    need("a run", "train")  # a cluster's worker may have another installation
    job = Job.from_json(sys.stdin.readline())
    threading.Thread(target=_end_with_input, daemon=True).start()
    out, console = job.out, new_console()
    if (out / FACTS).exists():
        train(lambda runs: runs.resume(out, console, job.options), out, console, job.options)
        return
    plan = Plan.model_validate_json(job.plan)
    train(
        lambda runs: runs.run(plan, job.origin, out, console, job.options),
        out,
        console,
        job.options,
    )


def _end_with_input() -> None:
    """Stop when standard input ends: the sweep says so, or is gone."""
    # not through `sys.stdin`, whose lock would be in the way when the interpreter shuts down
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE)
    os._exit(1)  # nothing half-written stands in its files


if __name__ == "__main__":
    guarded(main)
