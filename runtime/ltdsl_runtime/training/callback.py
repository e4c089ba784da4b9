"""What MindSpore's training loop calls."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import numpy as np
from mindspore.train import Callback

if TYPE_CHECKING:
    from mindspore import Tensor

    from ltdsl_runtime.training.stages import Stage
    from ltdsl_runtime.training.train import Trainer


class EpochEnd(Callback):
    """Tells the trainer where an epoch ends, whether MindSpore reports each step or each sink."""

    def __init__(self, trainer: Trainer, index: int, stage: Stage, done: int) -> None:
        super().__init__()
        self._done = done
        self._trainer = trainer
        self._index = index
        self._stage = stage
        self._started = time.monotonic()
        #: The epoch's losses, still on the device: looked at only where their sum is not finite.
        self._losses: list[Tensor] = []

    def on_train_step_end(self, run_context: Any) -> None:
        """A step, or with sinking an epoch's steps, are over."""
        context = run_context.original_args()
        steps = self._stage.source.steps
        passed, within = divmod(context.cur_step_num, steps)
        self._losses.append(context.net_outputs)
        if within:
            done = self._done + context.cur_step_num / steps
            loss = context.net_outputs
            self._trainer.reporter.step(done, lambda: float(loss.asnumpy()))
            return
        loss, skipped = self._stage.step.finish_epoch(steps)
        seconds = time.monotonic() - self._started
        epoch = self._done + passed - 1
        since = "" if math.isfinite(loss) else self._since(steps)
        self._losses.clear()
        self._trainer.finish_epoch(self._index, self._stage, epoch, loss, skipped, seconds, since)
        self._started = time.monotonic()

    def _since(self, steps: int) -> str:
        """From which step on losses are not finite; nothing where MindSpore reports no single steps."""
        if len(self._losses) < steps:
            return ""
        bad = (i for i, loss in enumerate(self._losses) if not np.isfinite(loss.asnumpy()).all())
        return f", from step {next(bad, 0) + 1} of {steps} on"
