"""What is random in a stage: which images its epochs visit, and what its tricks draw for them.

All of it is a function of seed, epoch and step. It is drawn for a whole step, whoever shares that, and then cut to what
one worker has of it. How single images are augmented is drawn where they are read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ltdsl_runtime.data.columns import LOSS, MIX, WARP, numbered
from ltdsl_runtime.tricks.samplers import Moment, order, reversed_order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any, TypeAlias

    from numpy.typing import NDArray

    from ltdsl.plan import Plan, StagePlan
    from ltdsl_runtime.data.part import Part
    from ltdsl_runtime.data.source import Column, Streams
    from ltdsl_runtime.training.tricks import StageTricks
    from ltdsl_runtime.tricks.losses.cell import Draw
    from ltdsl_runtime.tricks.mixers import Mixer

    Array: TypeAlias = NDArray[Any]


class StageDraws:
    """The draws of one stage, as its :class:`ltdsl_runtime.data.source.StageSource` asks for them.

    Args:
        plan: The run.
        stage: The stage.
        part: The training images.
        tricks: What draws.
        rows: Which images of a step are this worker's.
    """

    def __init__(
        self, plan: Plan, stage: StagePlan, part: Part, tricks: StageTricks, rows: slice
    ) -> None:
        self._plan = plan
        self._stage = stage
        self._labels, self._size = part.labels, part.shape[1:]
        self._tricks = tricks
        self._rows = rows

    def order(self, epoch: int) -> Array:
        """The images of an epoch of the run, as indices."""
        return order(self._stage.sampler, self._labels, self._moment(epoch))

    def partners(self, epoch: int) -> Array:
        """The second images of its pairs."""
        return reversed_order(self._stage.sampler, self._labels, self._moment(epoch))

    def __call__(self, streams: Streams, epoch: int, batches: Array) -> Mapping[str, Column]:
        """The tricks' columns of an epoch; see :data:`ltdsl_runtime.data.source.Draws`."""
        warp, mixer, mask = self._tricks.sampling.draw, self._tricks.mixer, self._tricks.loss.draw
        columns: dict[str, Column] = {}
        if warp is not None:
            rng = streams("warp")
            columns |= _stacked(WARP, [self._own(warp(rng, labels)) for labels in batches])
        if mixer is not None:
            rng = streams("mix")
            columns |= _stacked(MIX, [self._mix(mixer, rng) for _ in batches])
        if mask is not None:
            columns |= _when_asked(
                lambda step: self._mask(mask, streams("loss", step)), len(batches)
            )
        return columns

    def _moment(self, epoch: int) -> Moment:
        stage = self._stage
        return Moment(self._plan.seed, epoch, stage.start, stage.end, self._plan.epochs)

    def _own(self, columns: Iterable[Array]) -> tuple[Array, ...]:
        """What this worker has of columns with a row for each image of a step."""
        return tuple(column[self._rows] for column in columns)

    def _mix(self, mixer: Mixer, rng: np.random.Generator) -> tuple[Array, ...]:
        """Which images of a step are mixed, where that is not drawn by their order, and how."""
        images = self._stage.step_images
        pairs = () if self._stage.has_partner else (rng.permutation(images).astype(np.int32),)
        drawn = mixer.draw(rng, images, self._size)
        whole, by_image = drawn[: mixer.of_batch], drawn[mixer.of_batch :]
        return (*self._own(pairs), *whole, *self._own(by_image))

    def _mask(self, draw: Draw, rng: np.random.Generator) -> tuple[Array, ...]:
        """What the loss draws for the images that a step learns, all first images before all second ones."""
        sets = 2 if self._tricks.learns_pairs else 1
        return tuple(
            np.concatenate([self._tricks.own(part, self._rows) for part in np.split(column, sets)])
            for column in draw(rng, sets * self._stage.step_images)
        )


def _stacked(prefix: str, steps: list[tuple[Array, ...]]) -> dict[str, Column]:
    """Columns of an epoch from the draws of its steps."""
    return numbered(prefix, (np.stack(column) for column in zip(*steps, strict=True)))


def _when_asked(draw: Callable[[int], tuple[Array, ...]], steps: int) -> dict[str, Column]:
    """The loss's columns of an epoch, from the function that draws those of a step."""
    return numbered(LOSS, (_Drawn(draw, index, steps) for index in range(len(draw(0)))))


class _Drawn:
    """A column whose rows are drawn when they are asked for, each from the step's own stream.

    An epoch of masks of a batch's images and classes would take gigabytes where classes are thousands.
    """

    def __init__(self, draw: Callable[[int], tuple[Array, ...]], index: int, steps: int) -> None:
        self._draw = draw
        self._index = index
        self._steps = steps

    def __len__(self) -> int:
        return self._steps

    def __getitem__(self, step: int, /) -> Array:
        return self._draw(step)[self._index]
