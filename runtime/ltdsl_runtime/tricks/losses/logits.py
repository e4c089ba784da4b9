"""Cross entropies of logits that are first changed class by class, in training only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import mindspore as ms
from mindspore import Tensor, ops

from ltdsl_runtime.tricks.losses.cell import Layout, LossCell
from ltdsl_runtime.tricks.losses.cross_entropy import CrossEntropy

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ltdsl_runtime.tricks.losses.cell import Strategies


class OffsetCrossEntropy(LossCell):
    """Cross entropy of z_c + o_c.

    The largest logit is taken away first (it cancels, and carries no gradient), so that the offsets are added to small
    numbers and keep their digits however large the logits are.

    Args:
        offsets: What is added to each class's logit, shape [C].
    """

    def __init__(self, offsets: NDArray[np.float64]) -> None:
        super().__init__()
        self.reduce_max = ops.ReduceMax(keep_dims=True)
        self.sub_max = ops.Sub()
        self.add_offset = ops.Add()
        self.offsets = Tensor(offsets, ms.float32).reshape(1, -1)
        self.cross_entropy = CrossEntropy()

    def construct(self, logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Logits float32 [B, C] and labels int32 [B] -> loss and weight (1), float32 [B]."""
        shifted = self.sub_max(logits, ops.stop_gradient(self.reduce_max(logits, -1)))
        return self.cross_entropy(self.add_offset(shifted, self.offsets), labels)

    def strategies(self, layout: Layout) -> Strategies:
        """Rows and classes are split."""
        return {
            "reduce_max": (layout.rows,),
            "sub_max": (layout.rows, layout.column),
            "add_offset": (layout.rows, layout.classes),
        }


class TemperedCrossEntropy(LossCell):
    """Cross entropy of z_c / a_c.

    Args:
        temperatures: a_c of each class, shape [C], at least 1.
    """

    def __init__(self, temperatures: NDArray[np.float64]) -> None:
        super().__init__()
        self.div_temperature = ops.Div()
        self.temperatures = Tensor(temperatures, ms.float32).reshape(1, -1)
        self.cross_entropy = CrossEntropy()

    def construct(self, logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Logits float32 [B, C] and labels int32 [B] -> loss and weight (1), float32 [B]."""
        return self.cross_entropy(self.div_temperature(logits, self.temperatures), labels)

    def strategies(self, layout: Layout) -> Strategies:
        """Rows and classes are split."""
        return {"div_temperature": (layout.rows, layout.classes)}


class ScaledCrossEntropy(LossCell):
    """Cross entropy of z_c / a_c + o_c.

    Args:
        temperatures: a_c of each class, shape [C], at least 1.
        offsets: o_c of each class, shape [C].
    """

    def __init__(self, temperatures: NDArray[np.float64], offsets: NDArray[np.float64]) -> None:
        super().__init__()
        self.div_temperature = ops.Div()
        self.temperatures = Tensor(temperatures, ms.float32).reshape(1, -1)
        self.cross_entropy = OffsetCrossEntropy(offsets)

    def construct(self, logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Logits float32 [B, C] and labels int32 [B] -> loss and weight (1), float32 [B]."""
        return self.cross_entropy(self.div_temperature(logits, self.temperatures), labels)

    def strategies(self, layout: Layout) -> Strategies:
        """Rows and classes are split."""
        return {"div_temperature": (layout.rows, layout.classes)}


class MarginCrossEntropy(LossCell):
    """Cross entropy in which the label's own logit is lowered by a margin, z_y − m_y.

    The largest logit is taken away first, as in :class:`OffsetCrossEntropy`.

    Args:
        margins: m_c of each class in units of the logits, shape [C], at least 0.
        class_weights: Weight of each class, shape [C], positive; None weighs all samples with 1.
    """

    def __init__(
        self, margins: NDArray[np.float64], class_weights: NDArray[np.float64] | None = None
    ) -> None:
        super().__init__()
        self.reduce_max = ops.ReduceMax(keep_dims=True)
        self.sub_max = ops.Sub()
        self.one_hot = ops.OneHot()
        self.mul_margin = ops.Mul()
        self.sub_margin = ops.Sub()
        self.on = Tensor(1.0, ms.float32)
        self.off = Tensor(0.0, ms.float32)
        self.margins = Tensor(margins, ms.float32).reshape(1, -1)
        self.cross_entropy = CrossEntropy(class_weights)

    def construct(self, logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Logits float32 [B, C] and labels int32 [B] -> loss and weight, float32 [B]."""
        shifted = self.sub_max(logits, ops.stop_gradient(self.reduce_max(logits, -1)))
        target = self.one_hot(labels, logits.shape[-1], self.on, self.off)
        lowered = self.sub_margin(shifted, self.mul_margin(target, self.margins))
        return self.cross_entropy(lowered, labels)

    def weights(self, labels: Tensor) -> Tensor:
        """Labels int32 [B] -> weights, float32 [B]."""
        return self.cross_entropy.weights(labels)

    def strategies(self, layout: Layout) -> Strategies:
        """Rows and classes are split."""
        return {
            "reduce_max": (layout.rows,),
            "sub_max": (layout.rows, layout.column),
            "one_hot": (layout.rows, layout.scalar, layout.scalar),
            "mul_margin": (layout.rows, layout.classes),
            "sub_margin": (layout.rows, layout.rows),
        }
