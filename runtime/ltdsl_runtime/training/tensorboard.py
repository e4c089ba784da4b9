"""TensorBoard's event files, as an option: metrics.jsonl is there always, and is what they are made from."""

from __future__ import annotations

import calendar
import time
from typing import TYPE_CHECKING

from ltdsl.runs.facts import TIME
from ltdsl.runs.layout import TENSORBOARD
from ltdsl.system.writing import folder
from ltdsl_runtime.machine.packages import need

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ltdsl.runs.metrics import Epoch

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
        epochs: Those that the run goes on after; older event files are replaced.

    Raises:
        OSError: The folder cannot be written to.
    """

    def __init__(self, run: Path, started: str | None, epochs: Iterable[Epoch] = ()) -> None:
        from tensorboardX import SummaryWriter

        place = folder(run, TENSORBOARD)
        for old in place.glob(f"{_EVENTS}*"):  # links among them, which would be written through
            old.unlink()
        self._time = float(calendar.timegm(time.strptime(started, TIME))) if started else 0.0
        self._writer = SummaryWriter(str(place), flush_secs=1)
        for epoch in epochs:
            self.add(epoch)

    def add(self, epoch: Epoch) -> None:
        """Add what is known of an epoch."""
        self._time += epoch.seconds or 0.0
        scalars = {
            "loss/train": epoch.loss,
            f"top1_error/{epoch.measured_on}": epoch.top1_error,
            f"macro_recall/{epoch.measured_on}": epoch.macro_recall,
            "learning_rate": epoch.lr,
        }
        for name, value in scalars.items():
            if value is not None:  # only lines that are merely shown lack one
                self._writer.add_scalar(name, value, epoch.epoch, walltime=self._time)

    def close(self) -> None:
        """Write what is left."""
        self._writer.close()
