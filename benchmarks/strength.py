"""What tricks give in 12 epochs on real images: ``python -m benchmarks.strength --data DIR --out DIR``.

Trains one row after the other, goes on where it was stopped, and prints what is there. The data folder holds
CIFAR-10's binary files.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from ltdsl import api
from ltdsl.runs import read_run
from ltdsl.runs.layout import EVALUATION, METRICS, PLAN

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAD = (
    "dataset = cifar10_lt(imbalance = 100); epochs = 12; evaluate_every = 4\n"
    "schedule = multistep(warmup = 1)\n"
)
CROPS = "random_crop(padding = 4), random_horizontal_flip"
AUGMENTED = f"augment = [{CROPS}, rand_augment(n = 2, m = 9)]\n"
STRONG = f"augment = [{CROPS}, auto_augment(policy = cifar), cutout(size = 16)]\n"
SAM = "sharpness = sam(rho = 0.1)\n"

#: What each row is called, and its recipe.
ROWS = {
    "ce": HEAD + "stage1: ce",
    "cs_ce, deferred": HEAD + "stage1: ce; stage2: cs_ce @ 80%",
    "logit_adjustment": HEAD + "stage1: logit_adjustment",
    "vs": HEAD + "stage1: vs(tau = 1.0, gamma = 0.05)",
    "logit_adjustment, rand_augment": HEAD + AUGMENTED + "stage1: logit_adjustment",
    "logit_adjustment, rand_augment, sam": HEAD + AUGMENTED + SAM + "stage1: logit_adjustment",
    "the strong recipe": HEAD + STRONG + SAM + "stage1: vs(tau = 1.0, gamma = 0.05)",
}


def folder(out: Path, name: str) -> Path:
    """Where a row's run is."""
    return out / "".join(c if c.isalnum() else "-" for c in name)


def trained(out: Path, data: Path) -> Iterator[tuple[str, str]]:
    """Each row's name and what became of it, as it is trained or found."""
    for name, recipe in ROWS.items():
        path = folder(out, name)
        if (path / EVALUATION).exists():
            yield name, "was there"
        elif (path / PLAN).exists():
            api.resume(path)
            yield name, "went on"
        else:
            out.mkdir(parents=True, exist_ok=True)
            written = path.with_suffix(".lt")
            written.write_text(recipe + "\n", encoding="utf-8")
            api.run(written, out=path, data=data)
            yield name, "trained"


def table(out: Path) -> Table:
    """All rows: figures of those that are finished, and how far the others have come."""
    shown = Table("row", "right", "macro recall", "many", "medium", "few", "state")
    for name in ROWS:
        path = folder(out, name)
        if (path / EVALUATION).exists():
            last = read_run(path).evaluation.last
            groups = [last.groups[each].accuracy for each in ("many", "medium", "few")]
            figures = [100 - last.top1_error, last.macro_recall, *groups]
            cells = ["–" if value is None else f"{value:.2f} %" for value in figures]
            shown.add_row(name, *cells, "finished")
        else:
            lines = path / METRICS
            done = len(lines.read_text(encoding="utf-8").splitlines()) if lines.exists() else 0
            shown.add_row(name, *["–"] * 5, f"{done} of 12 epochs")
    return shown


def main() -> None:
    """Train what is missing, and print the table after each row."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.strength", description=__doc__)
    parser.add_argument(
        "--data", type=Path, required=True, help="folder of CIFAR-10's binary files"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for the runs")
    parser.add_argument("--show", action="store_true", help="train nothing")
    options = parser.parse_args()
    console = Console(width=120)
    if not options.show:
        for name, state in trained(options.out, options.data):
            console.print(f"{name}: {state}", highlight=False)
    console.print(table(options.out))


if __name__ == "__main__":
    main()
