"""Batches by number: those of a stage, and those of an evaluation. Knows nothing of MindSpore."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np

from ltdsl.wording import counted
from ltdsl_runtime.clock import spent_on
from ltdsl_runtime.data.augment import Augmentation, draw_batch, draw_view
from ltdsl_runtime.data.augment.class_strength import ClassStrength
from ltdsl_runtime.data.columns import training_columns
from ltdsl_runtime.data.errors import DataError
from ltdsl_runtime.streams import generator

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ltdsl_runtime.data.part import Part, Rows

Order: TypeAlias = "Callable[[int], NDArray[np.int64]]"
"""Epoch of the run -> int indices into the training part: a sampler with its settings filled in."""

Streams: TypeAlias = Callable[..., np.random.Generator]
"""``(name, *keys)`` -> the generator of (seed, name, epoch, *keys)."""


class Column(Protocol):
    """What was drawn for each step of an epoch: an array, or what makes a step's row when it is asked for."""

    def __len__(self) -> int: ...

    def __getitem__(self, step: int, /) -> NDArray[Any]: ...


Draws: TypeAlias = "Callable[[Streams, int, NDArray[np.int32]], Mapping[str, Column]]"
"""What a stage's tricks add to a batch, drawn for a whole epoch at once.

Called as ``draws(streams, epoch, labels)`` with the labels of the epoch's full batches, int32
``[steps, B]``. Returns columns with leading dimension ``steps``: ``[steps]`` for one number a batch
(mixup's λ), ``[steps, B]`` for one an image (a permutation), ``[steps, B, …]`` for more. Names and
dtypes must be the same each epoch.
"""


@dataclass(frozen=True)
class _Epoch:
    """What one epoch visits, and what its tricks drew."""

    number: int
    branches: list[NDArray[np.int64]]  # indices into the part, each [steps, B]
    extra: Mapping[str, Column]  # each [steps, ...]


@dataclass
class StageSource:
    """Random access to a stage's batches: ``source[i]`` is the whole batch i, epoch after epoch.

    A batch is a pure function of (seed, epoch, number in the epoch), whatever was asked for before
    and from whichever thread. Only full batches: an epoch's remainder is dropped, since a graph is
    compiled for one batch shape.

    Attributes:
        part: The training part.
        order: The stage's sampler; every epoch's order must have the same length.
        batch_size: Images a batch, B.
        first_epoch: Epochs of the run completed before the stage.
        epochs: Epochs of the stage.
        seed: The run's seed.
        augmentation: Applied in this sequence.
        draws: Extra columns, see :data:`Draws`.
        partner: A second sampler whose images go beside the first one's, for tricks that pair two
            draws (bilateral branches, a tail image's patch on a head image). Its order is at least
            as long as ``order``'s full batches.
        start_batch: Batches of the stage already trained; ``source[0]`` is the next one.
        rows: Of each batch, the images that are handed out: those of one worker of several. What is drawn is drawn for
            the whole batch, and ``draws`` cuts its own columns.
        views: Views of each image, of which an epoch of the run shows one; None for new ones in each.
        levels: An epoch of the run to how strongly each class is augmented in it, int64 ``[C]``; waits until that is
            known. None where no augmentation asks.
        most_steps: Steps of an epoch at most; None for all that it has.
        failure: Why a batch could not be made; None where none failed. MindSpore wraps what is raised in a dataset's
            thread, so whoever asked it for batches looks here.

    Raises:
        DataError: LT404 if an epoch has not one full batch.
    """

    part: Part
    order: Order
    batch_size: int
    first_epoch: int
    epochs: int
    seed: int
    augmentation: Sequence[Augmentation] = ()
    draws: Draws | None = None
    partner: Order | None = None
    start_batch: int = 0
    rows: slice = field(default_factory=lambda: slice(None))
    views: int | None = None
    levels: Callable[[int], NDArray[np.int64]] | None = None
    most_steps: int | None = None
    failure: Exception | None = field(default=None, init=False)
    steps: int = field(init=False)
    columns: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._views: dict[int, list[NDArray[Any]]] = {}
        first = np.asarray(self.order(self.first_epoch))
        length = len(first)
        self.steps = self._steps(length)
        if self.steps == 0:
            visits = "" if length == len(self.part) else f", of which an epoch visits {length}"
            message = (
                f"the training part has {counted(len(self.part), 'image')}{visits}, "
                f"fewer than one batch of {self.batch_size}"
            )
            raise DataError(
                code="LT404", message=message, hint="begin a run with a lower batch_size"
            )
        if not 0 <= self.start_batch <= self.epochs * self.steps:
            raise ValueError(f"start_batch {self.start_batch} is outside the stage")
        self._cache = {self.first_epoch: self._draw(self.first_epoch, first)}
        drawn = self._cache[self.first_epoch].extra
        self.columns = training_columns(self.partner is not None, drawn)

    def _steps(self, images: int) -> int:
        """Steps of an epoch that visits so many images."""
        whole = images // self.batch_size
        return whole if self.most_steps is None else min(whole, self.most_steps)

    def __len__(self) -> int:
        return self.epochs * self.steps - self.start_batch

    def __getitem__(self, item: int) -> tuple[NDArray[Any], ...]:
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
        row: list[NDArray[Any]] = []
        for branch, order in enumerate(epoch.branches):
            indices = order[step][self.rows]
            row += [self._images(epoch.number, step, branch, indices), self.part.labels[indices]]
        row.extend(np.asarray(column[step]) for column in epoch.extra.values())
        return tuple(row)

    def _images(
        self, epoch: int, step: int, branch: int, indices: NDArray[np.int64]
    ) -> NDArray[Any]:
        """The augmented images of a step; unless views are, parameters are drawn here: an epoch's take no memory."""
        if self.views is None:
            parameters = draw_batch(
                self.augmentation, self.seed, (epoch, step, branch), self.batch_size
            )
            own = [drawn[self.rows] for drawn in parameters]
            if self.levels is not None:
                own = self._at_levels(own, self.levels(epoch)[self.part.labels[indices]])
        else:
            own = [drawn[indices] for drawn in self._view(epoch % self.views)]
        try:
            return self.part.batch(indices, self.augmentation, own)
        except (DataError, OSError, MemoryError) as error:
            self.failure = error
            raise

    def _at_levels(
        self, drawn: list[NDArray[Any]], levels: NDArray[np.int64]
    ) -> list[NDArray[Any]]:
        """What was drawn for images, changed as strongly as their classes are."""
        return [
            step.of_classes(rows, levels) if isinstance(step, ClassStrength) else rows
            for step, rows in zip(self.augmentation, drawn, strict=True)
        ]

    def _view(self, number: int) -> list[NDArray[Any]]:
        """How a view of each of the part's images is drawn; the two latest are kept, as epochs' draws are."""
        with self._lock:
            if number not in self._views:
                while len(self._views) > 1:
                    del self._views[next(iter(self._views))]
                self._views[number] = draw_view(
                    self.augmentation, self.seed, number, len(self.part)
                )
            return self._views[number]

    def labels(self, epoch: int) -> NDArray[np.int32]:
        """Labels of the full batches of an epoch of the run: int32 ``[steps, B]``."""
        return self.part.labels[self._epoch(epoch).branches[0]]

    def _epoch(self, epoch: int) -> _Epoch:
        """The epoch's draws; the two latest are kept, as prefetching crosses their border."""
        with self._lock:
            if epoch not in self._cache:
                with spent_on("draw"):
                    drawn = self._draw(epoch, np.asarray(self.order(epoch)))
                while len(self._cache) > 1:
                    del self._cache[next(iter(self._cache))]
                self._cache[epoch] = drawn
            return self._cache[epoch]

    def _draw(self, epoch: int, order: NDArray[np.int64]) -> _Epoch:
        orders = [order]
        if self._steps(len(order)) != self.steps:
            raise ValueError(f"epoch {epoch} has other steps than {self.steps}: its order differs")
        if self.partner is not None:
            orders.append(np.asarray(self.partner(epoch)))
        used = self.steps * self.batch_size
        branches = [order[:used].reshape(self.steps, self.batch_size) for order in orders]
        extra: Mapping[str, Column] = {}
        if self.draws is not None:

            def streams(name: str, *keys: int) -> np.random.Generator:
                return generator(self.seed, name, epoch, *keys)

            extra = self.draws(streams, epoch, self.part.labels[branches[0]])
            wrong = [name for name, column in extra.items() if len(column) != self.steps]
            if wrong:
                raise ValueError(f"columns {wrong} do not have {self.steps} rows, one a step")
        return _Epoch(epoch, branches, extra)


class EvaluationSource:
    """All images of a part in order, in batches of one shape; the last one is filled up with zeros.

    Args:
        part: The images.
        batch_size: Images of a batch, B.
        rank: Of the worker whose rows of each batch these are.
        workers: How many share the batches, which are ``workers`` · B images.
    """

    def __init__(self, part: Rows, batch_size: int, rank: int = 0, workers: int = 1) -> None:
        self._part = part
        self._batch_size = batch_size
        self._rank = rank
        self._workers = workers
        self.failure: Exception | None = None

    def __len__(self) -> int:
        return -(-len(self._part) // (self._workers * self._batch_size))

    def __getitem__(self, item: int) -> tuple[NDArray[Any], NDArray[np.int32], NDArray[np.float32]]:
        """Image uint8 ``[B, C, H, W]`` or features float32 ``[B, K]``, label int32 ``[B]``, mask float32 ``[B]``.

        The mask is 0 for what fills up.
        """
        if not 0 <= item < len(self):
            raise IndexError(item)
        start = (int(item) * self._workers + self._rank) * self._batch_size
        indices = np.arange(start, min(start + self._batch_size, len(self._part)))
        real = len(indices)
        label = np.zeros(self._batch_size, np.int32)
        mask = np.zeros(self._batch_size, np.float32)
        if not real:  # the other workers have the last images
            return np.zeros((self._batch_size, *self._part.shape), np.uint8), label, mask
        try:
            rows = self._part.batch(indices)
        except (DataError, OSError, MemoryError) as error:
            self.failure = error
            raise
        image: NDArray[Any] = np.zeros((self._batch_size, *rows.shape[1:]), rows.dtype)
        image[:real] = rows
        label[:real], mask[:real] = self._part.labels[indices], 1
        return image, label, mask
