"""Epochs that another run has trained already: taken from the cache before the first one, and kept there for others.

A run's numbers are a function of its plan, its data, the machine and the versions of what computes. So the first epochs
of two runs are the same where all of this is that reaches them, and :mod:`ltdsl.prefix` says what of a plan does.
Taking epochs brings the run's directory to the state in which a run of this plan would be that was interrupted after
them; whoever trains goes on from there as from any interruption, which changes no number.

Nothing is kept of a run that was interrupted itself: its directory may be a stranger's, and the cache says what others
train from. Nor is anything taken or kept where not all is known that numbers depend on.
"""

from __future__ import annotations

import json
import os
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from mindspore import Parameter, Tensor

from ltdsl import prefix
from ltdsl.cache import STAGE_RECORDS, STAGE_WEIGHTS, CacheError, Store
from ltdsl.cache.place import NO_STAGES
from ltdsl.runs.facts import FromCache
from ltdsl.runs.layout import METRICS, PICTURES
from ltdsl.runs.metrics import Epoch
from ltdsl.runs.pictures import Pictures
from ltdsl.system import opening
from ltdsl.system.files import write_atomically
from ltdsl_runtime.errors import RunError
from ltdsl_runtime.machine.identity import machine_facts, source_digest
from ltdsl_runtime.training.stages import rates_of_steps
from ltdsl_runtime.weights import checkpoints
from ltdsl_runtime.weights.classes import FACT, as_fact
from ltdsl_runtime.weights.digests import content_digest
from ltdsl_runtime.weights.restore import epoch_of

if TYPE_CHECKING:
    from pathlib import Path

    from ltdsl.options import RunOptions
    from ltdsl.plan import Plan
    from ltdsl_runtime.data import LoadedData
    from ltdsl_runtime.rundir.directory import RunDirectory
    from ltdsl_runtime.weights.records import Saved

#: Entries of run.json that say what computed.
COMPUTED_BY = ("versions", "device", "kernels", "workers", "split_classes")

#: The files of entries; those of stages have the stage's number.
STATE, BEST = "state.ckpt", "best.ckpt"

#: What an optimizer keeps of the plan and not of the past: the learning rate of each of its steps.
RATES = "learning_rate"

#: What :class:`ltdsl_runtime.training.keeping.Keeper` notes in checkpoints.
NOTES = ("plan_sha256", FACT, "epoch", "stage")


class StageCache:
    """What a run shares with others. The first of several workers alone does anything.

    Args:
        plan: The run.
        data: What it is trained on.
        run: Its directory, which has begun.
        root: Folder that checkpoints named in the recipe are relative to.
        options: How it is trained.
        store: Where epochs are.
        machine: Where they are computed.
    """

    def __init__(
        self,
        plan: Plan,
        data: LoadedData,
        run: RunDirectory,
        root: Path,
        options: RunOptions,
        store: Store,
        machine: dict[str, Any],
    ) -> None:
        self._plan = plan
        self._data = data
        self._run = run
        self._root = root
        self._options = options
        self._store = store
        self._machine = machine
        #: The numbers of epochs after which the run is kept.
        self.points = {*prefix.borders(plan), *options.cache_at}

    @cached_property
    def _computed_by(self) -> dict[str, Any]:
        facts = self._run.facts.as_data()
        return {
            **{name: facts[name] for name in COMPUTED_BY if name in facts},
            **self._machine,
            "source": source_digest(),
        }

    def _weights_facts(self, epochs: int) -> dict[str, Any]:
        plan = self._plan
        files = {
            name: content_digest(self._root / name) for name in prefix.files_within(plan, epochs)
        }
        facts = prefix.reaching_weights(plan, epochs, files)
        return {
            "what": _words(plan, epochs),
            "epochs": epochs,
            "plan": facts,
            "data": {
                "train": self._data.fingerprint.get("train"),
                "classes": list(self._data.train.class_names),
                **(self._measured_on if "chosen" in facts else {}),
            },
            "computed_by": self._computed_by,
        }

    def _records_facts(self, epochs: int) -> dict[str, Any]:
        facts = self._weights_facts(epochs)
        facts["data"] |= self._measured_on
        return {**facts, "evaluation": prefix.reaching_records(self._plan, epochs)}

    @property
    def _measured_on(self) -> dict[str, Any]:
        part = self._plan.best_on or "test"
        return {part: self._data.fingerprint.get(part)}

    def take(self) -> FromCache | None:
        """Bring the run's directory to where it is after as many epochs as are there; None for none.

        Raises:
            RunError: LT424, the directory cannot be written to.
        """
        for epochs in self._candidates():
            records = self._store.lookup(STAGE_RECORDS, self._records_facts(epochs))
            if records is None:
                continue
            weights = self._store.lookup(STAGE_WEIGHTS, self._weights_facts(epochs))
            if weights is None:
                records.close()
                continue
            with records, weights:
                taken = FromCache(
                    epochs=epochs, weights=weights.record.key, records=records.record.key
                )
                # before anything is there: whoever goes on with half of it knows what it is
                self._run.note(from_cache=taken.as_data())
                try:
                    self._take(epochs, weights.folder, records.folder)
                except (RunError, OSError, ValueError) as error:
                    if getattr(error, "code", "") == "LT424":
                        raise
                    forget(self._run)  # of another form than it should be: as good as none
                    continue
                return taken
        return None

    def _candidates(self) -> list[int]:
        """Numbers of epochs that something is kept after, most first."""
        found = {
            entry.record.facts.get("epochs")
            for entry in self._store.entries(STAGE_RECORDS)
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

    def _take(self, epochs: int, weights: Path, records: Path) -> None:
        run, plan = self._run, self._plan
        lines = [
            Epoch.model_validate_json(line)
            for line in opening.read_file(records / METRICS, opening.FIGURES).splitlines()
        ]
        if [line.epoch for line in lines] != list(range(epochs)):
            raise ValueError("not all epochs are there")
        within = prefix.stages_within(plan, epochs)
        for index, stage in enumerate(within):
            start, best = weights / f"start-{index}.ckpt", records / f"best-{index}.ckpt"
            if stage.sampler.needs_weights:
                self._write(start, f"{stage.name}-start")
            if prefix.hands_on_best(plan, index):
                # of the first stage, the best epoch so far is that of the run
                own = index or best.exists()
                self._write(best if own else records / BEST, f"{stage.name}-best")
            about = weights / f"cam-{index}.json"
            if about.exists():
                self._show(stage.name, about)
        if plan.best_on is not None:
            self._write(records / BEST, "best")
        run.go_on_after(
            [line.model_copy(update={"stage": plan.stage_at(line.epoch).name}) for line in lines]
        )
        # last of all, as always: it says that all before it is there
        self._write(weights / STATE, "last")

    def _write(self, source: Path, name: str) -> None:
        """Write a checkpoint of the cache as this run would have written it."""
        saved = checkpoints.load(source, sealed=True)
        path = self._run.checkpoint(name)
        facts: dict[str, Any] = {
            "plan_sha256": self._plan.digest(),
            FACT: as_fact(self._data.train.class_names),
        }
        if "epoch" in saved:
            epoch = epoch_of(saved, source)
            facts |= {"epoch": epoch, "stage": self._plan.stage_at(epoch).name}
            if RATES in saved:
                saved[RATES] = self._rates(epoch)
        with self._run.writing(path):
            checkpoints.save(path, _parameters(saved), **facts)

    def _rates(self, epoch: int) -> Any:
        """The learning rates of the optimizer that an epoch was trained with, float32 [steps]."""
        index = self._plan.stages.index(self._plan.stage_at(epoch))
        first = self._plan.optimizer_begun(index)
        return np.asarray(rates_of_steps(self._plan, first, self._data.counts), np.float32)

    def _show(self, stage: str, about: Path) -> None:
        told = Pictures.model_validate_json(opening.read_file(about, opening.RUN_FACTS))
        picture = opening.read_file(about.with_suffix(".picture"), opening.PICTURE)
        ending = told.file.rpartition(".")[2]
        named = told.model_copy(update={"stage": stage, "file": f"{stage}.{ending}"})
        self._run.picture(named, picture)

    def keep(self, epochs: int) -> None:
        """Keep the run as it is after so many epochs; a warning says where nothing can be kept."""
        self._store.keep(
            STAGE_WEIGHTS,
            self._weights_facts(epochs),
            lambda folder: self._copy_weights(folder, epochs),
        )
        self._store.keep(
            STAGE_RECORDS,
            self._records_facts(epochs),
            lambda folder: self._copy_records(folder, epochs),
        )

    def _copy_weights(self, folder: Path, epochs: int) -> None:
        run = self._run
        self._copy(run.checkpoint("last"), folder / STATE)
        for index, stage in enumerate(prefix.stages_within(self._plan, epochs)):
            start = run.checkpoint(f"{stage.name}-start")
            if stage.sampler.needs_weights:
                self._copy(start, folder / f"start-{index}.ckpt")
            about = run.path / PICTURES / f"{stage.name}.json"
            if about.exists():
                told = json.loads(opening.read_file(about, opening.RUN_FACTS))
                self._copy(about, folder / f"cam-{index}.json")
                self._copy(about.with_name(told["file"]), folder / f"cam-{index}.picture")

    def _copy_records(self, folder: Path, epochs: int) -> None:
        run, plan = self._run, self._plan
        lines = [json.dumps(line.as_data()) for line in run.metrics()[:epochs]]
        write_atomically(folder / METRICS, "\n".join(lines) + "\n")
        if plan.best_on is not None:
            self._copy(run.checkpoint("best"), folder / BEST)
        for index, stage in enumerate(prefix.stages_within(plan, epochs)):
            if prefix.hands_on_best(plan, index):
                best = run.checkpoint(f"{stage.name}-best")
                self._copy(best, folder / f"best-{index}.ckpt")

    def _copy(self, source: Path, target: Path) -> None:
        with opening.open_file(source, root=self._run.path) as file:
            write_atomically(target, file.read())


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
        store = Store.of_user()
    except CacheError:
        return None
    return StageCache(plan, data, run, root, options, store, machine)


def _parameters(saved: Saved) -> list[Parameter]:
    """What was saved, without notes, in its order."""
    return [
        Parameter(Tensor(value), name=name, requires_grad=False)
        for name, value in saved.items()
        if name not in NOTES and isinstance(value, np.ndarray)
    ]


def _words(plan: Plan, epochs: int) -> str:
    """What the epochs are, for people."""
    chains = []
    for stage in prefix.stages_within(plan, epochs):
        tricks = (stage.sampler, stage.mixer, stage.loss, stage.classifier, stage.teacher)
        chains.append(" + ".join(trick.name for trick in tricks if trick is not None))
    return f"{epochs} epochs of {plan.dataset}, {plan.model}, seed {plan.seed}: {'; '.join(chains)}"
