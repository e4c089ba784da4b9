"""Classes split over workers: each holds some rows of the classifier, and the logits of these classes alone.

Any loss can be split: its operators are attributes, and their sharding strategies
(:meth:`runtime.losses.LossCell.strategies`) tell which of them reduce over classes, which make one-hot targets and
which constants have one number a class. The first become collectives (a maximum, a sum), the second look only at
their own classes, the third are cut. The same loss is then computed by every worker, from all images and its own
classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import mindspore as ms
import numpy as np
from mindspore import Parameter, Tensor, nn, ops

from runtime.losses.cell import Layout, LossCell
from runtime.parallel.collectives import GatherRows, MaxOverWorkers, SumShares

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Axes by what they hold, in the place of numbers of slices.
AXES = Layout(("images", "classes"), ("images", 1), ("images",), (1, "classes"))


@dataclass(frozen=True)
class ClassPart:
    """The classes of one worker: [first, end) of C. Parts differ by at most one class.

    Attributes:
        classes: C.
        rank: Of the worker.
        workers: How many share the classes.
    """

    classes: int
    rank: int
    workers: int

    @property
    def first(self) -> int:
        """The first class."""
        return self.classes * self.rank // self.workers

    @property
    def end(self) -> int:
        """The class after the last."""
        return self.classes * (self.rank + 1) // self.workers

    def __len__(self) -> int:
        return self.end - self.first

    def of(self, values: np.ndarray, axis: int = 0) -> np.ndarray:
        """The part of an array that has an axis of classes."""
        return np.take(values, np.arange(self.first, self.end), axis)


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
        self.over_workers = SumShares()

    def construct(self, values: Tensor, axis: int) -> Tensor:
        return self.over_workers(self.local(values, axis))


class _OwnOneHot(nn.Cell):
    """One-hot rows over a part's classes; a label that is another worker's has none."""

    def __init__(self, one_hot: ops.OneHot, part: ClassPart) -> None:
        super().__init__()
        self.one_hot = one_hot
        self.first = part.first
        self.count = len(part)

    def construct(self, labels: Tensor, classes: int, on: Tensor, off: Tensor) -> Tensor:
        return self.one_hot(labels - self.first, self.count, on, off)


def split_loss(loss: LossCell, part: ClassPart) -> LossCell:
    """Splits a loss over classes, in place.

    It then takes the logits of all images and the part's classes, [B, C_part], with all labels; features, where it
    takes them, are those of all images too, and a drawn column that has an axis of classes is cut to the part's.

    Args:
        loss: For all C classes.
        part: This worker's classes.

    Returns:
        The loss, which every worker now computes alike.
    """
    if part.workers == 1:
        return loss
    for cell, name, strategy in _operators(loss):
        operator = getattr(cell, name)
        if isinstance(operator, ops.OneHot):
            _replace(cell, name, _OwnOneHot(operator, part))
        elif strategy[0] == AXES.rows and isinstance(operator, ops.ReduceMax):
            _replace(cell, name, _MaxOverClasses(operator))
        elif strategy[0] == AXES.rows and isinstance(operator, ops.ReduceSum):
            _replace(cell, name, _SumOverClasses(operator))
    for cell in _losses(loss):
        for name, value in list(vars(cell).items()):
            if isinstance(value, Tensor) and value.shape == (1, part.classes):
                setattr(cell, name, Tensor(part.of(value.asnumpy(), 1)))
    return loss


def _losses(loss: LossCell) -> Iterator[LossCell]:
    yield from (cell for _, cell in loss.cells_and_names() if isinstance(cell, LossCell))


def _operators(loss: LossCell) -> list[tuple[LossCell, str, tuple]]:
    return [
        (cell, name, strategy)
        for cell in _losses(loss)
        for name, strategy in cell.strategies(AXES).items()
    ]


def _replace(cell: nn.Cell, name: str, by: nn.Cell) -> None:
    delattr(cell, name)
    setattr(cell, name, by)


class SplitClassifier(nn.Cell):
    """A dense layer whose classes are split: own images' features to all images' logits of own classes.

    The features of all workers are gathered, b rows of each. A row's gradient is the sum of what all workers' classes
    give it; a class's is complete where it is.

    Args:
        weight: All class weights, float32 [C, K]; only the part's are kept.
        part: This worker's classes.
        bias: All biases, float32 [C], or None.

    Attributes:
        weight: The part's, [C_part, K].
        bias: The part's, [C_part], or None.
    """

    def __init__(self, weight: np.ndarray, part: ClassPart, bias: np.ndarray | None = None) -> None:
        super().__init__()
        self.split = part.workers > 1
        self.weight = Parameter(Tensor(part.of(weight), ms.float32), name="weight")
        self.bias = None
        if bias is not None:
            self.bias = Parameter(Tensor(part.of(bias), ms.float32), name="bias")
        self.matmul = ops.MatMul(transpose_b=True)
        if self.split:
            self.gather = GatherRows(part.rank)

    def construct(self, features: Tensor) -> Tensor:
        """Features, float32 [b, K] -> logits, float32 [workers · b, C_part]."""
        if self.split:
            features = self.gather(features)
        logits = self.matmul(features, self.weight)
        if self.bias is not None:
            logits = logits + self.bias
        return logits


def shard_classifier(classifier: nn.Dense, data_parallel: int, class_parallel: int) -> nn.Dense:
    """Splits images and classes of a dense layer over devices, for MindSpore's semi-automatic parallel mode.

    Goes with :meth:`runtime.losses.LossCell.shard`, which takes the same numbers: what the layer gives is split as the
    loss expects it. Class weights and biases are split as the classes are, and no device has all of them. Ascend and
    GPU only; on a CPU, MindSpore has no such mode.

    Args:
        classifier: From features to logits.
        data_parallel: Number of slices of the images.
        class_parallel: Number of slices of the classes.

    Returns:
        The layer.
    """
    classifier.matmul.shard(((data_parallel, 1), (class_parallel, 1)))
    if classifier.bias is not None:
        classifier.bias_add.shard(((data_parallel, class_parallel), (class_parallel,)))
    return classifier
