"""Native kernels against MindSpore's over 15 epochs of CIFAR-10-LT-100.

    python -m benchmarks.curve --data DIR --out DIR [--minutes 4]

Trains for some minutes, goes on where it was stopped, and prints both curves of the error as far as they are there.
"""

from __future__ import annotations

import argparse
import signal
import statistics
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from ltdsl.runs import read_run
from ltdsl.runs.layout import EVALUATION, FACTS

RECIPE = Path(__file__).resolve().parents[1] / "recipes" / "cifar10_lt_drw_short.lt"
DEVICES = ("cpu", "cpu-plain")


def train(device: str, data: Path, out: Path, minutes: float) -> None:
    """Train for some minutes, or to the end."""
    path = out / device
    if (path / EVALUATION).exists():
        return
    how = ["--data", str(data), "--device", device]
    new = [str(RECIPE), "--out", str(path), "--no-cache"]
    line = ["--resume", str(path)] if (path / FACTS).exists() else new
    process = subprocess.Popen([sys.executable, "-m", "ltdsl", "run", *line, *how])
    try:
        process.wait(60 * minutes)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)  # keeps all whole epochs
        process.wait()


def table(out: Path) -> Table:
    """The error after each epoch, and the ratio of what it took."""
    metrics = [{each.epoch: each for each in read_run(out / name).metrics} for name in DEVICES]
    shown = Table("epoch", *(f"{name}: error, seconds" for name in DEVICES), "ratio")
    ratios = []
    for epoch in sorted(set().union(*metrics)):
        both = [each.get(epoch) for each in metrics]
        cells = [
            "–" if each is None else f"{each.top1_error:.2f} %, {each.seconds:.0f} s"
            for each in both
        ]
        ratio = "" if None in both else f"{both[0].seconds / both[1].seconds:.3f}"
        ratios += [float(ratio)] if ratio else []
        shown.add_row(str(epoch), *cells, ratio)
    if len(ratios) > 1:
        low, middle, high = statistics.quantiles(ratios, n=4)
        shown.add_row("median", "", "", f"{middle:.3f} ({low:.2f}–{high:.2f})")
    return shown


def main() -> None:
    """Train what is missing, and print the curves."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.curve", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="CIFAR-10's binary files")
    parser.add_argument("--out", type=Path, required=True, help="folder for both runs")
    parser.add_argument("--device", choices=DEVICES, help="train this one alone")
    parser.add_argument("--minutes", type=float, default=4, help="for each; 0 trains nothing")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for device in [options.device] if options.device else DEVICES:
        if options.minutes > 0:
            train(device, options.data, options.out, options.minutes)
    Console(width=100).print(table(options.out))


if __name__ == "__main__":
    main()
