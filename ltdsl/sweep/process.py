"""One run in a process of its own: whatever becomes of it, the sweep goes on."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pydantic import TypeAdapter

from ltdsl.options import Origin, RunOptions
from ltdsl.runs.reading import Run
from ltdsl.system.children import command, environment
from ltdsl.system.opening import MIB, open_file
from ltdsl.system.writing import append_to

#: Seconds that a process has to end once it is told to: compiling a graph cannot be interrupted.
GRACE = 30.0

#: How the report of a run begins that another process is in.
IN_USE = "LT423: "

_ERROR = re.compile(r"^error(?:\[(LT\d{3})\])?: (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Job:
    """What a process is to do: begin a run, or go on with it where its directory is there.

    All paths are absolute, so that any machine with the same file system can do it.

    Attributes:
        out: The run directory.
        log: The file that takes what the run prints, after what it holds; in a folder of the sweep's.
        plan: The plan as JSON.
        origin: What the plan was made from.
        options: How it is trained.
    """

    out: Path
    log: Path
    plan: str
    origin: Origin
    options: RunOptions

    def to_json(self) -> bytes:
        """One line."""
        return TypeAdapter(Job).dump_json(self)

    @staticmethod
    def from_json(text: str) -> Job:
        """What :meth:`to_json` wrote."""
        return TypeAdapter(Job).validate_json(text)


class StoppedError(Exception):
    """The run was stopped on demand; it can go on."""


def run_job(job: Job, variables: Mapping[str, str], stopped: Callable[[], bool]) -> str:
    """Do a job and wait for its end.

    The process ends when its standard input does: it is closed to stop it, and by the system if this process dies.

    Args:
        job: What to do.
        variables: Of its environment, to be set for it.
        stopped: Asked several times a second whether to give up.

    Returns:
        Why it failed; empty where it did not.

    Raises:
        StoppedError: ``stopped`` said so, before it was finished.
        OSError: The log cannot be written, or no process be started.
    """
    patience = time.monotonic() + GRACE
    while (why := _attempt(job, variables, stopped)).startswith(IN_USE):
        if time.monotonic() > patience:
            break
        time.sleep(1)  # a process that a killed sweep has left is just ending
    return why


def _attempt(job: Job, variables: Mapping[str, str], stopped: Callable[[], bool]) -> str:
    if stopped():
        raise StoppedError
    if Run(job.out).facts.status == "finished":
        return ""  # by a machine that died before it could say so
    with append_to(job.log.parents[1], f"{job.log.parent.name}/{job.log.name}") as log:
        before = log.seek(0, os.SEEK_END)
        process = subprocess.Popen(
            command("ltdsl.cli.job"),
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            env=environment(variables),
            start_new_session=True,  # Ctrl-C is the sweep's, which stops its runs in order
        )
        assert process.stdin is not None
        try:
            with contextlib.suppress(BrokenPipeError):  # it died at once, and the log says why
                process.stdin.write(job.to_json() + b"\n")
                process.stdin.flush()
            while not stopped():
                with contextlib.suppress(subprocess.TimeoutExpired):
                    return _outcome(process.wait(0.2), job, before)
        finally:
            _end(process, process.stdin)
    if process.returncode == 0:  # it was done before it noticed
        return ""
    raise StoppedError


def _end(process: subprocess.Popen[bytes], told: IO[bytes]) -> None:
    with contextlib.suppress(BrokenPipeError):
        told.close()
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _outcome(code: int, job: Job, before: int) -> str:
    """What a process that ended says about itself; empty where all is well."""
    if code == 0:
        return ""
    if code < 0:
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        why = "; perhaps memory ran out" if name == "SIGKILL" else ""
        return f"LT465: its process was ended by {name}{why}; see {job.log}"
    with open_file(job.log) as log:
        log.seek(max(before, log.seek(0, os.SEEK_END) - MIB))  # it ends with why it ended
        errors = _ERROR.findall(log.read().decode(errors="replace"))
    if not errors:
        return f"LT465: its process ended with exit code {code}; see {job.log}"
    known, message = errors[-1]
    return f"{known}: {message}" if known else message
