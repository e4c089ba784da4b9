"""What all workers but the first have in the place of the run directory, and how they see that they belong together."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from ltdsl_runtime.errors import RunError
from ltdsl_runtime.parallel.cluster import must_divide, must_split
from ltdsl_runtime.rundir.directory import RunDirectory
from ltdsl_runtime.rundir.versions import versions

if TYPE_CHECKING:
    from pathlib import Path

    from mindspore import nn

    from ltdsl.plan import Plan
    from ltdsl_runtime.data import LoadedData
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


def must_agree(plan: Plan, loaded: LoadedData, workers: Workers) -> None:
    """Refuse workers that would train something else than the first one.

    Raises:
        RunError: LT473, plans, data or versions differ; LT475, the workers cannot share a batch evenly; LT476, or not
            split the classes.
    """
    for what, text, hint in (
        (
            "another plan",
            plan.digest(),
            "start all of them with the same recipe, --set and --seed",
        ),
        ("other images", json.dumps(loaded.fingerprint), "give all of them the same --data"),
        (
            "another --split-classes",
            str(workers.split_classes),
            "start all of them with it, or none",
        ),
        (
            "other versions of packages",
            json.dumps(versions()),
            "install the same packages everywhere",
        ),
    ):
        if ranks := workers.differing(text):
            raise _differ(ranks, what, hint)
    must_divide(plan, workers.size)
    if workers.split_classes:
        must_split(plan, len(loaded.counts), workers.size)


def must_start_alike(network: nn.Cell, workers: Workers) -> None:
    """See that all workers start from the same weights.

    Raises:
        RunError: LT473.
    """
    if workers.size == 1:
        return
    digest = hashlib.sha256()
    for parameter in network.get_parameters():
        digest.update(parameter.asnumpy().tobytes())
    if ranks := workers.differing(digest.hexdigest()):
        raise _differ(ranks, "other first weights", "give all of them the same checkpoints")


def _differ(ranks: list[int], what: str, hint: str) -> RunError:
    who = (
        f"worker {ranks[0]} has"
        if len(ranks) == 1
        else f"workers {', '.join(map(str, ranks))} have"
    )
    return RunError("LT473", f"{who} {what} than worker 0", hint)
