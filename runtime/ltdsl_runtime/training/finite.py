"""Whether a run can go on: its loss and all of its numbers must be finite."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ltdsl_runtime.errors import RunError

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from mindspore import Parameter

    from ltdsl_runtime.parallel.cluster import Workers
    from ltdsl_runtime.training.callback import Passed
    from ltdsl_runtime.training.stages import Stage

LOWER = "lower the learning rate, or let it warm up"


def must_be_finite(
    stage: Stage,
    epoch: int,
    passed: Passed,
    parameters: Collection[Parameter],
    workers: Workers,
    last: Path,
) -> None:
    """Stop a run that learns nothing any more.

    Args:
        stage: What was trained.
        epoch: Its number in the run, from 0.
        passed: How its steps have passed.
        parameters: Weights and states, as they are now.
        workers: Who train; a part of the classes can break on one of them.
        last: The checkpoint of the epoch before, where there is one.

    Raises:
        RunError: LT410.
    """
    where = f"epoch {epoch} (stage `{stage.plan.name}`)"
    if passed.skipped == stage.source.steps:
        message = f"no gradient was finite in float16 in {where}, and all steps were skipped"
        hint = "use `precision = bf16` or `fp32`, or lower the learning rate"
        raise _stopped(message, hint, last)
    if not math.isfinite(passed.loss):
        raise _stopped(f"the loss is {passed.loss} in {where}{passed.since}", LOWER, last)
    # an update can break them after the last loss
    finite = [np.isfinite(parameter.asnumpy()).all() for parameter in parameters]
    broken = ~workers.gather(np.array(finite, np.int32)).all(0)
    for parameter, is_broken in zip(parameters, broken, strict=True):
        if is_broken:
            raise _stopped(f"`{parameter.name}` is not finite after {where}", LOWER, last)


def _stopped(message: str, hint: str, last: Path) -> RunError:
    kept = f"; {last} holds the epoch before" if last.exists() else ""
    return RunError("LT410", message, hint + kept)
