"""Where a run ends before its last epoch: within its last stage, where no epoch is better for a while."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ltdsl_runtime.training.best import ROUNDING, merit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ltdsl.plan import Plan
    from ltdsl.runs.metrics import Epoch

#: What the last line of metrics.jsonl says of such a run.
EARLY = "early_stopping"


def ends_early(plan: Plan, metrics: Sequence[Epoch]) -> bool:
    """Whether a run ends with its newest epoch: a function of what is recorded, so that a continued run ends there too.

    Counted are epochs of the last stage alone, from its first one or from its best one. As only an evaluation can tell,
    a run ends after one.

    Args:
        plan: The run.
        metrics: Of each epoch done.
    """
    start = plan.stages[-1].start
    own = metrics[start:]
    if plan.early_stopping is None or not own or not own[-1].is_evaluated:
        return False
    best: Epoch | None = None
    for epoch in own:
        if epoch.is_evaluated and (
            best is None or merit(plan, epoch) > merit(plan, best) + ROUNDING
        ):
            best = epoch
    assert best is not None  # the newest is evaluated
    return own[-1].epoch - best.epoch >= plan.early_stopping and own[-1].epoch + 1 < plan.epochs
