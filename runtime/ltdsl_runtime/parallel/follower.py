"""What all workers but the first have in the place of the run directory, and how they see that it is the same."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ltdsl_runtime.errors import RunError
from ltdsl_runtime.rundir.directory import RunDirectory

if TYPE_CHECKING:
    from pathlib import Path

    from ltdsl.plan import Plan
    from ltdsl_runtime.parallel.cluster import Workers


class Follower(RunDirectory):
    """The first worker's run directory: read, never written.

    Args:
        path: The folder; the first worker may not have made it yet.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.checkpoints = path / "checkpoints"
        self._facts = self._read()

    def _read(self) -> dict[str, Any]:
        try:
            facts: dict[str, Any] = json.loads((self.path / "run.json").read_bytes())
        except (OSError, ValueError):
            return {}
        return facts

    def begin(self, plan: Plan, recipe: dict[str, str], **facts: Any) -> None:
        """The first worker does it."""

    def note(self, **facts: Any) -> None:
        """The first worker does it."""

    def write(self, name: str, data: Any) -> None:
        """The first worker does it."""

    def record(self, **metrics: Any) -> None:
        """The first worker does it."""

    def keep_metrics(self, lines: list[dict[str, Any]]) -> None:
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
    return f"{directory.fact('plan_sha256')} {directory.fact('started')}"
