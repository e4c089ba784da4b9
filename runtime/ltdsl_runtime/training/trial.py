"""A few steps of every stage of a plan, and an evaluation on a few images."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ltdsl.wording import counted
from ltdsl_runtime.rundir.directory import RunDirectory
from ltdsl_runtime.rundir.places import noted
from ltdsl_runtime.training.preconditions import must_be_possible
from ltdsl_runtime.training.progress import Reporter
from ltdsl_runtime.training.train import Trainer

if TYPE_CHECKING:
    from pathlib import Path

    from mindspore import nn

    from ltdsl.display.console import Console
    from ltdsl.options import Origin, RunOptions
    from ltdsl.plan import Plan, StagePlan
    from ltdsl.runs.metrics import Epoch
    from ltdsl_runtime.data import LoadedData
    from ltdsl_runtime.data.part import Part
    from ltdsl_runtime.training.resume import Reached
    from ltdsl_runtime.training.stages import Stage

#: Steps of each stage.
STEPS = 2

#: Images of each part that is evaluated.
IMAGES = 64


def try_out(
    plan: Plan,
    loaded: LoadedData,
    origin: Origin,
    out: Path,
    console: Console,
    options: RunOptions,
    root: Path,
) -> Plan:
    """Train every stage for a few steps, from the weights that the one before it leaves, and evaluate.

    Args:
        plan: What would be trained.
        loaded: What it would be trained on.
        origin: What the plan was made from.
        out: A run directory to fill.
        console: Where it is told.
        options: How it would be trained, on the device that was prepared.
        root: Folder that checkpoints named in the recipe are relative to.

    Returns:
        The plan of what was trained.

    Raises:
        RunError: Whatever would stop the run, as far as a few steps show it.
    """
    small, held = shortened(plan), loaded.validation
    few = replace(loaded, test=some(loaded.test), validation=None if held is None else some(held))
    with RunDirectory(out) as directory:
        directory.begin(
            small,
            origin.texts,
            changes=list(origin.changes),
            device=options.device,
            data_sha256=loaded.fingerprint,
            data=loaded.describe(),
            unreadable=list(origin.left_out),
            **noted(out, root, options.data),
        )
        reporter = _Lines(console, plan, loaded.counts)
        trainer = _FewSteps(small, few, directory, reporter, options, root)
        must_be_possible(plan, loaded, trainer.network, directory)
        trainer()
        directory.note(status="finished")
    console.say(f"evaluation: {len(few.test):,} of {counted(len(loaded.test), 'test image')}")
    return small


def shortened(plan: Plan) -> Plan:
    """A plan of the same stages, each of one epoch at the rate of its first."""
    stages = tuple(
        stage.model_copy(
            update={"start": i, "end": i + 1, "rates": ((i, stage.rate(stage.start)),)}
        )
        for i, stage in enumerate(plan.stages)
    )
    return plan.model_copy(update={"epochs": len(stages), "stages": stages})


def some(part: Part) -> Part:
    """Some images of a part, evenly from all of it."""
    number = min(len(part), IMAGES)
    return part.take(np.arange(number) * len(part) // number)


class _FewSteps(Trainer):
    def _kept(self, stage: StagePlan) -> None:
        """Nothing: features of all images take longer than a few steps from images."""
        del stage

    def _begin(self, index: int, optimizer: nn.Optimizer | None, so_far: Reached) -> Stage:
        begun = super()._begin(index, optimizer, so_far)
        return replace(begun, source=replace(begun.source, most_steps=STEPS))


class _Lines(Reporter):
    """What is tried of each stage, out of what would be trained."""

    def __init__(self, console: Console, plan: Plan, counts: tuple[int, ...]) -> None:
        super().__init__(console, plan)
        self._counts = counts

    def stage(self, name: str) -> None:
        """A stage begins."""
        stage = next(stage for stage in self.plan.stages if stage.name == name)
        steps = stage.steps_per_epoch(self._counts)
        which = (
            f"epochs {stage.start} to {stage.end - 1}"
            if stage.epochs > 1
            else f"epoch {stage.start}"
        )
        times = f"{which}, {counted(steps, 'step')} each"
        self.say(f"{name}: {counted(min(STEPS, steps), 'step')}, of {times}")

    def epoch(self, record: Epoch) -> None:
        """Its steps are over, and evaluated."""
        self.say(
            f"  loss {record.loss:.4f}  lr {record.lr:.3g}  {self._evaluated(record)}  "
            f"{record.seconds:.1f} s"
        )
