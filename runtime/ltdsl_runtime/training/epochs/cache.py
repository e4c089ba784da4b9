"""Epochs that another run has trained already: taken from the cache before the first one, and kept there for others.

A run's numbers are a function of its plan, its data, the machine and the versions of what computes. So the first epochs
of two runs are the same where all of this is that reaches them, and :mod:`ltdsl.prefix` says what of a plan does.
Taking epochs brings the run's directory to the state in which a run of this plan would be that was interrupted after
them; whoever trains goes on from there as from any interruption, which changes no number.

Of a run that was interrupted itself, more is kept only where :mod:`ltdsl_runtime.training.epochs.marks` knows its
directory again: it may be a stranger's, and the cache says what others train from. Nor is anything taken or kept where
not all is known that numbers depend on.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from rich.filesize import decimal

from ltdsl import prefix
from ltdsl.cache import STAGE_RECORDS, STAGE_WEIGHTS, CacheError, Store
from ltdsl.cache.errors import warn
from ltdsl.cache.place import NO_STAGES
from ltdsl.runs.facts import FromCache
from ltdsl.wording import counted
from ltdsl_runtime.errors import RunError
from ltdsl_runtime.machine.identity import machine_facts, source_digest
from ltdsl_runtime.training.epochs.again import EvaluatedAgain
from ltdsl_runtime.training.epochs.files import StageFiles, Taking
from ltdsl_runtime.training.epochs.keys import StageKeys, computed_by, named_files
from ltdsl_runtime.training.epochs.marks import Marks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from ltdsl.cache import Entry
    from ltdsl.options import RunOptions
    from ltdsl.plan import Plan
    from ltdsl_runtime.data import LoadedData
    from ltdsl_runtime.rundir.directory import RunDirectory
    from ltdsl_runtime.training.epochs.again import Measure


class StageCache:
    """What a run shares with others. The first of several workers alone does anything.

    Args:
        plan: The run.
        data: What it is trained on.
        run: Its directory, which has begun.
        files: What stands for the checkpoints that the recipe names.
        options: How it is trained.
        store: Where epochs are.
        machine: Where they are computed.
    """

    def __init__(
        self,
        plan: Plan,
        data: LoadedData,
        run: RunDirectory,
        files: Mapping[str, str],
        options: RunOptions,
        store: Store,
        machine: dict[str, Any],
    ) -> None:
        self._plan = plan
        self._run = run
        self._options = options
        self._store = store
        names = data.train.class_names
        by = computed_by(run.facts, {**machine, "source": source_digest()})
        self._keys = StageKeys(plan, data.fingerprint, names, files, by)
        self._files = StageFiles(plan, run)
        self._taking = Taking(plan, data, run)
        #: Know the run again when it goes on.
        self.marks = Marks(run, data.fingerprint, by, store)
        self._again = EvaluatedAgain(plan, run, self._keys, store)
        #: The numbers of epochs after which the run is kept, and of those after which its weights are.
        self.points = {*prefix.borders(plan), *options.cache_at}
        self.evaluated: set[int] = set()
        #: The most epochs whose weights are there, and not all that it would take to evaluate them as this run does.
        self.missed = 0
        self._most_evaluated: float | None = None
        if options.cache_evaluated:
            self.evaluated = {n + 1 for n in range(plan.epochs) if plan.evaluates(n)}

    def take(self, measure: Measure | None = None) -> FromCache | None:
        """Bring the run's directory to where it is after as many epochs as are there; None for none.

        Args:
            measure: Evaluates weights that another run has evaluated otherwise; None to take no such epochs.

        Raises:
            RunError: LT424, the directory cannot be written to.
        """
        for epochs, weights in self._kept():
            with weights:
                records = self._store.lookup(STAGE_RECORDS, self._keys.records(epochs))
                if records is None and measure is not None and self._can_be_evaluated(epochs):
                    records = self._again.records(epochs, weights, measure)
                if records is None:
                    continue
                with records:
                    taken = FromCache(
                        epochs=epochs, weights=weights.record.key, records=records.record.key
                    )
                    # before anything is there: whoever goes on with half of it knows what it is
                    self._run.note(from_cache=taken.as_data())
                    try:
                        self._taking.take(epochs, weights.folder, records.folder)
                    except (RunError, OSError, ValueError) as error:
                        if getattr(error, "code", "") == "LT424":
                            raise
                        forget(self._run)  # of another form than it should be: as good as none
                        continue
                    return taken
        return None

    def there(self) -> int:
        """How many epochs :meth:`take` would bring."""
        for epochs, weights in self._kept():
            with weights:
                records = self._store.lookup(STAGE_RECORDS, self._keys.records(epochs))
                if records is not None:
                    records.close()
                if records is not None or self._can_be_evaluated(epochs):
                    return epochs
        return 0

    def _can_be_evaluated(self, epochs: int) -> bool:
        """Whether records that nobody has kept can be made of weights; notes where they could if more were kept."""
        if self._most_evaluated is None:  # all of their files are read and compared
            self._most_evaluated = self._again.most()
        possible = epochs <= self._most_evaluated
        if not possible and self._plan.early_stopping is None:
            self.missed = max(self.missed, epochs)
        return possible

    def _kept(self) -> Iterator[tuple[int, Entry]]:
        """Numbers of epochs that are kept, most first, with their weights, which whoever asks closes."""
        gap = self._again.first_gap(self.evaluated)
        for epochs in self._candidates():
            weights = self._store.lookup(STAGE_WEIGHTS, self._keys.weights(epochs))
            if weights is None:
                continue
            # who is to keep weights on the way trains them where they are not kept
            if epochs >= gap and self._all_find_room(weights.record.size):
                weights.close()
                continue
            yield epochs, weights

    def _candidates(self) -> list[int]:
        """Numbers of epochs that something is kept after, most first."""
        found = {
            entry.record.facts.get("epochs")
            for entry in self._store.entries(STAGE_WEIGHTS)
            if entry.record is not None
        }
        most = self._most()
        return sorted((n for n in found if isinstance(n, int) and 0 < n <= most), reverse=True)

    def _most(self) -> int:
        """As many epochs as can be taken: pictures that were asked for are made as a stage begins."""
        starts = [s.start for s in self._plan.stages if s.sampler.needs_weights]
        return (
            min(starts, default=self._plan.epochs) if self._options.keep_cam else self._plan.epochs
        )

    def keeps(self, epochs: int) -> bool:
        """Whether anything is kept after so many epochs."""
        return epochs in self.points or epochs in self.evaluated

    def keep(self, epochs: int) -> None:
        """Keep the run as it is after so many epochs; a warning says where nothing can be kept."""
        keys, files = self._keys, self._files
        try:
            if epochs not in self.points and not self._evaluated_are_kept(epochs):
                return
            self._store.keep(
                STAGE_WEIGHTS,
                keys.weights(epochs),
                lambda folder: files.copy_weights(folder, epochs),
            )
            if epochs in self.points:
                self._store.keep(
                    STAGE_RECORDS,
                    keys.records(epochs),
                    lambda folder: files.copy_records(folder, epochs),
                )
        except OSError as error:  # the run's own files: it will say so itself where it needs them
            warn(f"{counted(epochs, 'epoch', 'is')} not kept: {error.strerror or error}")

    def _evaluated_are_kept(self, epochs: int) -> bool:
        """Whether the weights of all epochs that are evaluated find room, so that others can use them."""
        size = self._files.size_of_weights(epochs)
        if not self._all_find_room(size):
            all_of_them = decimal(size * len(self.evaluated))
            warn(
                f"the weights after each of {len(self.evaluated):,} epochs are not kept, as they take {all_of_them}: "
                "runs that evaluate them otherwise train on their own",
                "raise LTDSL_CACHE_LIMIT, or evaluate less often (`evaluate_every`)",
            )
            self.evaluated = set()
        return bool(self.evaluated)

    def _all_find_room(self, size: int) -> bool:
        """Whether that many bytes for each epoch that is evaluated leave room for two such runs, and others."""
        return size * len(self.evaluated) <= self._store.room_of(STAGE_WEIGHTS) // 3


def forget(run: RunDirectory) -> None:
    """Begin a run with its first epoch again, which was to begin with epochs of another."""
    run.go_on_after([])
    run.note(from_cache=None)


def forget_half_taken(run: RunDirectory) -> None:
    """Forget epochs that were just being taken when the process was killed: the last checkpoint was to be their end."""
    taken = run.facts.from_cache
    there = any(run.checkpoint(name).exists() for name in ("last", "previous"))
    if taken is not None and not there and len(run.metrics()) in (0, taken.epochs):
        forget(run)


def stage_cache(
    plan: Plan, data: LoadedData, run: RunDirectory, root: Path, options: RunOptions
) -> StageCache | None:
    """What a run shares with others; None where it shares nothing, as somebody wants or as not all is known."""
    if options.no_cache or os.environ.get(NO_STAGES) or not prefix.is_all_known(plan):
        return None
    machine = machine_facts()
    if machine is None:
        return None
    try:
        files, store = named_files(plan, root), Store.of_user()
    except (OSError, CacheError):
        return None
    return StageCache(plan, data, run, files, options, store, machine)
