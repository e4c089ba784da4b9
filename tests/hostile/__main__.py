"""Things from strangers by the thousand: ``python -m tests.hostile --inputs 100000 --state DIR``.

Run folders, archives, images, lists, arrays, messages, names and folders of links. Called with the same state again, it
goes on where it stopped. `--only N` takes one again, and lets it fail.
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "runtime"), str(ROOT / "tests")]

from ltdsl.system.files import write_atomically  # noqa: E402
from tests.fuzzing.__main__ import limited, peak, resident  # noqa: E402
from tests.hostile.targets import TARGETS, Place  # noqa: E402

EVERY = 1000  # inputs between two notes of the state


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    parser.add_argument("--inputs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--state", type=Path, help="folder of what was found so far")
    parser.add_argument("--only", type=int, metavar="N")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)  # the language server's, of every message that is none
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder))
        if options.only is not None:
            one(options.seed, options.only, place)
            return 0
        state = campaign(options.inputs, options.seed, place, options.state)
    print(json.dumps(state, indent=1))
    return 1 if state["failures"] else 0


def one(seed: int, number: int, place: Place) -> str:
    """One input; the name of its target.

    Raises:
        Exception: Something does not hold.
    """
    target = TARGETS[number % len(TARGETS)]
    with limited(), place:
        target(random.Random(f"{seed}:{number}"), place)
    return target.__name__


def campaign(inputs: int, seed: int, place: Place, state: Path | None = None) -> dict[str, Any]:
    """Take inputs one after the other, and note what does not hold."""
    file = state / "state.json" if state else None
    found: dict[str, Any] = {
        "seed": seed,
        "done": 0,
        "seconds": 0.0,
        "failures": {},
        "memory_mib": 0,
    }
    if file and file.exists():
        found = json.loads(file.read_text())
        if found["seed"] != seed:
            raise SystemExit(f"{file} is of --seed {found['seed']}")
    base, begun = None, time.monotonic()
    for number in range(found["done"], inputs):
        try:
            one(seed, number, place)
        except Exception as error:
            frames = traceback.extract_tb(error.__traceback__)
            where = " ".join(f"{Path(f.filename).name}:{f.name}:{f.lineno}" for f in frames[-3:])
            key = f"{TARGETS[number % len(TARGETS)].__name__} {type(error).__name__} {where}"
            known = found["failures"].setdefault(
                key, {"count": 0, "first": number, "says": ascii(str(error))[:300]}
            )
            known["count"] += 1
        found["done"] = number + 1
        base = resident() if number == 50 else base  # what is loaded once is
        if found["done"] % EVERY == 0 or found["done"] == inputs:
            now = time.monotonic()
            found["seconds"], begun = round(found["seconds"] + now - begun, 1), now
            if base is not None:
                found["memory_mib"] = max(found["memory_mib"], round(peak() - base, 1))
            if file:
                file.parent.mkdir(parents=True, exist_ok=True)
                write_atomically(file, json.dumps(found, indent=1))
    return found


if __name__ == "__main__":
    sys.exit(main())
