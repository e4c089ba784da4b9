"""Runs the benchmarks and prints one table: ``python -m benchmarks [--quick] [NAME …]``."""

from __future__ import annotations

import argparse
import os
import platform
from importlib import import_module
from pathlib import Path

from ltdsl_runtime.machine.device import ENVIRONMENT, Device, prepare
from rich.console import Console
from rich.table import Table

NAMES = (
    "cold",
    "many",
    "loss",
    "step",
    "around",
    "floor",
    "roofline",
    "cam",
    "epoch",
    "data",
    "workers",
)

#: Those that ask for more than this package; they run when they are named.
GUESTS = ("toolbox",)

#: Arithmetic: tables of their own, when they are named.
PAPER = ("scaling",)


ALL = NAMES + GUESTS + PAPER


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(ALL)}")
    parser.add_argument("--quick", action="store_true", help="few rounds: a look, no figures")
    parser.add_argument("--device", default="auto", help="as for ltdsl run")
    guests = parser.add_argument_group("toolbox")
    guests.add_argument("--toolbox", type=Path, help="checkout of the reference toolbox")
    guests.add_argument("--python", help="a Python with PyTorch and torchvision")
    guests.add_argument("--data", type=Path, help="folder of CIFAR-10's binary files")
    guests.add_argument("--rows", help="these alone, with commas between")
    paper = parser.add_argument_group("scaling")
    paper.add_argument("--images", type=int, help="images of a step, all workers together")
    paper.add_argument("--seconds", type=float, help="that one worker computes for these")
    options = parser.parse_args()
    unknown = set(options.names) - set(ALL)
    if unknown:
        parser.error(f"no benchmark is called {', '.join(sorted(unknown))}")
    device = prepare(options.device)  # before anything imports mindspore
    console = Console()
    if not console.is_terminal:
        console.width = 120
    for name in set(options.names) & set(PAPER):
        import_module(f"benchmarks.{name}").show(options)
    if set(options.names) and set(options.names) <= set(PAPER):
        return
    console.print(machine(device), highlight=False)
    table = Table("measured", "ours", "against", "other", "ratio", "quartiles", "goal")
    for column in (1, 3, 4, 6):
        table.columns[column].justify = "right"
    for name in options.names or NAMES:
        if name in PAPER:
            continue
        asked = options if name in GUESTS else options.quick
        for row in import_module(f"benchmarks.{name}").measure(asked):
            goal = "" if row.goal is None else f"≤ {row.goal:g}"
            met = row.goal is None or row.ratio <= row.goal
            table.add_row(
                row.what,
                row.ours,
                row.against,
                row.other,
                f"{row.ratio:.3f}",
                "{:.2f}–{:.2f}".format(*row.spread),
                goal,
                style=None if met else "bold",
            )
    console.print(table)


def machine(device: Device) -> str:
    """What the figures belong to."""
    from ltdsl_runtime.rundir.versions import versions

    shown = ", ".join(f"{name} {number}" for name, number in versions().items())
    settings = ", ".join(f"{name}={os.environ[name]}" for name in ENVIRONMENT)
    return f"{device.name}, {device.kernels} kernels, {os.cpu_count()} cores, {processor()}\n{shown}\n{settings}"


def processor() -> str:
    """The processor's name, where the system tells."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:  # noqa: PTH123
            names = [
                line.split(":", 1)[1].strip() for line in file if line.startswith("model name")
            ]
        return names[0]
    except (OSError, IndexError):
        return platform.processor() or platform.machine()


if __name__ == "__main__":
    main()
