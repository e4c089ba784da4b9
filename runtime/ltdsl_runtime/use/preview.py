"""What a run would do: all that is asked before its first step, and what it would read and write; nothing is kept."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ltdsl.runs.layout import CHECKPOINTS, REPORT, TENSORBOARD
from ltdsl.wording import counted
from ltdsl_runtime.rundir.directory import must_be_possible_to_make
from ltdsl_runtime.training.run import run

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ltdsl.display.console import Console
    from ltdsl.options import Origin, RunOptions
    from ltdsl.plan import Plan
    from ltdsl_runtime.data import LoadedData
    from ltdsl_runtime.parallel.cluster import Workers
    from ltdsl_runtime.rundir.directory import RunDirectory


def preview(plan: Plan, origin: Origin, out: Path, console: Console, options: RunOptions) -> None:
    """Check all that a run checks, and say what it would train, read and write.

    It is begun in a temporary folder, which is removed.

    Args:
        plan: What would be trained.
        origin: What it was made from.
        out: Where the run would be.
        console: Where it is said.
        options: How it would be trained.

    Raises:
        RunError: What would stop the run before its first step.
    """
    must_be_possible_to_make(out)
    with tempfile.TemporaryDirectory(prefix="ltdsl-dry-run-") as name:
        then = partial(_look, out, origin)
        run(plan, origin, Path(name) / "run", console, options, then=then)


def _look(
    out: Path,
    origin: Origin,
    plan: Plan,
    loaded: LoadedData,
    directory: RunDirectory,
    console: Console,
    options: RunOptions,
    root: Path,
    workers: Workers,
) -> dict[str, Any]:
    # they import mindspore, which must find the environment prepared
    from ltdsl_runtime.training.epochs.cache import stage_cache
    from ltdsl_runtime.training.preconditions import must_be_possible
    from ltdsl_runtime.training.progress import Reporter
    from ltdsl_runtime.training.train import Trainer

    shared = stage_cache(plan, loaded, directory, root, options)
    trainer = Trainer(plan, loaded, directory, Reporter(console, plan), options, root, workers)
    weights = must_be_possible(plan, loaded, trainer.network, directory, where=out)
    taken = shared.there() if shared is not None and origin.begins is None else 0
    points = sorted(point for point in shared.points if point > taken) if shared is not None else []
    for line in (
        *_trained(plan, loaded, taken),
        *_read(plan, loaded, options, root),
        *_written(out, weights, points, options),
    ):
        console.say(line)
    return {}


def _trained(plan: Plan, loaded: LoadedData, taken: int) -> Iterator[str]:
    steps = sum(
        (stage.end - max(stage.start, taken)) * stage.steps_per_epoch(loaded.counts)
        for stage in plan.stages
        if stage.end > taken
    )
    there = f"; the {taken:,} before are in the cache" if taken else ""
    yield f"would train: {counted(plan.epochs - taken, 'epoch')}, {counted(steps, 'step')}{there}"


def _read(plan: Plan, loaded: LoadedData, options: RunOptions, root: Path) -> Iterator[str]:
    parts = ", ".join(f"{len(part):,} {name}" for name, part in loaded.parts.items())
    place = f" in {options.data}" if options.data else ""
    yield f"would read: {plan.dataset}{place}, images: {parts}"
    named = [plan.init, *(stage.teacher.teacher for stage in plan.stages if stage.teacher)]
    for name in dict.fromkeys(filter(None, named)):
        yield f"would read: {root / name if (root / name).exists() else name}"


def _written(out: Path, weights: int, points: Sequence[int], options: RunOptions) -> Iterator[str]:
    yield f"would write: {out}, {CHECKPOINTS} of at least {weights / 1e6:,.1f} MB, {REPORT}"
    if options.tensorboard:
        yield f"would write: {out / TENSORBOARD}"
    if options.keep_cam:
        yield f"would write: {options.keep_cam}"
    if points:
        *first, last = points
        ends = ", ".join([*(f"{point:,}" for point in first), counted(last, "epoch")])
        yield f"would write: the cache, the state after {ends}"
    if options.cache_evaluated:
        yield "would write: the cache, the weights after each epoch that is evaluated"
    if options.track:
        yield f"would tell: {', '.join(options.track)}"
