"""Lowering of one stage: its dataset and its training graph."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from mindspore import nn

from ltdsl_runtime.data.augment import AUGMENTATIONS
from ltdsl_runtime.data.columns import Places
from ltdsl_runtime.data.source import StageSource
from ltdsl_runtime.graph.normalise import Normalise
from ltdsl_runtime.graph.precision import Update
from ltdsl_runtime.graph.step import TrainStep
from ltdsl_runtime.models.scaled import FACTORS
from ltdsl_runtime.models.split import Split
from ltdsl_runtime.parallel.cluster import ALONE
from ltdsl_runtime.plugged import implementation
from ltdsl_runtime.training.draws import StageDraws
from ltdsl_runtime.training.feature_source import FeatureSource
from ltdsl_runtime.training.tricks import build_tricks
from ltdsl_runtime.tricks.optimizers import Rates, build_optimizer
from ltdsl_runtime.tricks.registry import (
    CLASSIFIERS,
    build_average,
    build_constraint,
    build_sampling,
    build_sharpness,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from mindspore import Parameter
    from numpy.typing import NDArray

    from ltdsl.plan import Plan, StagePlan
    from ltdsl_runtime.data import LoadedData
    from ltdsl_runtime.models import Network
    from ltdsl_runtime.parallel.cluster import Workers
    from ltdsl_runtime.tricks.registry import Sampling


@dataclass(frozen=True)
class Stage:
    """A stage, ready to train.

    Attributes:
        plan: What was asked for.
        source: Its batches.
        step: Its graph.
    """

    plan: StagePlan
    source: StageSource
    step: TrainStep


def rates_of_steps(plan: Plan, first: int, counts: tuple[int, ...]) -> Rates:
    """The learning rates of every step from a stage on, until another stage starts a fresh optimizer.

    Args:
        plan: The run.
        first: Index of the stage whose optimizer it is.
        counts: Training images of each class.
    """
    stages = [plan.stages[first]]
    for stage in plan.stages[first + 1 :]:
        if stage.fresh_optimizer:
            break
        stages.append(stage)
    rates: list[float] = []
    body: list[float] = []
    for stage in stages:
        steps = stage.steps_per_epoch(counts)
        for epoch in range(stage.start, stage.end):
            rates += [stage.rate(epoch)] * steps
            body += [stage.rate(epoch) * stage.body_lr] * steps
    own = any(stage.body_lr != 1 for stage in stages)
    return Rates(rates, body if own else None)


def optimizer_of(
    plan: Plan,
    index: int,
    data: LoadedData,
    network: Network,
    trained: Sequence[Parameter],
    begun: int | None = None,
) -> nn.Optimizer:
    """The optimizer of a stage, as it is when the stage that began it starts.

    Args:
        plan: The run.
        index: The stage's place in it.
        data: What is trained on.
        network: The model.
        trained: The parameters that the stage trains.
        begun: The stage that began it, where that is another one than the plan says.
    """
    first = plan.optimizer_begun(index) if begun is None else begun
    rates = rates_of_steps(plan, first, data.counts)
    head = [p.name for p in network.classifier.get_parameters()]
    return build_optimizer(plan.stages[index].optimizer, trained, rates, head)


def begin_stage(plan: Plan, stage: StagePlan, network: Network) -> list[Parameter]:
    """Prepare a network for a stage.

    Returns:
        The parameters that the stage trains.
    """
    network.body_is_frozen = stage.body_is_frozen
    network.norms_are_frozen = stage.batch_norm == "frozen"
    if stage.classifier is not None:
        return implementation(CLASSIFIERS, stage.classifier)(plan, stage, network)
    whole = network.classifier if stage.body == "frozen" else network
    return [p for p in whole.trainable_params() if p.name != FACTORS]


def build_stage(
    plan: Plan,
    stage: StagePlan,
    data: LoadedData,
    network: Network,
    optimizer: nn.Optimizer,
    teacher: Network | None = None,
    sampling: Sampling | None = None,
    workers: Workers = ALONE,
    features: Callable[[int], NDArray[np.float32]] | None = None,
) -> Stage:
    """Make a stage's dataset and graph from its plan.

    Args:
        plan: The run.
        stage: The stage.
        data: What is trained on.
        network: The model, with the weights that the stage starts from.
        optimizer: In the state that the stage starts from.
        teacher: A frozen network, for a stage with a teacher; with as many of the classes as ``network``.
        sampling: What the sampler does; made from ``network`` where it is not given.
        workers: Who share each batch.
        features: The number of a view to the features of all training images in it, for a network that takes these;
            None for one that takes images.

    Raises:
        DataError: LT404, an epoch has not one full batch.
    """
    sampling = sampling or build_sampling(stage.sampler, network, data)
    tricks = build_tricks(stage, data, network, sampling, workers)
    rows = workers.rows(stage.step_images)
    draws = StageDraws(plan, stage, data.train, tricks, rows)
    source = partial(StageSource) if features is None else partial(FeatureSource, features=features)
    batches = source(
        data.train,
        draws.order,
        stage.step_images,
        stage.start,
        stage.epochs,
        plan.seed,
        [implementation(AUGMENTATIONS, entry)(**dict(entry)) for entry in stage.augment],
        draws,
        draws.partners if stage.has_partner else None,
        rows=rows,
        views=stage.views,
    )
    update = Update(
        optimizer,
        plan.clip_norm,
        scaled=plan.precision == "fp16",
        own=Split(network).flags(optimizer.parameters),
    )
    step = TrainStep(
        network,
        tricks.loss,
        tricks.reduction,
        update,
        Normalise(data.mean, data.std) if features is None else nn.Identity(),
        Places.of(batches.columns),
        tricks.sampling.transform,
        tricks.mixer,
        teacher,
        tricks.distil,
        plan.precision,
        stage.accumulate,
        workers,
        build_sharpness(stage.sharpness, network, optimizer.parameters, update.own),
        build_constraint(stage.constraint, network),
        build_average(stage.average, network),
    )
    return Stage(stage, batches, step)
