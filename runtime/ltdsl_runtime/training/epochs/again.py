"""Epochs that another run has trained, and evaluated otherwise than this one does: its weights are evaluated again.

Runs that differ in a correction of their logits train the same weights, and record other figures of them. The cache has
the weights after each epoch that was evaluated, where a run was asked to keep them; so this run's records, and its best
weights, are made of these, and are the ones that it would have come to by training.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ltdsl.cache import STAGE_RECORDS, STAGE_WEIGHTS
from ltdsl.cache.errors import warn
from ltdsl.plan import StagePlan
from ltdsl.wording import counted
from ltdsl_runtime.training.best import BestEpochs
from ltdsl_runtime.training.epochs.files import BEST, STATE, copy, read_epochs, write_epochs

if TYPE_CHECKING:
    from ltdsl.cache import Entry, Store
    from ltdsl.plan import Plan
    from ltdsl.runs.metrics import Epoch
    from ltdsl_runtime.rundir.directory import RunDirectory
    from ltdsl_runtime.training.epochs.keys import StageKeys


class UnusableError(Exception):
    """Weights of the cache are of another form than they should be: as good as none."""


#: Evaluates the weights of a checkpoint, of a stage, as the run does: figures of :class:`ltdsl.runs.metrics.Epoch`.
#: Raises :class:`UnusableError` where they are no weights of its network.
Measure = Callable[[Path, StagePlan], dict[str, Any]]


@dataclass(frozen=True)
class EvaluatedAgain:
    """Makes the records of a run's first epochs of weights that are kept.

    Attributes:
        plan: The run.
        run: Its directory.
        keys: Of its entries.
        store: Where they are.
    """

    plan: Plan
    run: RunDirectory
    keys: StageKeys
    store: Store

    def most(self) -> float:
        """How many epochs' records can be made of what is kept, at most; infinite for all."""
        plan = self.plan
        # its own figures may end it in its last stage
        bound = math.inf if plan.early_stopping is None else plan.stages[-1].start
        gap = self.first_gap({n + 1 for n in range(plan.epochs) if plan.evaluates(n)})
        return min(bound, gap - 1)

    def first_gap(self, wanted: Collection[int]) -> float:
        """The first number of epochs, of those that are wanted, after which no weights are kept; infinite for none."""
        for number in sorted(wanted):
            found = self._weights(number)
            if found is None:
                return number
            found.close()
        return math.inf

    def records(self, epochs: int, weights: Entry, measure: Measure) -> Entry | None:
        """The records of so many epochs, as an entry of the cache; None where they cannot be made.

        Args:
            epochs: How many, at most :meth:`most`.
            weights: The entry with the weights after them.
            measure: See :data:`Measure`.
        """
        try:
            return self.store.obtain(
                STAGE_RECORDS,
                self.keys.records(epochs),
                lambda folder: self._make(epochs, weights.folder, folder, measure),
            )
        except UnusableError as error:
            warn(f"{counted(epochs, 'epoch', 'is')} not taken from the cache: {error}")
            return None

    def _weights(self, epochs: int) -> Entry | None:
        """Those after so many epochs."""
        return self.store.lookup(STAGE_WEIGHTS, self.keys.weights(epochs))

    def _make(self, epochs: int, weights: Path, folder: Path, measure: Measure) -> None:
        try:
            trained = read_epochs(weights, epochs)
        except (OSError, ValueError) as error:
            raise UnusableError(str(error)) from error
        lines: list[Epoch] = []
        best = BestEpochs(self.plan, self.run, lambda _: None)
        for line in trained:
            found = line
            if self.plan.evaluates(line.epoch):
                stage = self.plan.stage_at(line.epoch)
                index = self.plan.stages.index(stage)
                entry = self._weights(line.epoch + 1)
                if entry is None:
                    raise UnusableError(f"the weights after epoch {line.epoch} are gone")
                with entry:
                    state = entry.folder / STATE
                    found = line.model_copy(update=measure(state, stage))
                    for path in best.improved(index, found):
                        of_run = path == self.run.checkpoint("best")
                        copy(state, folder / (BEST if of_run else f"best-{index}.ckpt"))
            lines.append(found)
        write_epochs(folder, lines)
