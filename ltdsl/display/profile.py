"""Where a run's time went, as a table."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import median

from rich.table import Table

from ltdsl.display.console import Console
from ltdsl.runs import Run
from ltdsl.runs.profile import BESIDE, PARTS, Profile


def show_profile(console: Console, run: Path) -> None:
    """Print where the time of a run went that was profiled; nothing where it cannot be read."""
    profile = Run(run).profile
    if profile is not None:
        console.print()
        console.print(profile_table(profile))


def profile_table(profile: Profile) -> Table:
    """A row for each part, in all and of an epoch in the middle; then, apart, what threads did meanwhile."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("where the time went")
    for name in ("in all", "share", "an epoch"):
        table.add_column(name, justify="right")
    epochs = [lap for lap in profile.laps if lap.epoch is not None]
    wall = sum(lap.seconds for lap in profile.laps)
    parts = _summed(lap.parts for lap in profile.laps)
    for name, what in PARTS.items():
        if name in parts:
            middle = median(lap.parts.get(name, 0.0) for lap in epochs) if epochs else 0.0
            table.add_row(what, *_figures(parts[name], wall, middle))
    middle = median(lap.seconds for lap in epochs) if epochs else 0.0
    table.add_row("wall time", *_figures(wall, wall, middle), style="bold")
    beside = _summed(lap.beside for lap in profile.laps)
    for name, what in BESIDE.items():
        if name in beside:
            middle = median(lap.beside.get(name, 0.0) for lap in epochs) if epochs else 0.0
            table.add_row(
                f"meanwhile, in threads: {what}", *_figures(beside[name], wall, middle), style="dim"
            )
    return table


def _summed(columns: Iterable[Mapping[str, float]]) -> dict[str, float]:
    total: defaultdict[str, float] = defaultdict(float)
    for each in columns:
        for name, seconds in each.items():
            total[name] += seconds
    return total


def _figures(seconds: float, wall: float, epoch: float) -> tuple[str, str, str]:
    return f"{seconds:.2f} s", f"{100 * seconds / wall:.1f} %", f"{epoch:.3f} s"
