"""Lowering of one stage: its dataset and its training graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ltdsl_runtime.data.augment import AUGMENTATIONS
from ltdsl_runtime.data.source import StageSource
from ltdsl_runtime.graph.normalise import Normalise
from ltdsl_runtime.graph.over_classes import SplitDivergence, SplitLoss
from ltdsl_runtime.graph.precision import Update
from ltdsl_runtime.graph.step import TrainStep
from ltdsl_runtime.models.scaled import FACTORS
from ltdsl_runtime.models.split import Split
from ltdsl_runtime.parallel.cluster import ALONE
from ltdsl_runtime.tricks.registry import (
    CLASSIFIERS,
    LOSSES,
    MIXERS,
    TEACHERS,
    Sampling,
    build_sampling,
)
from ltdsl_runtime.tricks.samplers import Moment, order, reversed_order

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mindspore import Parameter, nn

    from ltdsl.plan import Plan, StagePlan
    from ltdsl_runtime.data import LoadedData
    from ltdsl_runtime.models import Network
    from ltdsl_runtime.parallel.cluster import Workers


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


def rates_of_steps(plan: Plan, first: int, counts: tuple[int, ...]) -> list[float]:
    """The learning rate of every step from a stage on, until another stage starts a fresh optimizer.

    Args:
        plan: The run.
        first: Index of the stage whose optimizer it is.
        counts: Training images of each class.
    """
    rates: list[float] = []
    for index, stage in enumerate(plan.stages[first:]):
        if index and stage.fresh_optimizer:
            break
        steps = stage.steps_per_epoch(counts)
        for epoch in range(stage.start, stage.end):
            rates += [stage.rate(epoch)] * steps
    return rates


def begin_stage(plan: Plan, stage: StagePlan, network: Network) -> list[Parameter]:
    """Prepare a network for a stage.

    Returns:
        The parameters that the stage trains.
    """
    alone = stage.classifier
    network.body_is_frozen = alone is not None and alone.statistics == "frozen"
    if stage.classifier is not None:
        return CLASSIFIERS[stage.classifier.name](plan, stage, network)
    return [p for p in network.trainable_params() if p.name != FACTORS]


def build_stage(
    plan: Plan,
    stage: StagePlan,
    data: LoadedData,
    network: Network,
    optimizer: nn.Optimizer,
    teacher: nn.Cell | None = None,
    sampling: Sampling | None = None,
    workers: Workers = ALONE,
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

    Raises:
        DataError: LT404, an epoch has not one full batch.
    """
    if sampling is None:
        sampling = build_sampling(stage.sampler, network, data)
    mixer = MIXERS[stage.mixer.name](stage.mixer, data.counts) if stage.mixer else None
    objective = LOSSES[stage.loss.name](stage.loss, data.counts)
    labels, size = data.train.labels, data.train.shape[1:]
    has_partner = stage.sampler.has_partner or (stage.mixer is not None and stage.mixer.has_partner)
    images = stage.step_images
    learned = images * (2 if has_partner and mixer is None else 1)
    rows, loss = slice(None), objective.loss
    if workers.size > 1:
        rows = workers.rows(images)
        objective.reduction.share(workers.size)
    distil = TEACHERS[stage.teacher.name](stage.teacher) if stage.teacher else None
    if network.part is not None:
        loss = SplitLoss(loss, network.part)
        if distil is not None:
            distil.divergence = SplitDivergence(distil.divergence, network.part)

    def moment(epoch: int) -> Moment:
        return Moment(plan.seed, epoch, stage.start, stage.end, plan.epochs)

    def mix(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        pairs = () if has_partner else (rng.permutation(images).astype(np.int32),)
        drawn = mixer.draw(rng, images, size)
        whole, own = drawn[: mixer.of_batch], drawn[mixer.of_batch :]
        return (*(c[rows] for c in pairs), *whole, *(c[rows] for c in own))

    def warp(rng: np.random.Generator, labels: np.ndarray) -> tuple[np.ndarray, ...]:
        return tuple(column[rows] for column in sampling.draw(rng, labels))

    def own(column: np.ndarray) -> np.ndarray:
        if network.part is not None:
            return loss.columns(column)
        return column[rows]

    def mask(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        # where pairs are learned, their first images come before their second ones
        return tuple(
            np.concatenate([own(half) for half in np.split(column, learned // images)])
            for column in loss.draw(rng, learned)
        )

    def draws(streams, epoch: int, batches: np.ndarray) -> Mapping[str, np.ndarray]:
        del epoch
        columns = {}
        if sampling.draw is not None:
            rng = streams("warp")
            columns |= _stack("warp", [warp(rng, labels) for labels in batches])
        if mixer is not None:
            rng = streams("mix")
            columns |= _stack("mix", [mix(rng) for _ in batches])
        if loss.draw is not None:
            columns |= _by_step(lambda step: mask(streams("loss", step)), len(batches))
        return columns

    source = StageSource(
        data.train,
        lambda epoch: order(stage.sampler, labels, moment(epoch)),
        stage.step_images,
        stage.start,
        stage.epochs,
        plan.seed,
        [AUGMENTATIONS[entry.name](**dict(entry)) for entry in stage.augment],
        draws,
        partner=(lambda epoch: reversed_order(stage.sampler, labels, moment(epoch)))
        if has_partner
        else None,
        rows=rows,
    )
    step = TrainStep(
        network,
        loss,
        objective.reduction,
        Update(
            optimizer,
            plan.clip_norm,
            scaled=plan.precision == "fp16",
            own=Split(network).flags(optimizer.parameters),
        ),
        Normalise(data.mean, data.std),
        source.columns[2:],
        sampling.transform,
        mixer,
        teacher,
        distil,
        plan.precision,
        stage.accumulate,
        workers,
    )
    return Stage(stage, source, step)


def _stack(name: str, batches: list[tuple[np.ndarray, ...]]) -> dict[str, np.ndarray]:
    """Columns of an epoch from the draws of its batches."""
    return {f"{name}{i}": np.stack(column) for i, column in enumerate(zip(*batches, strict=True))}


class _Drawn(Sequence):
    """A column whose rows are drawn when they are asked for, each from the step's own stream.

    An epoch of masks of a batch's images and classes would take gigabytes where classes are thousands.
    """

    def __init__(self, draw: Callable[[int], np.ndarray], steps: int) -> None:
        self._draw = draw
        self._steps = steps

    def __len__(self) -> int:
        return self._steps

    def __getitem__(self, step: int) -> np.ndarray:
        return self._draw(step)


def _by_step(
    draw: Callable[[int], tuple[np.ndarray, ...]], steps: int
) -> dict[str, Sequence[np.ndarray]]:
    """The loss's columns of an epoch, from the function that draws those of a step."""
    return {f"loss{i}": _Drawn(lambda step, i=i: draw(step)[i], steps) for i in range(len(draw(0)))}
