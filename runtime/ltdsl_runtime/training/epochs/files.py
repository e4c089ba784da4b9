"""The files of a run's first epochs: copied from its directory, and written as if another run had trained them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from mindspore import Parameter, Tensor

from ltdsl import prefix
from ltdsl.runs.layout import METRICS, PICTURES
from ltdsl.runs.metrics import Epoch
from ltdsl.runs.pictures import Pictures
from ltdsl.system import opening
from ltdsl.system.files import write_atomically
from ltdsl_runtime.training.stages import rates_of_steps
from ltdsl_runtime.weights import checkpoints
from ltdsl_runtime.weights.classes import FACT, as_fact
from ltdsl_runtime.weights.restore import epoch_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ltdsl.plan import Plan
    from ltdsl_runtime.data import LoadedData
    from ltdsl_runtime.rundir.directory import RunDirectory
    from ltdsl_runtime.weights.records import Saved

#: The files of entries; those of stages have the stage's number.
STATE, BEST = "state.ckpt", "best.ckpt"

#: What :class:`ltdsl_runtime.training.keeping.Keeper` notes in checkpoints.
NOTES = ("plan_sha256", FACT, "epoch", "stage")


@dataclass(frozen=True)
class Taking:
    """Writes epochs that another run has trained.

    Attributes:
        plan: The run that takes them.
        data: What it is trained on.
        run: Its directory.
    """

    plan: Plan
    data: LoadedData
    run: RunDirectory

    def take(self, epochs: int, weights: Path, records: Path) -> None:
        """Bring the run's directory to where it is after some epochs.

        Args:
            epochs: How many.
            weights: A folder with what :meth:`StageFiles.copy_weights` copies.
            records: A folder with what :meth:`StageFiles.copy_records` copies.

        Raises:
            RunError: LT411, a checkpoint is damaged; LT424, the directory cannot be written to.
            OSError: A file cannot be read.
            ValueError: It is of another form.
        """
        run, plan = self.run, self.plan
        lines = read_epochs(records, epochs)
        within = prefix.stages_within(plan, epochs)
        for index, stage in enumerate(within):
            start, best = weights / f"start-{index}.ckpt", records / f"best-{index}.ckpt"
            if stage.sampler.needs_weights:
                self._write(start, f"{stage.name}-start")
            if index == 0 and not best.exists():
                best = (
                    records / BEST
                )  # of the first stage, the best epoch so far is that of the run
            if prefix.hands_on_best(plan, index) and best.exists():
                self._write(best, f"{stage.name}-best")
            about = weights / f"cam-{index}.json"
            if about.exists():
                self._show(stage.name, about)
        if (records / BEST).exists():
            self._write(records / BEST, "best")
        run.go_on_after(
            [line.model_copy(update={"stage": plan.stage_at(line.epoch).name}) for line in lines]
        )
        # last of all, as always: it says that all before it is there
        self._write(weights / STATE, "last")

    def _write(self, source: Path, name: str) -> None:
        """Write a checkpoint of the cache as this run would have written it."""
        saved = checkpoints.load(source, sealed=True)
        path = self.run.checkpoint(name)
        facts: dict[str, Any] = {
            "plan_sha256": self.plan.digest(),
            FACT: as_fact(self.data.train.class_names),
        }
        if "epoch" in saved:
            epoch = epoch_of(saved, source)
            facts |= {"epoch": epoch, "stage": self.plan.stage_at(epoch).name}
            rates = self._rates(epoch)
            saved |= {rate: value for rate, value in rates.items() if rate in saved}
        with self.run.writing(path):
            checkpoints.save(path, _parameters(saved), **facts)

    def _rates(self, epoch: int) -> dict[str, Any]:
        """The learning rates of the optimizer that an epoch was trained with, each float32 [steps], by name."""
        index = self.plan.stages.index(self.plan.stage_at(epoch))
        first = self.plan.optimizer_begun(index)
        rates = rates_of_steps(self.plan, first, self.data.counts)
        return {name: np.asarray(each, np.float32) for name, each in rates.saved().items()}

    def _show(self, stage: str, about: Path) -> None:
        told = Pictures.model_validate_json(opening.read_file(about, opening.RUN_FACTS))
        picture = opening.read_file(about.with_suffix(".picture"), opening.PICTURE)
        ending = told.file.rpartition(".")[2]
        named = told.model_copy(update={"stage": stage, "file": f"{stage}.{ending}"})
        self.run.picture(named, picture)


@dataclass(frozen=True)
class StageFiles:
    """Copies what a run has of its first epochs.

    Attributes:
        plan: The run.
        run: Its directory, as it is after these epochs.
    """

    plan: Plan
    run: RunDirectory

    def copy_weights(self, folder: Path, epochs: int) -> None:
        """Copy weights and optimizer, what stages with `cam_bs` started from, and what training recorded."""
        run = self.run
        self._copy(run.checkpoint("last"), folder / STATE)
        write_epochs(folder, [line.as_trained() for line in run.metrics()[:epochs]])
        for index, stage in enumerate(prefix.stages_within(self.plan, epochs)):
            start = run.checkpoint(f"{stage.name}-start")
            if stage.sampler.needs_weights:
                self._copy(start, folder / f"start-{index}.ckpt")
            about = run.path / PICTURES / f"{stage.name}.json"
            if about.exists():
                told = json.loads(opening.read_file(about, opening.RUN_FACTS))
                self._copy(about, folder / f"cam-{index}.json")
                self._copy(about.with_name(told["file"]), folder / f"cam-{index}.picture")

    def size_of_weights(self, epochs: int) -> int:
        """Bytes of the checkpoints that :meth:`copy_weights` copies."""
        run = self.run
        starts = [
            run.checkpoint(f"{s.name}-start") for s in prefix.stages_within(self.plan, epochs)
        ]
        return sum(
            path.stat().st_size for path in (run.checkpoint("last"), *starts) if path.exists()
        )

    def copy_records(self, folder: Path, epochs: int) -> None:
        """Copy the records of epochs, and the weights of the best ones."""
        run, plan = self.run, self.plan
        write_epochs(folder, run.metrics()[:epochs])
        if run.checkpoint("best").exists():  # not before the first evaluation
            self._copy(run.checkpoint("best"), folder / BEST)
        for index, stage in enumerate(prefix.stages_within(plan, epochs)):
            best = run.checkpoint(f"{stage.name}-best")
            if prefix.hands_on_best(plan, index) and best.exists():
                self._copy(best, folder / f"best-{index}.ckpt")

    def _copy(self, source: Path, target: Path) -> None:
        copy(source, target, self.run.path)


def copy(source: Path, target: Path, root: Path | None = None) -> None:
    """Copy a file, which may lead out of no root."""
    with opening.open_file(source, root=root) as file:
        write_atomically(target, file.read())


def write_epochs(folder: Path, epochs: Iterable[Epoch]) -> None:
    """Write a line for each epoch."""
    lines = [json.dumps(epoch.as_data()) for epoch in epochs]
    write_atomically(folder / METRICS, "\n".join(lines) + "\n")


def read_epochs(folder: Path, epochs: int) -> list[Epoch]:
    """The lines of so many epochs.

    Raises:
        OSError: They cannot be read.
        ValueError: They are of another form, or of other epochs.
    """
    lines = opening.read_file(folder / METRICS, opening.FIGURES).splitlines()
    found = [Epoch.model_validate_json(line) for line in lines]
    if [line.epoch for line in found] != list(range(epochs)):
        raise ValueError("not all epochs are there")
    return found


def _parameters(saved: Saved) -> list[Parameter]:
    """What was saved, without notes, in its order."""
    return [
        Parameter(Tensor(value), name=name, requires_grad=False)
        for name, value in saved.items()
        if name not in NOTES and isinstance(value, np.ndarray)
    ]
