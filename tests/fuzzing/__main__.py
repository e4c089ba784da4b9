"""Fuzzing `check`, `fmt`, `--fix` and `lsp`: ``python -m tests.fuzzing --inputs 1000000 --state DIR``.

Called with the same state again, it goes on where it stopped. `--only N` runs one input again, and lets it fail.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT)]

from ltdsl.system.files import write_atomically  # noqa: E402
from tests.fuzzing.inputs import make  # noqa: E402
from tests.fuzzing.invariants import TARGETS  # noqa: E402

LIMIT = 20  # seconds of one input
EVERY = 1000  # inputs between two notes of the state


class HangError(Exception):
    """An input took longer than :data:`LIMIT`."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzzing", description=__doc__)
    parser.add_argument("--inputs", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after as many")
    parser.add_argument("--state", type=Path, help="folder of what was found so far")
    parser.add_argument("--only", type=int, metavar="N")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recipe.lt"
        path.with_name("inside.lt").write_text("epochs = 30\n")
        if options.only is not None:
            data = make(options.seed, options.only)
            print(repr(data))
            target_of(options.only)(data, path, options.only)
            return 0
        return campaign(options, path)


def target_of(number: int) -> Any:
    """Half of the inputs are checked; the others formatted, mended or edited."""
    names = ("check", "fmt", "check", "lsp", "check", "fmt", "check", "fix", "check", "lsp")
    return TARGETS[names[number % len(names)]]


def campaign(options: argparse.Namespace, path: Path) -> int:
    file = options.state / "state.json" if options.state else None
    state = new_state(options.seed)
    if file and file.exists():
        state = json.loads(file.read_text())
        if state["seed"] != options.seed:
            raise SystemExit(f"{file} is of --seed {state['seed']}")
    for number in range(20):  # what is loaded once
        run(number, options.seed, path, state=None)
    base = resident()
    begun = time.monotonic()
    for number in range(state["done"], options.inputs):
        run(number, options.seed, path, state)
        state["done"] = number + 1
        if number % EVERY == EVERY - 1 or state["done"] == options.inputs:
            now = time.monotonic()
            state["seconds"] += now - begun
            begun = now
            state["memory_mib"] = max(state["memory_mib"], round(peak() - base, 1))
            if file:
                file.parent.mkdir(parents=True, exist_ok=True)
                write_atomically(file, json.dumps(state, indent=1))
            if state["seconds"] > options.seconds:
                break
    print(json.dumps(state, indent=1))
    return 1 if state["crashes"] else 0


def new_state(seed: int) -> dict[str, Any]:
    """What is known before the first input."""
    found: dict[str, Any] = {"counts": {}, "crashes": {}}
    return found | {
        "seed": seed,
        "done": 0,
        "seconds": 0.0,
        "slowest": [0.0, None],
        "memory_mib": 0.0,
    }


def run(number: int, seed: int, path: Path, state: dict[str, Any] | None) -> None:
    """One input; what it does wrong is noted under the place where it does it."""
    target = target_of(number)
    data = make(seed, number)
    start = time.perf_counter()
    try:
        with limited():
            target(data, path, number)
    except Exception as error:
        if state is None:
            return
        frames = traceback.extract_tb(error.__traceback__)
        place = [f"{Path(f.filename).name}:{f.name}:{f.lineno}" for f in frames][-3:]
        key = f"{target.__name__} {type(error).__name__} {' '.join(place)}"
        found = state["crashes"].setdefault(key, {"count": 0, "first": number, "data": repr(data)})
        found["count"] += 1
        if len(repr(data)) < len(found["data"]):
            found |= {"first": number, "data": repr(data), "message": str(error)[:300]}
    if state is not None:
        took = time.perf_counter() - start
        name = target.__name__
        state["counts"][name] = state["counts"].get(name, 0) + 1
        if took > state["slowest"][0]:
            state["slowest"] = [round(took, 3), number]


@contextmanager
def limited() -> Iterator[None]:
    """Raise where something takes too long."""

    def stop(*_: object) -> None:
        raise HangError

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, LIMIT)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def resident() -> float:
    return _status("VmRSS")


def peak() -> float:
    return _status("VmHWM")


def _status(field: str) -> float:
    """MiB; 0 where the system does not tell."""
    if not os.path.exists("/proc/self/status"):  # noqa: PTH110
        return 0.0
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(field))


if __name__ == "__main__":
    sys.exit(main())
