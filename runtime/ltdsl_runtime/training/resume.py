"""Where a run goes on: the newest of its checkpoints that is whole, and the metrics of the epochs before it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ltdsl.wording import counted
from ltdsl_runtime.errors import RunError
from ltdsl_runtime.weights import checkpoints
from ltdsl_runtime.weights.restore import epoch_of, load_own

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mindspore import nn

    from ltdsl.runs.metrics import Epoch
    from ltdsl_runtime.rundir.directory import RunDirectory
    from ltdsl_runtime.weights.records import Keep, Saved


@dataclass(frozen=True)
class Reached:
    """How far a run has come.

    Attributes:
        saved: The checkpoint that it goes on from; empty at the start.
        path: Its file.
        metrics: Of each epoch done.
    """

    saved: Saved = field(default_factory=dict)
    path: Path | None = None
    metrics: list[Epoch] = field(default_factory=list)

    @property
    def done(self) -> int:
        """Epochs done."""
        return len(self.metrics)

    def restore(self, cell: nn.Cell) -> None:
        """Set a cell's parameters to what they were, where anything was saved."""
        if self.path is not None:
            checkpoints.apply(self.saved, cell, self.path)


def reached(
    run: RunDirectory, digest: str, warn: Callable[[str], None], keep: Keep | None = None
) -> Reached:
    """Find out how far a run has come, and bring its directory to that state.

    Args:
        run: Its directory.
        digest: Hash of its plan.
        warn: Told in a sentence what is damaged.
        keep: Gives what is wanted of each of a checkpoint's arrays.

    Raises:
        RunError: LT411, no checkpoint is whole; LT412, one is of another run; LT424, as for writing.
    """
    lines = run.metrics()
    last, previous = run.checkpoint("last"), run.checkpoint("previous")
    found, why = None, []
    for path in (last, previous):
        if path.exists() and found is None:
            try:
                found = _usable(path, digest, lines, keep)
            except RunError as error:
                if error.code != "LT411":
                    raise
                why.append(error.message)
    if found is None and why:
        hint = "begin the run anew; nothing in its folder was changed"
        raise RunError("LT411", f"nothing is left to go on from: {'; '.join(why)}", hint)
    if found is None and len(lines) > 1:
        warn(f"the checkpoints of {run.path} are gone: the run begins with the first epoch again")
    found = found or Reached()
    for reason in why:
        warn(f"{reason}: the run goes on from the checkpoint before, after epoch {found.done - 1}")
    if found.path == previous:
        with run.writing(last):
            previous.replace(last)
    run.go_on_after(found.metrics)
    return found


def _usable(path: Path, digest: str, lines: list[Epoch], keep: Keep | None) -> Reached:
    """What a checkpoint stands for.

    Raises:
        RunError: LT411, it is damaged, or epochs before it have no metrics; LT412, it is of another run.
    """
    saved = load_own(path, digest, keep)
    done = epoch_of(saved, path) + 1
    if done > len(lines):
        message = f"metrics.jsonl has {counted(len(lines), 'whole line')}, and {path} is of epoch {done - 1}"
        raise RunError("LT411", message)
    return Reached(saved, path, lines[:done])
