"""Learning from a teacher's predictions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import mindspore as ms
from mindspore import Tensor, nn, ops

from ltdsl_runtime.tricks.losses.cell import Layout, ShardedCell

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from ltdsl_runtime.tricks.losses.cell import Strategies

    Diverge: TypeAlias = Callable[[Tensor, Tensor], Tensor]
    """Logits of student and teacher -> divergence of each image."""


class Distillation(nn.Cell):
    """(1 − α) L + α T² KL(t ‖ softmax(z / T)), t ∝ softmax(z_teacher / T)^power.

    He et al., "Distilling Virtual Examples for Long-tailed Recognition" (2021). The divergence is the batch's mean.

    Args:
        temperature: T, above 0.
        alpha: α, in [0, 1].
        power: In (0, 1]; below 1 flattens the teacher.
    """

    def __init__(self, temperature: float, alpha: float, power: float) -> None:
        super().__init__()
        self.alpha = alpha
        self.scale = alpha * temperature**2
        #: Or what computes it where classes are split.
        self.divergence: Diverge = Divergence(temperature, power)

    def construct(self, loss: Tensor, logits: Tensor, teacher_logits: Tensor) -> Tensor:
        """Adds the teacher to a loss.

        Args:
            loss: L, a scalar.
            logits: z, float32 [B, C].
            teacher_logits: z_teacher, float32 [B, C]; no gradient flows to them.

        Returns:
            The whole loss, a float32 scalar.
        """
        divergence = self.divergence(logits, teacher_logits).mean()
        return (1.0 - self.alpha) * loss + self.scale * divergence


class Divergence(ShardedCell):
    """KL(t ‖ softmax(z / T)) of each image, t ∝ softmax(z_teacher / T)^power.

    Args:
        temperature: T, above 0.
        power: In (0, 1].
    """

    def __init__(self, temperature: float, power: float) -> None:
        super().__init__()
        self.temperature = temperature
        self.power = power
        self.student = LogSoftmax()
        self.teacher = LogSoftmax()
        self.exp = ops.Exp()
        self.sub = ops.Sub()
        self.mul = ops.Mul()
        self.sum_classes = ops.ReduceSum()

    def construct(self, logits: Tensor, teacher_logits: Tensor) -> Tensor:
        """Both float32 [B, C] -> float32 [B]."""
        student = self.student(logits / self.temperature)
        # softmax^power, normalised, is the softmax of power times the logits
        teacher = self.teacher(self.power * teacher_logits / self.temperature)
        apart = self.sub(teacher, student)
        return self.sum_classes(self.mul(self.exp(teacher), apart), -1)

    def strategies(self, layout: Layout) -> Strategies:
        """Rows and classes are split."""
        rows = layout.rows
        return {
            "exp": (rows,),
            "sub": (rows, rows),
            "mul": (rows, rows),
            "sum_classes": (rows,),
        }


class LogSoftmax(ShardedCell):
    """log softmax(z), from separate operators: z − max z − log Σ_c exp(z_c − max z)."""

    def __init__(self) -> None:
        super().__init__()
        self.reduce_max = ops.ReduceMax(keep_dims=True)
        self.sub_max = ops.Sub()
        self.exp = ops.Exp()
        self.sum_exp = ops.ReduceSum(keep_dims=True)
        self.sub_one = ops.Sub()
        self.log = ops.Log1p()
        self.sub_log = ops.Sub()
        self.one = Tensor(1.0, ms.float32)

    def construct(self, logits: Tensor) -> Tensor:
        """Float32 [B, C] -> float32 [B, C]."""
        shifted = self.sub_max(logits, ops.stop_gradient(self.reduce_max(logits, -1)))
        rest = self.sub_one(self.sum_exp(self.exp(shifted), -1), self.one)
        return self.sub_log(shifted, self.log(rest))

    def strategies(self, layout: Layout) -> Strategies:
        """Rows and classes are split."""
        rows, column = layout.rows, layout.column
        return {
            "reduce_max": (rows,),
            "sub_max": (rows, column),
            "exp": (rows,),
            "sum_exp": (rows,),
            "sub_one": (column, layout.scalar),
            "log": (column,),
            "sub_log": (rows, column),
        }
