"""How a sweep goes on: a bar for each run on a terminal, a line for each that ends anywhere else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from ltdsl.display.console import Console
from ltdsl.runs.layout import FACTS
from ltdsl.runs.reading import last_epoch
from ltdsl.runs.sweep import Record
from ltdsl.sweep.drive import Sweep
from ltdsl.sweep.show import spread
from ltdsl.sweep.table import Row

#: Runs begin about in order: whoever has passed so many that have not begun has seen all that have.
_LOOK_AHEAD = 64


class Lines:
    """A line for each run that ends.

    Args:
        sweep: What is watched.
        rows: The runs that are to be done.
        console: Where to print.
    """

    def __init__(self, sweep: Sweep, rows: list[Row], console: Console) -> None:
        self.sweep = sweep
        self.rows = rows
        self.console = console
        self.done = 0

    def showing(self) -> AbstractContextManager[object]:
        """What has to be open while the sweep goes on."""
        return nullcontext()

    def ended(self, record: Record) -> None:
        """A run came to its end."""
        self.done += 1
        figures = (
            f"  top-1 error {spread([record.last['top1_error'] or 0.0])} %" if record.last else ""
        )
        text = f"{self.done}/{len(self.rows)}  {record.name}  {record.status}{figures}"
        if record.error:
            text += f": {record.error}"
        self.console.say(text)

    def look(self) -> None:
        """Some time has passed."""


class Bars(Lines):
    """The same, below it a bar for each run that goes on, and one for the sweep."""

    def __init__(self, sweep: Sweep, rows: list[Row], console: Console) -> None:
        super().__init__(sweep, rows, console)
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("{task.fields[figures]}"),
            TimeElapsedColumn(),
            console=console,
            expand=True,
        )
        self._all = self._progress.add_task("runs", total=len(rows), figures="")
        self._tasks: dict[str, TaskID] = {}

    def showing(self) -> AbstractContextManager[object]:
        """The live display."""
        return self._progress

    def ended(self, record: Record) -> None:
        """A run came to its end."""
        super().ended(record)
        self._progress.update(self._all, completed=self.done)
        if record.name in self._tasks:
            self._progress.remove_task(self._tasks.pop(record.name))

    def look(self) -> None:
        """See how far the runs are."""
        for row, folder in self._under_way():
            if folder.name not in self._tasks:
                self._tasks[folder.name] = self._progress.add_task(
                    folder.name, total=row.plan.epochs, figures=""
                )
            line = last_epoch(folder)
            if line is not None:
                task, error = self._tasks[folder.name], line.top1_error
                self._progress.update(task, completed=line.epoch + 1)
                if error is not None:  # else that of the last epoch that was evaluated stays
                    self._progress.update(task, figures=f"error {error:.2f} %")

    def _under_way(self) -> Iterator[tuple[Row, Path]]:
        passed = 0
        for row in self.rows:
            folder = self.sweep.places[row]
            if row in self.sweep.ended:
                continue
            if (folder / FACTS).exists():
                yield row, folder
            else:
                passed += 1
            if passed > _LOOK_AHEAD:
                return
