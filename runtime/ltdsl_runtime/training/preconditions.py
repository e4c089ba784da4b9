"""What every stage of a run needs, asked before the first of them is trained."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from ltdsl.wording import counted
from ltdsl_runtime.data import read
from ltdsl_runtime.errors import RunError
from ltdsl_runtime.models import planned_network
from ltdsl_runtime.tricks.registry import must_suit

if TYPE_CHECKING:
    from pathlib import Path

    from ltdsl.plan import Plan, StagePlan
    from ltdsl_runtime.data import LoadedData
    from ltdsl_runtime.models import Network
    from ltdsl_runtime.rundir.directory import RunDirectory


def must_be_possible(
    plan: Plan,
    data: LoadedData,
    network: Network,
    run: RunDirectory,
    done: int = 0,
    where: Path | None = None,
) -> int:
    """Refuse a run that would stop in a later stage.

    Checkpoints that the recipe names are read before, so they are there.

    Args:
        plan: The run.
        data: What it is trained on.
        network: The trained one.
        run: Where everything goes.
        done: Epochs that are done.
        where: Where the run will be, if that is elsewhere.

    Returns:
        Bytes that its checkpoints take at least.

    Raises:
        RunError: LT404, a stage has not one full batch; LT431, the model does not suit a sampler or a
            classifier; LT424, the disk has no room for the checkpoints.
    """
    for stage in plan.stages:
        if stage.end <= done:
            continue
        images = stage.sampler.draws(data.counts)
        if images < stage.step_images:
            raise RunError(
                "LT404",
                f"an epoch of stage `{stage.name}` has {counted(images, 'image')}, fewer than a batch of "
                f"{stage.step_images:,}",
                "begin a run with a lower batch_size for it",
            )
        must_suit(stage.sampler, network, data.train.shape)
        _must_have_features(plan, stage, network, len(data.counts))
    return _must_have_room(plan, network, run, where or run.path)


def model_must_suit(plan: Plan, folder: Path | None, root: Path) -> None:
    """Refuse a plan whose model does not suit a stage's sampler; reads what images there are, but none of them.

    Args:
        plan: The run.
        folder: What ``--data`` names.
        root: The recipe's folder.

    Raises:
        RunError: LT430 or LT431, the model is not there or unsuitable.
    """
    part = read(plan.dataset, folder, root).train
    network = planned_network(plan, len(part.class_names), part.shape[0])
    for stage in plan.stages:
        must_suit(stage.sampler, network, part.shape)
        _must_have_features(plan, stage, network, len(part.class_names))


def _must_have_features(plan: Plan, stage: StagePlan, network: Network, classes: int) -> None:
    """Refuse a classifier that has too few features for a stage's classifier trick."""
    held, found = stage.classifier, network.classifier.weight.shape[1]
    if held is not None and found < (least := held.least_features(classes)):
        raise RunError(
            "LT431",
            f"`{held.name}` in stage `{stage.name}` needs {least:,} features for {classes:,} classes, and "
            f"`{plan.model.name}` has {found:,}",
            "choose a model with more features before its classifier",
        )


def _must_have_room(plan: Plan, network: Network, run: RunDirectory, where: Path) -> int:
    """Refuse a disk that cannot hold the weights of all checkpoints; what an optimizer keeps comes on top."""
    weights = sum(parameter.asnumpy().nbytes for parameter in network.get_parameters())
    names = ["last", "previous", *(["best"] if plan.best_on else [])]
    names += [f"{stage.name}-start" for stage in plan.stages if stage.sampler.needs_weights]
    pairs = zip(plan.stages, plan.stages[1:], strict=False)
    names += [f"{before.name}-best" for before, after in pairs if after.handoff == "best"]
    missing = sum(not run.checkpoint(name).exists() for name in names)
    needed = (missing + 1) * weights  # one is written beside the one that it replaces
    there = next(path for path in (where, *where.absolute().parents) if path.exists())
    free = shutil.disk_usage(there).free
    if free < needed:
        raise RunError(
            "LT424",
            f"the checkpoints of this run take at least {_megabytes(needed)}, and {where} has room for "
            f"{_megabytes(free)}",
            "free space, or choose another folder with --out",
        )
    return needed


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
