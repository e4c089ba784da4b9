"""How strongly each class is augmented, epoch by epoch: more while the network still knows the class so changed."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ltdsl_runtime.data.augment.class_strength import ClassStrength
from ltdsl_runtime.data.part import members_by_class
from ltdsl_runtime.streams import generator

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from typing_extensions import Self

    from ltdsl_runtime.data.augment import Augmentation
    from ltdsl_runtime.data.part import Part


@dataclass(frozen=True, eq=False)
class Asked:
    """Training images, each changed at a level: what a class is asked about; see :class:`ltdsl_runtime.data.part.Rows`.

    Attributes:
        part: The training part.
        indices: Which image each is, [N].
        chain: How they are augmented.
        drawn: For each augmentation what it drew, [N, …].
        level: At which level each is, [N].
    """

    part: Part
    indices: NDArray[np.int64]
    chain: Sequence[Augmentation]
    drawn: Sequence[NDArray[Any]]
    level: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def labels(self) -> NDArray[np.int32]:
        """Of each, int32 [N]."""
        return self.part.labels[self.indices]

    @property
    def shape(self) -> tuple[int, ...]:
        """Of each image."""
        return self.part.shape

    def batch(self, indices: NDArray[np.int64]) -> NDArray[np.uint8]:
        """The images, uint8 [B, C, H, W]."""
        return self.part.batch(
            self.indices[indices], self.chain, [rows[indices] for rows in self.drawn]
        )


def asked_of(
    part: Part, chain: Sequence[Augmentation], levels: NDArray[np.int64], seed: int, epoch: int
) -> Asked:
    """What is asked before an epoch: of a class at each level s up to its own, T · (s + 1) images, with replacement.

    Args:
        part: The training part; every class has an image.
        chain: How images are augmented; one step is :class:`ClassStrength`.
        levels: The level of each class, [C].
        seed: The run's.
        epoch: The one that begins.
    """
    (own,) = (step for step in chain if isinstance(step, ClassStrength))
    rng = generator(seed, "curriculum", epoch)
    indices, level = [], []
    for members, highest in zip(members_by_class(part.labels, len(levels)), levels, strict=True):
        for each in range(int(highest) + 1):
            count = own.trials * (each + 1)
            indices.append(rng.choice(members, count))
            level.append(np.full(count, each))
    which, at = np.concatenate(indices), np.concatenate(level)
    drawn = [
        step.at(step.draw(rng, len(which)), at) if step is own else step.draw(rng, len(which))
        for step in chain
    ]
    return Asked(part, which, chain, drawn, at)


def moved(
    levels: NDArray[np.int64], asked: Asked, right: NDArray[np.bool_], accept: float, highest: int
) -> NDArray[np.int64]:
    """The next levels: one up where more than a share is right at every level, one down elsewhere.

    Algorithm 1 of Ahn, Ko, Yun (2023), as in the authors' code.

    Args:
        levels: The level of each class, [C].
        asked: What was asked.
        right: Whether each was answered right, [N].
        accept: The share.
        highest: No level is higher.
    """
    shape = len(levels), int(levels.max()) + 1
    cell = asked.labels.astype(np.int64) * shape[1] + asked.level
    count = np.bincount(cell, minlength=shape[0] * shape[1]).reshape(shape)
    known = np.bincount(cell, right, minlength=shape[0] * shape[1]).reshape(shape)
    passed = (known > accept * count) | (count == 0)
    next_ones: NDArray[np.int64] = np.clip(levels + np.where(passed.all(1), 1, -1), 0, highest)
    return next_ones


class Curriculum:
    """The levels of a stage's epochs, each known when the epoch before it has ended.

    Batches are made ahead of their steps, by another thread, which waits for the levels of an epoch that has not begun.
    As a context, it ends the waiting.

    Args:
        part: The training part.
        chain: How its images are augmented; one step is :class:`ClassStrength`.
        seed: The run's.
        right: Tells which images the network as it is answers right.
    """

    def __init__(
        self,
        part: Part,
        chain: Sequence[Augmentation],
        seed: int,
        right: Callable[[Asked], NDArray[np.bool_]],
    ) -> None:
        (self._own,) = (step for step in chain if isinstance(step, ClassStrength))
        self._part, self._chain, self._seed, self._right = part, chain, seed, right
        self._changed = threading.Condition()
        self._levels: dict[int, NDArray[np.int64]] = {}
        self._closed = False

    def begin(self, epoch: int, before: Sequence[int] | None) -> None:
        """Find the levels of an epoch, and let it begin.

        Args:
            epoch: Of the run.
            before: The levels of the epoch before it; None where that had none, so that all classes start at 0.
        """
        levels = np.zeros(len(self._part.counts()), np.int64)
        if before is not None:
            levels = np.minimum(np.asarray(before, np.int64), self._own.levels)
        asked = asked_of(self._part, self._chain, levels, self._seed, epoch)
        found = moved(levels, asked, self._right(asked), self._own.accept, self._own.levels)
        with self._changed:
            self._levels = {
                number: each for number, each in self._levels.items() if number >= epoch - 1
            }
            self._levels[epoch] = found
            self._changed.notify_all()

    def levels(self, epoch: int) -> NDArray[np.int64]:
        """The level of each class in an epoch, [C]; waits until it has begun."""
        with self._changed:
            while epoch not in self._levels and not self._closed:
                self._changed.wait()
            # of what is thrown away: the stage has ended early
            return self._levels.get(epoch, np.zeros(len(self._part.counts()), np.int64))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()
