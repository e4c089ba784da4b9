"""What a training step computes over classes, where each worker has some of them.

Any loss can be split: its operators are attributes, and their sharding strategies
(:meth:`ltdsl_runtime.tricks.losses.LossCell.strategies`) tell which of them reduce over classes, which make one-hot
targets and which constants have one number a class. The first become collectives (a maximum, a sum), the second look
only at their own classes, the third are cut. Every worker then computes the same loss, from all images and its own
classes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn, ops

from ltdsl_runtime.parallel.collectives import GatherRows, MaxOverWorkers, SumOverWorkers
from ltdsl_runtime.tricks.losses.cell import Layout, LossCell, ShardedCell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from ltdsl_runtime.parallel.part import ClassPart
    from ltdsl_runtime.tricks.distillation import Divergence
    from ltdsl_runtime.tricks.losses.cell import Axis
Rows = TypeVar("Rows", Tensor, "NDArray[Any]")

#: Axes by what they hold, in the place of numbers of slices.
AXES = Layout(("images", "classes"), ("images", 1), ("images",), (1, "classes"))


class SplitLoss(LossCell):
    """A loss whose classes are split, in the place of the whole one.

    It takes the worker's own labels and columns as that does, and the logits of all workers' images for its own
    classes; it gives the losses of the worker's own images.

    What is known of images and classes, [B, C], comes as [b, workers · C_part]: own classes, of all workers' images.
    Those that are learned together with a worker's i-th image share its row, so that a step's images can be learned in
    parts.

    Args:
        loss: For all C classes; changed in place.
        part: This worker's classes.
    """

    def __init__(self, loss: LossCell, part: ClassPart) -> None:
        super().__init__()
        _split(loss, part)
        self.loss = loss
        self.part = part
        self.needs_features = loss.needs_features
        self.draw = loss.draw
        self.gather_labels = ops.AllGather()
        self.gather_features = GatherRows(part.rank)

    def columns(self, column: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """This worker's rows of a column that the whole loss draws, [B, C] -> [b, workers · C_part].

        Args:
            column: One row for each image of all workers, in the order of their ranks.
        """
        return by_own_image(self.part.of(column, 1), self.part.workers)

    def construct(self, logits: Tensor, labels: Tensor, *extra: Tensor) -> tuple[Tensor, Tensor]:
        """Computes losses and weights of the worker's images.

        Args:
            logits: Of all workers' images, in the order of their ranks, for own classes; float32 [B, C_part].
            labels: Of own images, int32 [b].
            *extra: Features of own images, float32 [b, K], where the loss takes them; then what :meth:`columns` gave.

        Returns:
            ``loss`` and ``weight``, both float32 [b].
        """
        everyones: tuple[Tensor, ...] = ()
        if self.needs_features:
            everyones = (self.gather_features(extra[0]),)
            extra = extra[1:]
        for column in extra:
            every = by_image(column, self.part.workers)
            everyones = everyones + (every,)  # noqa: RUF005 - graph mode
        loss, weight = self.loss(logits, self.gather_labels(labels), *everyones)
        return own_rows(loss, self.part), own_rows(weight, self.part)

    def weights(self, labels: Tensor) -> Tensor:
        """The weights of own images of these labels: int32 [b] -> float32 [b]."""
        return self.loss.weights(labels)


class SplitDivergence(nn.Cell):
    """:class:`ltdsl_runtime.tricks.distillation.Divergence` where the classes of student and teacher are split.

    Args:
        divergence: For all C classes; changed in place.
        part: This worker's classes.
    """

    def __init__(self, divergence: Divergence, part: ClassPart) -> None:
        super().__init__()
        _split(divergence, part)
        self.divergence = divergence
        self.part = part

    def construct(self, logits: Tensor, teacher_logits: Tensor) -> Tensor:
        """Computes the divergences of the worker's images.

        Args:
            logits: Of all workers' images, in the order of their ranks, for own classes; float32 [B, C_part].
            teacher_logits: The teacher's, as :func:`by_own_image` gives them.

        Returns:
            Float32 [b].
        """
        every = self.divergence(logits, by_image(teacher_logits, self.part.workers))
        return own_rows(every, self.part)


def by_own_image(rows: Rows, workers: int) -> Rows:
    """Rows of all workers' images, [workers · b, C_part] -> [b, workers · C_part]."""
    size, classes = rows.shape[0] // workers, rows.shape[1]
    return rows.reshape((workers, size, classes)).transpose((1, 0, 2)).reshape((size, -1))


def by_image(rows: Rows, workers: int) -> Rows:
    """The other way round: [b, workers · C_part] -> [workers · b, C_part]."""
    size, classes = rows.shape[0], rows.shape[1] // workers
    return rows.reshape((size, workers, classes)).transpose((1, 0, 2)).reshape((-1, classes))


def own_rows(rows: Tensor, part: ClassPart) -> Tensor:
    """The worker's own of all workers' rows, which are in the order of their ranks."""
    size = rows.shape[0] // part.workers
    return rows[part.rank * size : (part.rank + 1) * size]


class _MaxOverClasses(nn.Cell):
    def __init__(self, local: ops.ReduceMax) -> None:
        super().__init__()
        self.local = local
        self.over_workers = MaxOverWorkers()

    def construct(self, values: Tensor, axis: int) -> Tensor:
        return self.over_workers(ops.stop_gradient(self.local(values, axis)))


class _SumOverClasses(nn.Cell):
    def __init__(self, local: ops.ReduceSum) -> None:
        super().__init__()
        self.local = local
        self.over_workers = SumOverWorkers()

    def construct(self, values: Tensor, axis: int) -> Tensor:
        return self.over_workers(self.local(values, axis))


class _OwnOneHot(nn.Cell):
    """One-hot rows over a part's classes; a label that is another worker's has none."""

    def __init__(self, part: ClassPart) -> None:
        super().__init__()
        # not `labels - first`, which is no operator where the first is 0
        self.classes = Tensor(np.arange(part.first, part.end)[None], ms.int32)

    def construct(self, labels: Tensor, classes: int, on: Tensor, off: Tensor) -> Tensor:
        own = (labels.expand_dims(-1) == self.classes).astype(ms.float32)
        return off + (on - off) * own


def _split(whole: ShardedCell, part: ClassPart) -> None:
    """Make a loss take logits of a part's classes, by what its strategies say."""
    for cell, name, strategy in _operators(whole):
        operator = getattr(cell, name)
        if isinstance(operator, ops.OneHot):
            _replace(cell, name, _OwnOneHot(part))
        elif strategy[0] == AXES.rows and isinstance(operator, ops.ReduceMax):
            _replace(cell, name, _MaxOverClasses(operator))
        elif strategy[0] == AXES.rows and isinstance(operator, ops.ReduceSum):
            _replace(cell, name, _SumOverClasses(operator))
    for cell in _sharded(whole):
        cell.native = None
        for name, value in list(vars(cell).items()):
            if isinstance(value, Tensor) and value.shape == (1, part.classes):
                setattr(cell, name, Tensor(part.of(value.asnumpy(), 1)))


def _sharded(whole: ShardedCell) -> Iterator[ShardedCell]:
    yield from (cell for _, cell in whole.cells_and_names() if isinstance(cell, ShardedCell))


def _operators(whole: ShardedCell) -> list[tuple[ShardedCell, str, tuple[tuple[Axis, ...], ...]]]:
    return [
        (cell, name, strategy)
        for cell in _sharded(whole)
        for name, strategy in cell.strategies(AXES).items()
    ]


def _replace(cell: nn.Cell, name: str, by: nn.Cell) -> None:
    delattr(cell, name)
    setattr(cell, name, by)
