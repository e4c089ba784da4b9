"""`ltdsl run --workers N`: MindSpore's `msrun`, watched.

`msrun` starts the workers and a scheduler, and ends the others when one fails. What it does not do: say in a sentence
what happened, end in time (its scheduler notices a dead worker after half a minute), end the workers when it is
interrupted, or leave the run directory as it should be. The process that starts it does, without MindSpore.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ltdsl.system import children
from ltdsl.system.files import write_atomically
from ltdsl.system.processors import processor_count
from ltdsl_runtime.errors import RunError
from ltdsl_runtime.parallel.cluster import PATIENCE, check_port
from ltdsl_runtime.rundir.ended import keep_logs, settle

if TYPE_CHECKING:
    from ltdsl.options import RunOptions

#: Tells the workers where to leave their process numbers and last words.
FOLDER, LAUNCHER = "LTDSL_WORKERS_FOLDER", "LTDSL_LAUNCHER"

#: What `msrun` says when a worker has ended badly.
DEATH = re.compile(r"Worker process (\d+) exit with exception. Error code: (-?\d+)")

#: A line of MindSpore's own log, which its communication writes whatever it is told.
NOISE = re.compile(r"\[(INFO|WARNING|ERROR|CRITICAL)\] \w+\(")

HOST = "127.0.0.1"

#: Where this Python is.
BIN = Path(sys.executable).parent

#: Seconds that workers have to end once they are asked to, before they are killed.
GRACE = 10.0


def launch(
    arguments: Sequence[str], options: RunOptions, out: Path, say: Callable[[str], None]
) -> None:
    """Run `ltdsl` with some arguments in several workers on this machine, to the end.

    Args:
        arguments: Of the command line.
        options: How many workers, at least 2, and where they meet.
        out: The run directory; it records how the run ended where no worker could.
        say: Takes each line that the first worker prints.

    Raises:
        RunError: What a worker ended with; LT470, it said nothing; LT471, the port is taken.
        KeyboardInterrupt: The user stopped it; the workers have ended.
    """
    if options.port is not None:
        check_port(HOST, options.port)
    folder = Path(tempfile.mkdtemp(prefix="ltdsl-workers-"))
    try:
        _Launch(arguments, options.workers, options.port or _free_port(), say, folder)()
    except RunError as error:
        settle(out, "failed", str(error))
        if error.code == "LT470":
            kept = keep_logs(out, folder.glob("*.log"))
            where = f"; what the workers printed is in {kept}" if kept else ""
            error.hint = f"go on with: {again(options, out)}{where}"
        raise
    except KeyboardInterrupt:
        settle(out, "interrupted")
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def again(options: RunOptions, out: Path) -> str:
    """The command line that goes on with a run as it was shared before.

    Args:
        options: Of the run that ended.
        out: Its directory.
    """
    split = " --split-classes" if options.split_classes else ""
    return f"ltdsl run --resume {shlex.quote(str(out))} --workers {options.workers}{split}"


class _Launch:
    def __init__(
        self,
        arguments: Sequence[str],
        workers: int,
        port: int,
        say: Callable[[str], None],
        folder: Path,
    ) -> None:
        self._folder = folder
        self._workers = workers
        self._say = say
        self._death: tuple[int, int] | None = None
        variables = {
            # msrun starts the Python that comes first
            "PATH": os.pathsep.join((str(BIN), os.environ.get("PATH", ""))),
            FOLDER: str(folder),
            LAUNCHER: str(os.getpid()),
            "GLOG_v": "3",
            "PYTHONUNBUFFERED": "1",
            "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", _threads(workers)),
        }
        self._msrun = subprocess.Popen(
            _command(arguments, workers, port, folder),
            env=children.environment(variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,  # so that Ctrl-C reaches this process alone, which ends them in order
        )
        threading.Thread(target=self._listen, daemon=True).start()

    def __call__(self) -> None:
        self._say(f"starting {self._workers} workers on this machine")
        printed = _Tail(self._folder / "worker_0.log")
        try:
            with _terminable():
                while self._msrun.poll() is None and self._death is None:
                    time.sleep(0.2)
                    self._pass_on(printed)
        except KeyboardInterrupt:
            for pid in self._pids().values():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGTERM)
            raise
        finally:
            self._end()
            self._pass_on(printed)
        if self._death is not None or self._msrun.returncode:
            raise self._reason()

    def _listen(self) -> None:
        """Read what msrun says, until it ends."""
        assert self._msrun.stderr is not None
        for line in self._msrun.stderr:
            if self._death is None and (found := DEATH.search(line)):
                self._death = int(found[1]), int(found[2])

    def _pass_on(self, printed: _Tail) -> None:
        for line in printed.lines():
            if not NOISE.match(line):
                self._say(line)

    def _end(self) -> None:
        """See that no process is left: workers first, each of which has a session of its own."""
        deadline = time.monotonic() + GRACE
        while any(_alive(pid) for pid in self._pids().values()) and time.monotonic() < deadline:
            time.sleep(0.2)
        for pid in self._pids().values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._msrun.pid, signal.SIGKILL)
        self._msrun.wait()

    def _pids(self) -> dict[int, int]:
        """Process numbers of the workers that began, by rank."""
        found = {}
        for path in self._folder.glob("*.pid"):
            with contextlib.suppress(ValueError):
                found[int(path.stem)] = int(path.read_text())
        return found

    def _reason(self) -> RunError:
        """What to tell the user: what the first worker to fail said, or that it said nothing."""
        found = sorted(self._folder.glob("*.failure"), key=lambda path: path.stat().st_mtime)
        said = [json.loads(path.read_text(encoding="utf-8")) for path in found]
        why = [each for each in said if each["code"] != "LT470"]  # which is of one that others left
        if why:
            return RunError(**why[0])
        pid, code = self._death or (None, self._msrun.returncode)
        rank = next((rank for rank, number in self._pids().items() if number == pid), None)
        who = "a worker" if rank is None else f"worker {rank} of {self._workers}"
        how = f"was killed ({signal.Signals(-code).name})" if code < 0 else f"ended ({code})"
        last = [
            line
            for line in _Tail(self._folder / f"worker_{rank or 0}.log").lines()
            if line.strip() and not NOISE.match(line)
        ][-1:]
        words = f"; its last line: {last[0]}" if last else ""
        return RunError("LT470", f"{who} {how}, and the run ended with it{words}")


class _Tail:
    """A growing text file, line by line."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = 0

    def lines(self) -> list[str]:
        """Whole lines since the last call."""
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            file.seek(self._seen)
            text = file.read()
        text = text[: text.rfind(b"\n") + 1]
        self._seen += len(text)
        return text.decode("utf-8", "replace").splitlines()


def _command(arguments: Sequence[str], workers: int, port: int, folder: Path) -> list[str]:
    return [
        *children.command("mindspore.parallel.cluster.run"),
        f"--worker_num={workers}",
        f"--local_worker_num={workers}",
        f"--master_addr={HOST}",
        f"--master_port={port}",
        f"--log_dir={folder}",
        f"--cluster_time_out={os.environ.get('MS_TOPO_TIMEOUT', PATIENCE)}",
        "--join=True",
        f"--tail_worker_log={workers}",  # nobody's: this process reads it
        # msrun knows a Python by these names alone
        "python" if (BIN / "python").exists() else "python3",
        *children.command("ltdsl", *arguments)[1:],
    ]


def _threads(workers: int) -> str:
    """Cores for each worker: more threads than cores would wait for each other."""
    return str(max(1, processor_count() // workers))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """Let SIGTERM end the run as Ctrl-C does."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


# ── what a worker does for the process that launched it ──────────────────────────────────────────


def greet_launcher() -> None:
    """Leave this worker's process number, and end when the launcher is gone."""
    folder = os.environ.get(FOLDER)
    if folder is None:
        return
    write_atomically(Path(folder) / f"{_rank()}.pid", str(os.getpid()))
    threading.Thread(target=_follow, args=(int(os.environ[LAUNCHER]),), daemon=True).start()


def tell_launcher(code: str, message: str, hint: str | None = None) -> bool:
    """Leave the reason why this worker ends; False where nobody would read it."""
    folder = os.environ.get(FOLDER)
    if folder is None:
        return False
    words = json.dumps({"code": code, "message": message, "hint": hint})
    write_atomically(Path(folder) / f"{_rank()}.failure", words)
    return True


def _rank() -> str:
    return os.environ.get("MS_NODE_ID", "0")


def _follow(launcher: int) -> None:
    while _alive(launcher):
        time.sleep(2)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE)
    os._exit(1)  # it waits for workers that have gone already
