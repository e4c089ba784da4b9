"""The networks of a run: the one that is trained, as it starts, and those that stand beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ltdsl.catalogue.models import PRETRAINED
from ltdsl_runtime.models import freeze, planned_network
from ltdsl_runtime.models.classifiers import use_factors
from ltdsl_runtime.models.split import split_network
from ltdsl_runtime.training.agreement import must_start_alike
from ltdsl_runtime.weights import checkpoints
from ltdsl_runtime.weights.classes import names_in, related, told
from ltdsl_runtime.weights.published import published_file
from ltdsl_runtime.weights.restore import restored_network
from ltdsl_runtime.weights.start import started_from

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ltdsl.plan import Plan
    from ltdsl_runtime.data import LoadedData
    from ltdsl_runtime.models import Network
    from ltdsl_runtime.parallel.cluster import Workers
    from ltdsl_runtime.parallel.part import ClassPart


def network_to_train(
    plan: Plan,
    data: LoadedData,
    root: Path,
    workers: Workers,
    say: Callable[[str], None],
    begin: Path | None = None,
) -> Network:
    """The plan's model as the run starts: alike on all workers, each with its own classes where they are split.

    Args:
        plan: The run.
        data: What it is trained on.
        root: Folder that a checkpoint named in the recipe is relative to.
        workers: Who train it.
        say: Told in a sentence where the checkpoint's classifier is not simply taken, or the model has no dropout.
        begin: The weights of another run that it begins with, in the place of that checkpoint.

    Raises:
        RunError: LT411 or LT412, the checkpoint cannot be used; LT473, workers have other weights.
    """
    classes = len(data.counts)
    path = begin or _init_file(plan, root)
    network = _first_weights(plan, data, path, say)
    if left_out := network.dropouts_left_out:
        where = "one place" if left_out == 1 else f"{left_out} places"
        say(
            f"`{plan.model}` drops units or blocks out at random in {where}: it is trained without, as what is "
            "dropped could not be repeated"
        )
    if any(stage.classifier and stage.classifier.adds_factors for stage in plan.stages):
        use_factors(network, classes)
    must_start_alike(network, workers)
    if (part := workers.part(classes)) is not None:
        split_network(network, part)
    return network


def _init_file(plan: Plan, root: Path) -> Path | None:
    """The file that a plan starts from; None where it starts from nothing."""
    if plan.init is None:
        return None
    return published_file(plan.model) if plan.init == PRETRAINED else root / plan.init


def _first_weights(
    plan: Plan, data: LoadedData, path: Path | None, say: Callable[[str], None]
) -> Network:
    """The plan's model with its initial weights, or with those of the checkpoint that it starts from."""
    classes, channels = len(data.counts), data.train.shape[0]
    if path is None:
        return planned_network(plan, classes, channels)
    start = started_from(plan, classes, channels, path, data.train.class_names, say)
    if start.said is not None:
        say(start.said)
    return start.network


def teacher_at(
    path: Path,
    plan: Plan,
    data: LoadedData,
    part: ClassPart | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Network:
    """A frozen model that stages learn from, with the weights of a checkpoint.

    Args:
        path: The checkpoint.
        plan: The run.
        data: What it is trained on.
        part: The classes that the trained network has; None for all.
        say: Told in a sentence where its classes are not certain, or in another order.

    Raises:
        RunError: LT411 or LT412, it cannot be used; LT414, it knows other classes.
    """
    saved = checkpoints.load(path)
    names = data.train.class_names
    classes, channels = len(data.counts), data.train.shape[0]
    teacher = freeze(restored_network(plan, classes, channels, saved, path, names))
    if (said := told(related(names_in(saved, path), names).kind, path)) is not None:
        say(said)
    if part is not None:
        split_network(teacher, part)
    return teacher


def network_at(path: Path, plan: Plan, data: LoadedData) -> Network:
    """Another network of the plan's model, of all classes, with the weights of a checkpoint.

    Raises:
        RunError: LT411 or LT412, it cannot be used.
    """
    classes, channels = len(data.counts), data.train.shape[0]
    return restored_network(plan, classes, channels, checkpoints.load(path), path)
