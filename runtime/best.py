"""The epochs of lowest error so far, whose weights are kept."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from runtime.errors import RunError
from runtime.resume import epoch_of, load_own

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ltdsl.plan import Plan
    from runtime.rundir import RunDirectory


class BestEpochs:
    """What chooses the best epoch of a run, and of each stage that hands its best weights on.

    Args:
        plan: The run; nothing is chosen where it holds no images out for it.
        run: Its directory.
        warn: Told in a sentence what is lost.
    """

    def __init__(self, plan: Plan, run: RunDirectory, warn: Callable[[str], None]) -> None:
        self._plan = plan
        self._run = run
        self._warn = warn
        #: By the checkpoint that has the weights; none yet where it is not there.
        self._lowest: dict[Path, float] = {}

    def of_stage(self, index: int) -> Path:
        """The checkpoint of a stage's best epoch; there is one where the next stage starts from it."""
        return self._run.checkpoint(f"{self._plan.stages[index].name}-best")

    def improved(self, index: int, error: float) -> list[Path]:
        """The checkpoints that an epoch replaces, as its error is the lowest yet.

        Args:
            index: Its stage's place in the plan.
            error: In percent.
        """
        better = [path for path in self._paths(index) if error < self._lowest.get(path, math.inf)]
        self._lowest |= dict.fromkeys(better, error)
        return better

    def go_on(self, metrics: list[dict[str, Any]]) -> None:
        """Take up what was chosen among the epochs that are done.

        Args:
            metrics: A line for each of them.

        Raises:
            RunError: LT411, a checkpoint is damaged; LT412, it is of another run.
        """
        if not metrics:
            return
        stages = enumerate(self._plan.stages)
        under_way = [index for index, each in stages if each.start < len(metrics) < each.end]
        for path in self._paths(under_way[0] if under_way else None):
            error = self._recorded(path, metrics)
            if error is not None:
                self._lowest[path] = error

    def _paths(self, index: int | None) -> list[Path]:
        """The checkpoints that an epoch of a stage may replace."""
        if self._plan.best_on is None:
            return []
        paths = [self._run.checkpoint("best")]
        if index is not None:
            following = self._plan.stages[index + 1 : index + 2]
            paths += [self.of_stage(index) for stage in following if stage.handoff == "best"]
        return paths

    def _recorded(self, path: Path, metrics: list[dict[str, Any]]) -> float | None:
        """The error of a checkpoint's epoch; None where it is lost, or of an epoch that will be repeated."""
        if not path.exists():
            self._warn(f"{path} is gone: the best epoch will be one of those that follow")
            return None
        try:
            epoch = epoch_of(load_own(path, self._plan.digest()), path)
        except RunError as error:
            hint = f"remove it to choose the best among the epochs after {len(metrics)} only"
            raise RunError(error.code, error.message, hint) from error
        return metrics[epoch]["top1_error"] if epoch < len(metrics) else None
