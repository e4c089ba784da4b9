"""Learning from a teacher's predictions."""

from __future__ import annotations

from mindspore import Tensor, nn, ops


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
        self.temperature = temperature
        self.alpha = alpha
        self.power = power
        self.log_softmax = ops.LogSoftmax(-1)

    def construct(self, loss: Tensor, logits: Tensor, teacher_logits: Tensor) -> Tensor:
        """Adds the teacher to a loss.

        Args:
            loss: L, a scalar.
            logits: z, float32 [B, C].
            teacher_logits: z_teacher, float32 [B, C]; no gradient flows to them.

        Returns:
            The whole loss, a float32 scalar.
        """
        student = self.log_softmax(logits / self.temperature)
        # softmax^power, normalised, is the softmax of power times the logits
        teacher = self.log_softmax(self.power * teacher_logits / self.temperature)
        divergence = (ops.exp(teacher) * (teacher - student)).sum() / logits.shape[0]
        return (1.0 - self.alpha) * loss + self.alpha * self.temperature**2 * divergence
