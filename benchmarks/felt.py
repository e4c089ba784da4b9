"""What a user waits for besides steps: rows of ``python -m benchmarks toolbox`` that need no PyTorch."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from benchmarks import workers
from benchmarks.common import Row, compare, take_turns
from ltdsl.runs import read_run

if TYPE_CHECKING:
    from benchmarks.toolbox import Bench
    from ltdsl.runs.profile import Lap

ROOT = Path(__file__).resolve().parents[1]
QUICKSTART = ROOT / "recipes" / "quickstart.lt"

#: Seconds that `make run` may take once all is installed.
WHOLE_RUN = 45

PHOTOGRAPHS = """
dataset = image_folder(size = 64); model = resnet8; epochs = EPOCHS; schedule = constant
augment = [random_horizontal_flip]; a: ce
"""

#: Ends the process with the first step.
_FIRST_STEP = """
import os, sys
from ltdsl_runtime.training.progress import Reporter
Reporter.step = lambda *_: os._exit(0)
from ltdsl.cli import main
main()
"""


def start(bench: Bench) -> Iterator[Row]:
    """From the command to the end of the first step, against a process that imports mindspore."""
    with TemporaryDirectory() as folder:
        names = (Path(folder) / str(number) for number in range(1000))

        def first_step() -> None:
            line = ["run", str(QUICKSTART), "--out", str(next(names))]
            _python(folder, "-c", _FIRST_STEP, *line)

        rounds = 2 if bench.options.quick else 7
        times = take_turns(
            first_step, lambda: _python(folder, "-c", "import mindspore"), rounds, warm=1
        )
    yield compare("start: to the first step", "import mindspore", times)


def run(bench: Bench) -> Iterator[Row]:
    """The quickstart from the command to its report, as `make run` has it."""
    seconds = []
    for _ in range(1 if bench.options.quick else 3):
        with TemporaryDirectory() as folder:
            began = time.perf_counter()
            _python(folder, "-m", "ltdsl", "run", str(QUICKSTART), "--no-cache", "--out", "run")
            seconds.append(time.perf_counter() - began)
    goal = [float(WHOLE_RUN)] * len(seconds)
    twice = (seconds * 2, goal * 2)  # quartiles ask for two
    yield compare("run: the whole quickstart", "the goal", twice, 1.0)


def quickstart(bench: Bench) -> Iterator[Row]:
    """An epoch of the quickstart with all that belongs to it, against its steps."""
    with TemporaryDirectory() as folder:
        few = ("--set", "epochs=15", "--set", "stage2.at=80%") if bench.options.quick else ()
        laps = _profiled(folder, str(QUICKSTART), *few, "--no-cache")
    later = [lap for lap in laps if "compile" not in lap.parts]
    times = [lap.seconds for lap in later], [lap.parts["step"] for lap in later]
    yield compare("quickstart: an epoch", "its steps", times, 2.0)


def photographs(bench: Bench) -> Iterator[Row]:
    """Decoding and resizing, seconds of all threads together, against the epoch they are for."""
    images, epochs = (600, 3) if bench.options.quick else (2000, 4)
    with TemporaryDirectory() as folder:
        _photographs(Path(folder) / "data", images)
        recipe = Path(folder) / "photographs.lt"
        recipe.write_text(PHOTOGRAPHS.replace("EPOCHS", str(epochs)), encoding="utf-8")
        before = _profiled(folder, str(recipe), "--data", "data", "--no-cache", "--out", "before")
        laps = _profiled(folder, str(recipe), "--data", "data", "--out", "after")
    for name, found in (("decoded each time", before), ("decoded once", laps[1:])):
        spent = [lap.beside.get("decode", 0.0) + lap.beside.get("resize", 0.0) for lap in found]
        goal = 0.05 if found is not before else None
        times = spent, [lap.seconds for lap in found]
        yield compare(f"photographs: {images:,} JPEGs, {name}", "an epoch", times, goal)


def _photographs(folder: Path, images: int) -> None:
    """Smooth noise of 500 × 375 pixels, of ten classes, as JPEG files of some 40 kB."""
    rng = np.random.default_rng(0)
    for number in range(images):
        coarse = Image.fromarray(rng.integers(0, 256, (60, 80, 3), dtype=np.uint8))
        place = folder / ("test" if number // 10 % 20 == 0 else "train") / str(number % 10)
        place.mkdir(parents=True, exist_ok=True)
        coarse.resize((500, 375), Image.Resampling.BICUBIC).save(place / f"{number}.jpg")


def _profiled(folder: str, *line: str) -> list[Lap]:
    """The epochs of a run."""
    named = [] if "--out" in line else ["--out", "run"]
    _python(folder, "-m", "ltdsl", "run", *line, *named, "--profile")
    run = line[line.index("--out") + 1] if "--out" in line else "run"
    profile = read_run(Path(folder) / run).profile
    return [lap for lap in profile.laps if lap.epoch is not None]


def two_workers(bench: Bench) -> Iterator[Row]:
    """Two workers on two cores against one on one."""
    rows = workers.measure(bench.options.quick)
    yield from (row._replace(goal=0.53) if number == 0 else row for number, row in enumerate(rows))


def _python(folder: str, *line: str) -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, *line], cwd=folder, env=environment, capture_output=True, text=True
    )
    if done.returncode:
        said = done.stderr[-2000:] or done.stdout[-2000:]  # diagnostics are on standard output
        raise SystemExit(f"{' '.join(line[-4:])} ended badly:\n{said}")


ROWS: dict[str, Callable[[Bench], Iterator[Row]]] = {
    "start": start,
    "run": run,
    "quickstart": quickstart,
    "photographs": photographs,
    "workers": two_workers,
}
