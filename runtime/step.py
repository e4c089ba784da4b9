"""The graphs: one training step a stage, and one for evaluation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import mindspore as ms
import numpy as np
from mindspore import Parameter, Tensor, nn, ops

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runtime.models import Network


class Normalise(nn.Cell):
    """Pixels to network input: (x / 255 − mean) / std for each channel, on the device.

    Images travel as bytes, a quarter of the size of floats.

    Args:
        mean: Channel means of pixels scaled to 0–1, float32 [ch].
        std: Channel standard deviations, likewise.
    """

    def __init__(self, mean: np.ndarray, std: np.ndarray) -> None:
        super().__init__()
        mean64, std64 = np.asarray(mean, np.float64), np.asarray(std, np.float64)
        shape = (1, -1, 1, 1)
        self.scale = Tensor((1 / (255 * std64)).reshape(shape), ms.float32)
        self.shift = Tensor((-mean64 / std64).reshape(shape), ms.float32)

    def construct(self, images: Tensor) -> Tensor:
        """uint8 [B, ch, H, W] -> float32 [B, ch, H, W]."""
        return ops.cast(images, ms.float32) * self.scale + self.shift


class TrainStep(nn.Cell):
    """A stage's training step as one graph: transform, mix, forward, loss, backward, update.

    Nothing travels to the host but the loss, and that only when asked for.

    Args:
        network: The model; trained in place.
        loss: (logits, labels) -> per-sample (loss, weight); it takes features and columns of its own as well where it
            says so, see :class:`runtime.losses.LossCell`.
        reduction: The one place that reduces; see :class:`runtime.losses.Reduction`.
        optimizer: Updates the network's trainable parameters.
        normalise: Bytes to network input.
        transform: The sampler's change of drawn images, or None.
        transform_columns: How many of the extra columns belong to it; they come first.
        mixer: (images, labels, its columns) -> (images, partners' labels, share of the own label), or None.
        loss_columns: How many of the extra columns belong to the loss; they come last.

    Attributes:
        total: Sum of the losses since it was last set to 0; a device scalar, so that the mean of an epoch costs one
            transfer.
    """

    def __init__(
        self,
        network: Network,
        loss: nn.Cell,
        reduction: nn.Cell,
        optimizer: nn.Optimizer,
        normalise: Normalise,
        transform: nn.Cell | None = None,
        transform_columns: int = 0,
        mixer: nn.Cell | None = None,
        loss_columns: int = 0,
    ) -> None:
        super().__init__(auto_prefix=False)  # weights keep their names from stage to stage
        self.network = network
        self.loss = loss
        self.reduction = reduction
        self.optimizer = optimizer
        self.normalise = normalise
        self.transform = transform
        self.transform_columns = transform_columns
        self.mixer = mixer
        self.loss_columns = loss_columns
        self.needs_features = getattr(loss, "needs_features", False)
        self.total = Parameter(Tensor(0.0, ms.float32), name="loss_total", requires_grad=False)
        self.value_and_grad = ms.value_and_grad(self._forward, None, optimizer.parameters)

    def construct(self, image: Tensor, label: Tensor, *draws: Tensor) -> Tensor:
        """Trains on a batch.

        Args:
            image: uint8 [B, ch, H, W].
            label: int32 [B].
            *draws: The columns that the stage's tricks drew, the sampler's first, then the mixer's, then the loss's.

        Returns:
            The loss of the batch before the update, a float32 scalar.
        """
        images = self.normalise(image)
        if self.transform is not None:
            images = self.transform(images, label, *draws[: self.transform_columns])
        loss, gradients = self.value_and_grad(images, label, *draws[self.transform_columns :])
        self.optimizer(gradients)
        ops.assign_add(self.total, loss)
        return loss

    def _forward(self, images, label, *draws):
        mixing = len(draws) - self.loss_columns
        if self.mixer is None:
            logits, extra = self._outputs(images)
            loss, weight = self.loss(logits, label, *extra, *draws[mixing:])
            return self.reduction(loss, weight)
        images, other, share = self.mixer(images, label, *draws[:mixing])
        logits, extra = self._outputs(images)
        loss_a, weight_a = self.loss(logits, label, *extra, *draws[mixing:])
        loss_b, weight_b = self.loss(logits, other, *extra, *draws[mixing:])
        return self.reduction(loss_a, weight_a, loss_b, weight_b, share)

    def _outputs(self, images):
        """Logits, and a tuple of what else of the network's the loss takes; decided at compile time."""
        if self.needs_features:
            features = self.network.until(images, "pool")
            return self.network.classifier(features), (features,)
        return self.network(images), ()


class EvalStep(nn.Cell):
    """Prediction as one graph.

    Args:
        network: The model.
        normalise: Bytes to network input.
        confidence: What turns the logits into the probability of a prediction: ``softmax``, or ``sigmoid`` where the
            loss asked each class on its own.
    """

    def __init__(
        self,
        network: Network,
        normalise: Normalise,
        confidence: Literal["softmax", "sigmoid"] = "softmax",
    ) -> None:
        super().__init__(auto_prefix=False)
        self.network = network
        self.normalise = normalise
        self.probability = ops.Sigmoid() if confidence == "sigmoid" else ops.Softmax(-1)

    def construct(self, image: Tensor, label: Tensor, mask: Tensor) -> Sequence[Tensor]:
        """Predicts a batch.

        Args:
            image: uint8 [B, ch, H, W].
            label: int32 [B].
            mask: 1 for an image, 0 for padding, float32 [B].

        Returns:
            Predicted class int32 [B], its probability float32 [B], and label and mask as given.
        """
        logits = self.network(self.normalise(image))
        # not the most probable one: probabilities can be equal, 1 in float32, where logits differ
        prediction = ops.argmax(logits, -1).astype(ms.int32)
        confidence = ops.amax(self.probability(logits), -1)
        return prediction, confidence, label, mask
