"""The best epochs so far, whose weights are kept."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ltdsl_runtime.errors import RunError
from ltdsl_runtime.weights.restore import epoch_of, facts_only, load_own

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from ltdsl.plan import Plan
    from ltdsl.runs.metrics import Epoch
    from ltdsl_runtime.rundir.directory import RunDirectory


#: What is better by less is equal, in percent: sums of the same class accuracies differ by rounding, and the first
#: of equal epochs is kept.
ROUNDING = 1e-9


def merit(plan: Plan, epoch: Epoch) -> float:
    """What is to be as high as can be of an epoch that was evaluated, in percent."""
    figure: float = getattr(epoch, plan.best_by or "macro_recall")
    return -figure if plan.best_by == "top1_error" else figure


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
        self._reached: dict[Path, float] = {}

    def of_stage(self, index: int) -> Path:
        """The checkpoint of a stage's best epoch; there is one where the next stage starts from it."""
        return self._run.checkpoint(f"{self._plan.stages[index].name}-best")

    def improved(self, index: int, epoch: Epoch) -> list[Path]:
        """The checkpoints that an epoch replaces, as it is the best yet.

        Args:
            index: Its stage's place in the plan.
            epoch: What is known of it.
        """
        paths = self._paths(index) if epoch.is_evaluated else []
        its = merit(self._plan, epoch) if paths else 0.0
        better = [path for path in paths if its > self._reached.get(path, -math.inf) + ROUNDING]
        self._reached |= dict.fromkeys(better, its)
        return better

    def go_on(self, metrics: Sequence[Epoch]) -> None:
        """Take up what was chosen among the epochs that are done.

        Args:
            metrics: Of each of them.

        Raises:
            RunError: LT411, a checkpoint is damaged; LT412, it is of another run.
        """
        if not metrics:
            return
        stages = enumerate(self._plan.stages)
        under_way = [index for index, each in stages if each.start < len(metrics) < each.end]
        stage_start = self._plan.stages[under_way[0]].start if under_way else 0
        for path in self._paths(under_way[0] if under_way else None):
            chosen_from = metrics if path == self._run.checkpoint("best") else metrics[stage_start:]
            if not any(epoch.is_evaluated for epoch in chosen_from):
                continue  # none has been chosen yet
            recorded = self._recorded(path, metrics)
            if recorded is not None:
                self._reached[path] = recorded

    def _paths(self, index: int | None) -> list[Path]:
        """The checkpoints that an epoch of a stage may replace."""
        if self._plan.best_on is None:
            return []
        paths = [self._run.checkpoint("best")]
        if index is not None:
            following = self._plan.stages[index + 1 : index + 2]
            paths += [self.of_stage(index) for stage in following if stage.handoff == "best"]
        return paths

    def _recorded(self, path: Path, metrics: Sequence[Epoch]) -> float | None:
        """The merit of a checkpoint's epoch; None where it is lost, or of an epoch that will be repeated."""
        if not path.exists():
            self._warn(f"{path} is gone: the best epoch will be one of those that follow")
            return None
        try:
            epoch = epoch_of(load_own(path, self._plan.digest(), facts_only), path)
        except RunError as error:
            hint = f"remove it to choose the best among the epochs after {len(metrics)} only"
            raise RunError(error.code, error.message, hint) from error
        is_known = epoch < len(metrics) and metrics[epoch].is_evaluated
        return merit(self._plan, metrics[epoch]) if is_known else None
