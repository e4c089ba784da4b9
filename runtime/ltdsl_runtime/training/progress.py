"""What a person sees while a run goes on: a live line on a terminal, plain lines anywhere else."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Column

if TYPE_CHECKING:
    from collections.abc import Callable

    from ltdsl.display.console import Console
    from ltdsl.plan import Plan
    from ltdsl.runs.metrics import Epoch


class Reporter:
    """Plain lines: one for each stage and epoch.

    Args:
        console: Where to print.
        plan: What will be run.
    """

    def __init__(self, console: Console, plan: Plan) -> None:
        self.console = console
        self.plan = plan

    def __enter__(self) -> Reporter:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def stage(self, name: str) -> None:
        """A stage begins: its graph is compiled."""
        self.console.event("stage", stage=name)
        self._line(f"{name}: compiling its graph")

    def step(self, done: float, loss: Callable[[], float]) -> None:
        """A training step is over.

        Args:
            done: Epochs completed, with a fraction.
            loss: Fetches the step's loss from the device.
        """

    def epoch(self, record: Epoch) -> None:
        """An epoch is over."""
        self.console.event("epoch", **record.as_data())
        self._line(
            f"epoch {record.epoch} ({record.epoch + 1}/{self.plan.epochs})  {record.stage}  loss {record.loss:.4f}  "
            f"lr {record.lr:.3g}  {self._evaluated(record)}  {record.seconds:.1f} s"
        )
        self._ended(record)

    def _ended(self, record: Epoch) -> None:
        """Say so where a run ends before its last epoch."""
        if record.ends:
            self._line(
                f"ended after epoch {record.epoch}: for {self.plan.early_stopping} epochs none was better"
            )

    def _evaluated(self, record: Epoch) -> str:
        """What was measured on which images."""
        if not record.is_evaluated:
            return "not evaluated"
        return f"{record.measured_on} {self._measured(record)}"

    def _measured(self, record: Epoch) -> str:
        """The error, and what chooses the best epoch."""
        text = f"error {record.top1_error:.2f} %"
        chooses = self.plan.best_by == "macro_recall"
        return f"{text}  macro recall {record.macro_recall:.2f} %" if chooses else text

    def say(self, message: str) -> None:
        """Something to know that is as it should be."""
        self._line(message)

    def warn(self, message: str) -> None:
        """Something of the run is lost, and it goes on."""
        self.console.event("warning", code="LT417", message=message)
        self.console.warn(f"warning[LT417]: {message}")

    def _line(self, text: str) -> None:
        # a name's brackets are no markup, and a line stays one however narrow the console is
        self.console.say(text)


class LiveReporter(Reporter):
    """A progress bar with stage, epoch, loss, learning rate, error and the time left."""

    #: Seconds between two looks at a step's loss, each of which waits for the device.
    INTERVAL = 1.0
    #: Seconds whose speed tells the time left: a slow machine has few steps in rich's own 30.
    SPEED_OVER = 600.0
    #: Columns for the bar, and for a stage's name.
    BAR, STAGE = 8, 16

    def __init__(self, console: Console, plan: Plan) -> None:
        super().__init__(console, plan)
        self._counts = 2 * len(str(plan.epochs)) + 1
        self._bar = Progress(
            TextColumn(
                "{task.fields[stage]}",
                style="bold",
                markup=False,
                table_column=Column(max_width=self.STAGE, no_wrap=True, overflow="ellipsis"),
            ),
            BarColumn(bar_width=None, table_column=Column(min_width=self.BAR, ratio=1)),
            TextColumn("epoch", table_column=Column(min_width=5, no_wrap=True)),
            MofNCompleteColumn(table_column=Column(min_width=self._counts, no_wrap=True)),
            TextColumn("{task.fields[figures]}", table_column=Column(no_wrap=True)),
            TimeElapsedColumn(table_column=Column(min_width=7, no_wrap=True)),
            TextColumn("left", table_column=Column(min_width=4, no_wrap=True)),
            TimeRemainingColumn(table_column=Column(min_width=7, no_wrap=True)),
            console=console,
            expand=True,
            speed_estimate_period=self.SPEED_OVER,
            redirect_stderr=sys.stderr.isatty(),  # what is read elsewhere goes there
        )
        self._task = self._bar.add_task("", total=plan.epochs, stage="", figures="")
        self._looked = 0.0
        self._evaluated_last: Epoch | None = None

    def __enter__(self) -> Reporter:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def stage(self, name: str) -> None:
        """A stage begins: its graph is compiled."""
        self.console.event("stage", stage=name)
        self._bar.update(self._task, stage=name, figures="compiling")

    def step(self, done: float, loss: Callable[[], float]) -> None:
        """A training step is over."""
        now = time.monotonic()
        if now - self._looked >= self.INTERVAL:
            self._looked = now
            epoch = int(done)
            self._show(done, loss(), self.plan.stage_at(epoch).rate(epoch))

    def epoch(self, record: Epoch) -> None:
        """An epoch is over."""
        self.console.event("epoch", **record.as_data())
        assert record.loss is not None  # as it has just been trained
        assert record.lr is not None
        if record.is_evaluated:
            self._evaluated_last = record
        self._show(record.epoch + 1, record.loss, record.lr)
        self._ended(record)

    def _show(self, done: float, loss: float, lr: float) -> None:
        figures = [f"loss {loss:.4f}", f"lr {lr:.3g}"]
        if self._evaluated_last:
            figures += self._measured(self._evaluated_last).split("  ")
        self._bar.update(self._task, completed=done, figures=self._fitting(figures))

    def _fitting(self, figures: list[str]) -> str:
        """Those that a narrow terminal has room for beside bar, epoch and times: the loss, then from the last on."""
        stage = min(len(self._bar.tasks[0].fields["stage"]), self.STAGE)
        room = self.console.width - stage - self.BAR - self._counts - 5 - 7 - 4 - 7 - 7
        shown: list[str] = []
        for each in (figures[0], *reversed(figures[1:])):
            if len("  ".join([*shown, each])) <= room:
                shown.append(each)
        return "  ".join(each for each in figures if each in shown)


def reporter(console: Console, plan: Plan) -> Reporter:
    """The reporter that suits a console."""
    return (LiveReporter if console.is_terminal else Reporter)(console, plan)
