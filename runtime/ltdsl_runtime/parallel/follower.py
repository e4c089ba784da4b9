"""What all workers but the first have in the place of the run directory, and how they see that it is the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ltdsl.runs.layout import CHECKPOINTS
from ltdsl.runs.reading import Run
from ltdsl_runtime.errors import RunError
from ltdsl_runtime.rundir.directory import RunDirectory

if TYPE_CHECKING:
    from pathlib import Path

    from ltdsl.plan import Plan
    from ltdsl.runs.arrays import Observed
    from ltdsl.runs.evaluation import Evaluation
    from ltdsl.runs.facts import Facts
    from ltdsl.runs.metrics import Epoch
    from ltdsl.runs.pictures import Pictures
    from ltdsl_runtime.parallel.cluster import Workers


class Follower(RunDirectory):
    """The first worker's run directory: read, never written.

    Args:
        path: The folder; the first worker may not have made it yet.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.checkpoints = path / CHECKPOINTS
        self._facts = self._read()

    def _read(self) -> Facts:
        return Run(self.path, exact=True).facts

    def begin(self, plan: Plan, recipe: dict[str, str], **facts: Any) -> None:
        """The first worker does it."""

    def go_on(self, **facts: Any) -> str:
        """The first worker does it, and tells."""
        return ""

    def go_on_after(self, epochs: list[Epoch]) -> None:
        """The first worker does it."""

    def note(self, **entries: Any) -> None:
        """The first worker does it."""

    def evaluated(self, evaluation: Evaluation) -> None:
        """The first worker does it."""

    def predicted(self, observed: Observed, **facts: Any) -> None:
        """The first worker does it."""

    def picture(self, about: Pictures, image: bytes) -> None:
        """The first worker does it."""

    def record(self, epoch: Epoch) -> None:
        """The first worker does it."""

    def close(self) -> None:
        """Nothing is locked."""

    def meet(self, sign: str) -> None:
        """See what the first worker has written by now.

        Raises:
            RunError: LT474, it is not here.
        """
        self._facts = self._read()
        if _sign(self) != sign:
            raise RunError(
                "LT474",
                f"worker 0 writes to {self.path}, and this worker does not see it",
                "start all workers with the same --out, in a folder that their machines share",
            )


def open_directory(path: Path, workers: Workers, resume: bool = False) -> RunDirectory:
    """The run directory, for the first worker to write and for the others to read."""
    return RunDirectory(path, resume) if workers.first else Follower(path)


def meet(directory: RunDirectory, workers: Workers) -> None:
    """Wait until the first worker has begun the run, and see that all look at the same folder.

    Raises:
        RunError: LT474.
    """
    if workers.size == 1:
        return
    sign = workers.first_ones(_sign(directory))
    if isinstance(directory, Follower):
        directory.meet(sign)


def _sign(directory: RunDirectory) -> str:
    return f"{directory.facts.plan_sha256} {directory.facts.started}"
