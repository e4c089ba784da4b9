"""TensorBoard's event files, as an option: metrics.jsonl is there always, and is what they are made from."""

from __future__ import annotations

import calendar
import time
from typing import TYPE_CHECKING, Any

from ltdsl.system.writing import folder
from ltdsl_runtime.machine.packages import need
from ltdsl_runtime.rundir.facts import STARTED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

#: Folder of a run directory that has them.
FOLDER = "tensorboard"

#: How event files' names begin.
_EVENTS = "events.out.tfevents."


def must_be_there() -> None:
    """Refuse where the package that writes event files is missing.

    MindSpore's own SummaryRecord writes files of another form, in which TensorBoard finds nothing.

    Raises:
        RunError: LT430.
    """
    need("--tensorboard", "tensorboard")


class Events:
    """The event files of one run: a scalar's step is the number of epochs completed.

    What is written depends on the lines of metrics.jsonl and on the run's start alone, so that a run that was resumed
    has the same events, each once.

    Args:
        run: The run directory.
        started: When the run was begun, UTC, ``2026-01-31T12:00:00Z``; None where its run.json has lost it.
        epochs: Lines of metrics.jsonl that the run goes on from; older event files are replaced.

    Raises:
        OSError: The folder cannot be written to.
    """

    def __init__(
        self, run: Path, started: str | None, epochs: Iterable[Mapping[str, Any]] = ()
    ) -> None:
        from tensorboardX import SummaryWriter

        place = folder(run, FOLDER)
        for old in place.glob(f"{_EVENTS}*"):  # links among them, which would be written through
            old.unlink()
        self._time = float(calendar.timegm(time.strptime(started, STARTED))) if started else 0.0
        self._writer = SummaryWriter(str(place), flush_secs=1)
        for epoch in epochs:
            self.add(epoch)

    def add(self, epoch: Mapping[str, Any]) -> None:
        """Add what metrics.jsonl says of an epoch."""
        self._time += epoch["seconds"]
        step = epoch["epoch"] + 1
        scalars = {
            "loss/train": epoch["loss"],
            f"top1_error/{epoch['measured_on']}": epoch["top1_error"],
            f"macro_recall/{epoch['measured_on']}": epoch["macro_recall"],
            "learning_rate": epoch["lr"],
        }
        for name, value in scalars.items():
            self._writer.add_scalar(name, value, step, walltime=self._time)

    def close(self) -> None:
        """Write what is left."""
        self._writer.close()
