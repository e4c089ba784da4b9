"""Where runs are done: on this machine, so many at once."""

from __future__ import annotations

import contextlib
import os
import re
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Protocol

from ltdsl.sweep.process import Job, run_job
from ltdsl.system.processors import affinity, processor_count

#: What each kind of device is chosen by, and the name of its file in /dev.
DEVICES = {
    "gpu": ("CUDA_VISIBLE_DEVICES", "nvidia"),
    "ascend": ("ASCEND_RT_VISIBLE_DEVICES", "davinci"),
}


class Pool(Protocol):
    """Something that does jobs.

    Attributes:
        slots: How many at once.
    """

    slots: int

    def submit(self, job: Job) -> Future[str]:
        """Do a job when there is room; the result is that of :func:`ltdsl.sweep.process.run_job`."""

    def stop(self) -> None:
        """Stop what is being done, in order, and wait for it; drop what is not begun."""


class LocalPool:
    """Processes on this machine, each with its share of the processors and a device of its own.

    Args:
        jobs: How many at once.
        device: As for ``ltdsl run``.
    """

    def __init__(self, jobs: int, device: str) -> None:
        self.slots = jobs
        self._stopped = threading.Event()
        self._environment = threading.local()
        self._slots: SimpleQueue[tuple[frozenset[int], dict[str, str]]] = SimpleQueue()
        for slot in range(jobs):
            self._slots.put((processors(slot, jobs), environment(slot, jobs, device)))
        self._executor = ThreadPoolExecutor(jobs, initializer=self._take_slot)

    def submit(self, job: Job) -> Future[str]:
        """Do a job when a slot is free."""
        return self._executor.submit(self._run, job)

    def stop(self) -> None:
        """Stop all processes and wait for them; whoever presses Ctrl-C again is patient for that moment."""
        self._stopped.set()
        while True:
            with contextlib.suppress(KeyboardInterrupt):
                self._executor.shutdown(cancel_futures=True)
                return

    def _take_slot(self) -> None:
        cores, self._environment.slot = self._slots.get()
        if cores and hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, cores)  # of this thread, and so of the processes it starts

    def _run(self, job: Job) -> str:
        return run_job(job, self._environment.slot, self._stopped.is_set)


def processors(slot: int, slots: int) -> frozenset[int]:
    """The processors of a slot: neighbours; empty for all, where there is one slot or too few to divide."""
    cores = affinity()
    if slots == 1 or slots > len(cores):
        return frozenset()
    return frozenset(cores[slot * len(cores) // slots : (slot + 1) * len(cores) // slots])


def environment(slot: int, slots: int, device: str) -> dict[str, str]:
    """Variables that keep the process of a slot to its share of the machine."""
    if slots == 1:
        return {}
    result = {}
    if "OMP_NUM_THREADS" not in os.environ:
        result["OMP_NUM_THREADS"] = str(max(1, processor_count() // slots))
    for kind, (variable, file) in DEVICES.items():
        devices = visible_devices(variable, file)
        if device in (kind, "auto") and devices:
            result[variable] = devices[slot % len(devices)]
    return result


def visible_devices(variable: str, file: str) -> Sequence[str]:
    """The devices that a process may use: those that a variable names, or all that the system has."""
    if variable in os.environ:
        return [name.strip() for name in os.environ[variable].split(",") if name.strip()]
    numbers = [re.fullmatch(rf"{file}(\d+)", path.name) for path in Path("/dev").glob(f"{file}*")]
    return [str(number) for number in sorted(int(found[1]) for found in numbers if found)]
