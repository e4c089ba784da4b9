"""The training batches of one stage, by number. Knows nothing of MindSpore."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from runtime.data.augment import Augmentation, apply_chain, draw_epoch
from runtime.data.errors import DataError
from runtime.streams import generator

if TYPE_CHECKING:
    from runtime.data.arrays import ImageArrays

Order = Callable[[int], np.ndarray]
"""Epoch of the run -> int indices into the training part: a sampler with its settings filled in."""

Streams = Callable[..., np.random.Generator]
"""``(name, *keys)`` -> the generator of (seed, name, epoch, *keys)."""

Draws = Callable[[Streams, int, np.ndarray], Mapping[str, np.ndarray]]
"""What a stage's tricks add to a batch, drawn for a whole epoch at once.

Called as ``draws(streams, epoch, labels)`` with the labels of the epoch's full batches, int32
``[steps, B]``. Returns columns with leading dimension ``steps``: ``[steps]`` for one number a batch
(mixup's λ), ``[steps, B]`` for one an image (a permutation), ``[steps, B, …]`` for more. Names and
dtypes must be the same each epoch.
"""


@dataclass(frozen=True)
class _Branch:
    """Which images an epoch takes, and how they are augmented."""

    indices: np.ndarray  # [steps, B]
    augmentation: list[np.ndarray]  # each [steps * B, ...]


@dataclass(frozen=True)
class _Epoch:
    """Everything random about one epoch."""

    branches: list[_Branch]
    extra: Mapping[str, np.ndarray]  # each [steps, ...]


@dataclass
class StageSource:
    """Random access to a stage's batches: ``source[i]`` is the whole batch i, epoch after epoch.

    A batch is a pure function of (seed, epoch, number in the epoch), whatever was asked for before
    and from whichever thread. Only full batches: an epoch's remainder is dropped, since a graph is
    compiled for one batch shape.

    Attributes:
        arrays: The training part.
        order: The stage's sampler; every epoch's order must have the same length.
        batch_size: Images a batch, B.
        first_epoch: Epochs of the run completed before the stage.
        epochs: Epochs of the stage.
        seed: The run's seed.
        augmentation: Applied in this sequence.
        draws: Extra columns, see :data:`Draws`.
        partner: A second sampler whose images go beside the first one's, for tricks that pair two
            draws (bilateral branches, a tail image's patch on a head image): columns
            ``partner_image`` and ``partner_label``. Its order is at least as long as ``order``'s
            full batches.
        start_batch: Batches of the stage already trained; ``source[0]`` is the next one.

    Raises:
        DataError: LT404 if an epoch has not one full batch.
    """

    arrays: ImageArrays
    order: Order
    batch_size: int
    first_epoch: int
    epochs: int
    seed: int
    augmentation: Sequence[Augmentation] = ()
    draws: Draws | None = None
    partner: Order | None = None
    start_batch: int = 0
    steps: int = field(init=False)
    columns: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._cache: dict[int, _Epoch] = {}
        length = len(self.order(self.first_epoch))
        self.steps = length // self.batch_size
        if self.steps == 0:
            visits = "" if length == len(self.arrays) else f", of which an epoch visits {length}"
            message = (
                f"the training part has {len(self.arrays)} images{visits}, "
                f"fewer than one batch of {self.batch_size}"
            )
            raise DataError(code="LT404", message=message, hint="lower batch_size")
        if not 0 <= self.start_batch <= self.epochs * self.steps:
            raise ValueError(f"start_batch {self.start_batch} is outside the stage")
        pair = ("partner_image", "partner_label") if self.partner else ()
        self.columns = ("image", "label", *pair, *self._epoch(self.first_epoch).extra)

    def __len__(self) -> int:
        return self.epochs * self.steps - self.start_batch

    def __getitem__(self, item: int) -> tuple[np.ndarray, ...]:
        """Return one batch.

        Args:
            item: Its number, from ``start_batch`` on, in [0, len).

        Returns:
            image uint8 ``[B, C, H, W]``, label int32 ``[B]``, the partner's if there is one, then
            the extra columns.
        """
        item = int(item)
        if not 0 <= item < len(self):
            raise IndexError(item)
        passed, step = divmod(self.start_batch + item, self.steps)
        epoch = self._epoch(self.first_epoch + passed)
        here = slice(step * self.batch_size, (step + 1) * self.batch_size)
        row: list[np.ndarray] = []
        for branch in epoch.branches:
            indices = branch.indices[step]
            parameters = [drawn[here] for drawn in branch.augmentation]
            row.append(apply_chain(self.augmentation, self.arrays.images[indices], parameters))
            row.append(self.arrays.labels[indices])
        row.extend(np.asarray(column[step]) for column in epoch.extra.values())
        return tuple(row)

    def labels(self, epoch: int) -> np.ndarray:
        """Labels of the full batches of an epoch of the run: int32 ``[steps, B]``."""
        return self.arrays.labels[self._epoch(epoch).branches[0].indices]

    def _epoch(self, epoch: int) -> _Epoch:
        """The epoch's draws; the two latest are kept, as prefetching crosses their border."""
        with self._lock:
            if epoch not in self._cache:
                drawn = self._draw(epoch)
                while len(self._cache) > 1:
                    del self._cache[next(iter(self._cache))]
                self._cache[epoch] = drawn
            return self._cache[epoch]

    def _draw(self, epoch: int) -> _Epoch:
        orders = [np.asarray(self.order(epoch))]
        if len(orders[0]) // self.batch_size != self.steps:
            raise ValueError(f"epoch {epoch} has other steps than {self.steps}: its order differs")
        if self.partner is not None:
            orders.append(np.asarray(self.partner(epoch)))
        used = self.steps * self.batch_size
        branches = [
            _Branch(
                order[:used].reshape(self.steps, self.batch_size),
                draw_epoch(self.augmentation, self.seed, epoch, used, branch),
            )
            for branch, order in enumerate(orders)
        ]
        extra: Mapping[str, np.ndarray] = {}
        if self.draws is not None:

            def streams(name: str, *keys: int) -> np.random.Generator:
                return generator(self.seed, name, epoch, *keys)

            extra = self.draws(streams, epoch, self.arrays.labels[branches[0].indices])
            wrong = [name for name, column in extra.items() if len(column) != self.steps]
            if wrong:
                raise ValueError(f"columns {wrong} do not have {self.steps} rows, one a step")
        return _Epoch(branches, extra)
