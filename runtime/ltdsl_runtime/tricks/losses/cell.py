"""What every loss is: a cell over logits and labels whose operators can be split over devices."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import mindspore as ms
from mindspore import Tensor, nn, ops

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, TypeAlias

    import numpy as np
    from numpy.typing import NDArray
    from typing_extensions import Self

    Axis: TypeAlias = int | str
    Draw: TypeAlias = Callable[[np.random.Generator, int], tuple[NDArray[Any], ...]]
    Strategies: TypeAlias = Mapping[str, tuple[tuple[Axis, ...], ...]]

#: Stands for minus infinity among logits: its exponential is 0, and its product with 0 is 0.
LOWEST = -1e38


class Layout(NamedTuple):
    """How tensors are split over devices: a number of slices for each axis, or a name that stands for one.

    Attributes:
        rows: Of a tensor [B, C].
        column: Of a tensor [B, 1].
        row: Of a tensor [B].
        classes: Of a tensor [1, C].
        whole: Of a tensor [C] that every device holds all of.
        scalar: Of a scalar.
    """

    rows: tuple[Axis, Axis]
    column: tuple[Axis, Axis]
    row: tuple[Axis]
    classes: tuple[Axis, Axis]
    whole: tuple[Axis] = (1,)
    scalar: tuple[()] = ()


class ShardedCell(nn.Cell):
    """A cell whose operators can be split over devices: each is an attribute, so that it can be given a strategy.

    Attributes:
        native: One operator for all of them, where there is one; it cannot be split.
    """

    def __init__(self) -> None:
        super().__init__()
        self.native: nn.Cell | None = None

    def strategies(self, layout: Layout) -> Strategies:
        """The strategy of each primitive, by the attribute's name: one layout for each of its inputs."""
        raise NotImplementedError

    def shard(self, data_parallel: int, class_parallel: int) -> Self:
        """Splits the batch and the classes over devices (semi-automatic parallel mode).

        Args:
            data_parallel: Number of slices of the batch axis.
            class_parallel: Number of slices of the class axis; their product is the device count.

        Returns:
            This cell.
        """
        layout = Layout(
            (data_parallel, class_parallel),
            (data_parallel, 1),
            (data_parallel,),
            (1, class_parallel),
        )
        self.native = None
        for name, strategy in self.strategies(layout).items():
            getattr(self, name).shard(strategy)
        for child in self.cells():
            if isinstance(child, ShardedCell):
                child.shard(data_parallel, class_parallel)
        return self


class LossCell(ShardedCell):
    """A loss: ``construct(logits [B, C], labels [B]) -> (loss [B], weight [B])``.

    Attributes:
        needs_features: True where ``construct`` takes the pooled features, float32 [B, K], as its third argument.
        draw: None, or a function (generator, batch size) -> columns that ``construct`` takes last.
    """

    needs_features = False
    draw: Draw | None = None
    if TYPE_CHECKING:  # each loss takes its own number of tensors
        construct: Callable[..., tuple[Tensor, Tensor]]

    def weights(self, labels: Tensor) -> Tensor:
        """The weights that :meth:`construct` gives images of these labels: int32 [B] -> float32 [B]."""
        return ops.ones_like(ops.cast(labels, ms.float32))


class WeightedLossCell(LossCell):
    """A loss whose samples may be weighted by their classes.

    Attributes:
        sample_weight: What gives the weights.
    """

    sample_weight: SampleWeight

    def weights(self, labels: Tensor) -> Tensor:
        """The weights that :meth:`construct` gives images of these labels: int32 [B] -> float32 [B]."""
        return self.sample_weight(ops.ones_like(ops.cast(labels, ms.float32)), labels)


class SampleWeight(ShardedCell):
    """The weight of each sample's class, or 1.

    Args:
        class_weights: Weight of each class, shape [C], positive; None weighs all samples with 1.
    """

    def __init__(self, class_weights: NDArray[np.float64] | None = None) -> None:
        super().__init__()
        self.weighted = class_weights is not None
        if class_weights is not None:
            self.class_weights = Tensor(class_weights, ms.float32)
            self.gather_weight = ops.Gather()
        else:
            self.ones_like = ops.OnesLike()

    def construct(self, loss: Tensor, labels: Tensor) -> Tensor:
        """Losses float32 [B] and labels int32 [B] -> weights, float32 [B]."""
        if self.weighted:
            return self.gather_weight(self.class_weights, labels, 0)
        return self.ones_like(loss)

    def strategies(self, layout: Layout) -> Strategies:
        """The C weights are small: every device holds all of them."""
        if self.weighted:
            return {"gather_weight": (layout.whole, layout.row)}
        return {"ones_like": (layout.row,)}
