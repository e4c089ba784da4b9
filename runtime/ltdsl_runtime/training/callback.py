"""What MindSpore's training loop calls."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from mindspore.train import Callback

from ltdsl_runtime.clock import now_at, running

if TYPE_CHECKING:
    from collections.abc import Callable

    from mindspore import Tensor

    from ltdsl_runtime.training.stages import Stage

    OnStep = Callable[[float, Callable[[], float]], None]
    """Told after a step: epochs of the run that are done, with a fraction; and what fetches the step's loss."""

    OnEpoch = Callable[[int, "Passed"], bool]
    """Told after an epoch: its number from 0, and how its steps have passed. Says whether training ends with it."""


@dataclass(frozen=True)
class Passed:
    """How an epoch's steps have passed.

    Attributes:
        loss: Mean of its batches' losses, without those of skipped steps.
        skipped: Steps without an update, their gradients not being finite in float16.
        seconds: Wall time of its training.
        since: Where the loss stopped being finite, as the end of a sentence.
    """

    loss: float
    skipped: int
    seconds: float
    since: str = ""


class Epochs(Callback):
    """Tells where steps and epochs end, whether MindSpore reports each step or each sink.

    Args:
        stage: What is trained.
        done: Epochs of the run before those that are trained now.
        on_step: Told of each step that is no epoch's last one.
        on_epoch: Told of each epoch.
    """

    def __init__(self, stage: Stage, done: int, on_step: OnStep, on_epoch: OnEpoch) -> None:
        super().__init__()
        self._stage = stage
        self._done = done
        self._on_step = on_step
        self._on_epoch = on_epoch
        self._started = time.monotonic()
        self._compiled = False
        #: The epoch's losses, still on the device: looked at only where their sum is not finite.
        self._losses: list[Tensor] = []

    def on_train_step_begin(self, run_context: Any) -> None:
        """A batch is there."""
        now_at("step" if self._compiled else "compile")
        self._compiled = True

    def on_train_step_end(self, run_context: Any) -> None:
        """A step, or with sinking an epoch's steps, are over."""
        context = run_context.original_args()
        if running() is not None:
            context.net_outputs.asnumpy()  # a device may be at it still
            now_at("other")
        self._step_is_over(run_context)
        now_at("wait")

    def _step_is_over(self, run_context: Any) -> None:
        context = run_context.original_args()
        steps = self._stage.source.steps
        passed, within = divmod(context.cur_step_num, steps)
        self._losses.append(context.net_outputs)
        if within:
            loss = context.net_outputs
            self._on_step(self._done + context.cur_step_num / steps, lambda: float(loss.asnumpy()))
            return
        mean, skipped = self._stage.step.finish_epoch(steps)
        seconds = time.monotonic() - self._started
        since = "" if math.isfinite(mean) else self._since(steps)
        self._losses.clear()
        if self._on_epoch(self._done + passed - 1, Passed(mean, skipped, seconds, since)):
            run_context.request_stop()
        self._started = time.monotonic()

    def _since(self, steps: int) -> str:
        """From which step on losses are not finite; nothing where MindSpore reports no single steps."""
        if len(self._losses) < steps:
            return ""
        bad = (i for i, loss in enumerate(self._losses) if not np.isfinite(loss.asnumpy()).all())
        return f", from step {next(bad, 0) + 1} of {steps} on"
