"""A classifier with one learnable factor a class."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mindspore import Parameter, Tensor, nn, ops

if TYPE_CHECKING:
    from ltdsl_runtime.models.cosine import CosineClassifier


#: Name of the factors in checkpoints.
FACTORS = "classifier.factors"


class ScaledClassifier(nn.Cell):
    """Logits f_c · z_c of a classifier's logits z, f learned from 1.

    Kang et al., "Decoupling Representation and Classifier for Long-Tailed Recognition" (2020).

    Args:
        classifier: From features [B, K] to logits [B, C].
        out_channels: Number of classes C.

    Attributes:
        weight, bias: The classifier's own, [C, K] and [C].
        factors: f, [C]; trained only where a stage says so.
    """

    def __init__(self, classifier: nn.Dense | CosineClassifier, out_channels: int) -> None:
        super().__init__()
        self.inner = classifier
        self.factors = Parameter(ops.ones(out_channels), name="factors")

    @property
    def weight(self) -> Parameter:
        """The class weights, [C, K]."""
        return self.inner.weight

    @property
    def bias(self) -> Parameter | None:
        """The biases before the factors, [C]; None where the classifier has none."""
        return self.inner.bias

    def construct(self, features: Tensor) -> Tensor:
        """Features, float32 [B, K] -> logits, float32 [B, C]."""
        return self.inner(features) * self.factors
