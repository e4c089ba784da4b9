"""Telling experiment trackers of a run: its parameters, each epoch's figures, its files.

The run directory has all of it, and stays what counts. A tracker is told from a thread of its own, so that one that is
slow, or gone, neither stops nor slows a run: what it was not told is counted at the end.
"""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, Any, Protocol

from ltdsl_runtime.machine.packages import need

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from ltdsl.runs.metrics import Epoch
    from ltdsl_runtime.tracking.told import About

#: Seconds that the end of a run waits for a tracker that still has something to be told.
PATIENCE = 20.0


class Tracker(Protocol):
    """One tracker, told in one thread, in this order."""

    def begin(self, about: About) -> None:
        """Begin a run, or go on with the one of the same key."""

    def epoch(self, epoch: Epoch) -> None:
        """Add an epoch's figures; one that it has already changes nothing."""

    def file(self, path: Path) -> None:
        """Add a file."""

    def end(self, figures: dict[str, float], finished: bool) -> None:
        """Add a run's results, and end it."""


def must_be_there(names: Sequence[str]) -> None:
    """Refuse trackers whose packages are missing.

    Raises:
        RunError: LT430.
    """
    for name in names:
        need(f"--track {name}", name)


def tracker(name: str) -> Tracker:
    """The adapter of a tracker, whose package is imported here."""
    if name == "mlflow":
        from ltdsl_runtime.tracking.mlflow import MLflow

        return MLflow()
    from ltdsl_runtime.tracking.wandb import WandB

    return WandB()


class Told:
    """A tracker that is told in the background.

    Args:
        name: One of :data:`ltdsl.options.TRACKERS`.
        warn: Called at the end, in the caller's thread, with what went wrong.
        make: Makes the adapter, in the thread that it lives in.
    """

    def __init__(
        self,
        name: str,
        warn: Callable[[str], None],
        make: Callable[[str], Tracker] = tracker,
    ) -> None:
        self._name = name
        self._warn = warn
        self._make = make
        self._waiting: queue.SimpleQueue[tuple[str, tuple[Any, ...]] | None] = queue.SimpleQueue()
        self._asked = self._done = 0
        self._error = ""
        self._thread = threading.Thread(target=self._tell, name=f"track-{name}", daemon=True)
        self._thread.start()

    def tell(self, what: str, *given: Any) -> None:
        """Tell it something, whenever it has time: the name of a method of :class:`Tracker`, and its arguments."""
        self._asked += 1
        self._waiting.put((what, given))

    def close(self, patience: float = PATIENCE) -> None:
        """Wait for it a while, and say what it was not told."""
        self._waiting.put(None)
        self._thread.join(patience)
        if self._done < self._asked:
            why = self._error or f"it has not answered for {patience:.0f} s"
            self._warn(
                f"--track {self._name} was told {self._done} of {self._asked} things: {why}; the run directory has all"
            )

    def _tell(self) -> None:
        try:
            adapter = self._make(self._name)
            while (asked := self._waiting.get()) is not None:
                what, given = asked
                getattr(adapter, what)(*given)
                self._done += 1
        except BaseException as error:  # whatever a client raises, and some of them exit
            first = (str(error).strip().splitlines() or [""])[0]
            self._error = f"{type(error).__name__}: {first}"


class Tracking:
    """All trackers of a run.

    Args:
        names: Of :data:`ltdsl.options.TRACKERS`.
        about: The run.
        known: What metrics.jsonl holds of epochs so far.
        warn: Told what trackers were not told.
    """

    def __init__(
        self,
        names: Sequence[str],
        about: About,
        known: Callable[[], Iterable[Epoch]],
        warn: Callable[[str], None],
    ) -> None:
        self._trackers = [Told(name, warn) for name in names]
        self._known = known
        self._next = 0
        self._tell("begin", about)

    def epoch(self, record: Epoch) -> None:
        """Tell of an epoch that is over, and of those before it that nobody has told of: taken from the cache, say."""
        if record.epoch > self._next:
            self._catch_up(record.epoch)
        self._tell("epoch", record)
        self._next = record.epoch + 1

    def end(self, figures: dict[str, float] | None, files: Iterable[Path]) -> None:
        """Tell how the run ended, and wait for the trackers a while.

        Args:
            figures: Its results; None where it did not come to its end.
            files: What goes with them.
        """
        self._catch_up(None)
        for path in files:
            self._tell("file", path)
        self._tell("end", figures or {}, figures is not None)
        for each in self._trackers:
            each.close()

    def _catch_up(self, end: int | None) -> None:
        for record in self._known():
            if self._next <= record.epoch and (end is None or record.epoch < end):
                self._tell("epoch", record)
                self._next = record.epoch + 1

    def _tell(self, what: str, *given: Any) -> None:
        for each in self._trackers:
            each.tell(what, *given)


def attach(name: str, about: About, path: Path, warn: Callable[[str], None]) -> None:
    """Add a file to a run that has ended: its report, which is written last."""
    told = Told(name, warn)
    told.tell("begin", about)
    told.tell("file", path)
    told.tell("end", {}, True)
    told.close()
