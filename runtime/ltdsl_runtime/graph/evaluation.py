"""The graphs that predict: of a run's evaluation, and of a trained network in use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import mindspore as ms
from mindspore import Tensor, nn, ops

from ltdsl_runtime.graph.called import CalledCell
from ltdsl_runtime.graph.over_classes import own_rows
from ltdsl_runtime.parallel.cluster import ALONE
from ltdsl_runtime.tricks.posthoc import Correction

if TYPE_CHECKING:
    from ltdsl.plan import Confidence
    from ltdsl_runtime.graph.normalise import Normalise
    from ltdsl_runtime.parallel.cluster import Workers
    from ltdsl_runtime.parallel.part import ClassPart


def probability(confidence: Confidence) -> ops.Sigmoid | ops.Softmax:
    """Logits to the probabilities of all classes, both float32 [B, C]."""
    return ops.Sigmoid() if confidence == "sigmoid" else ops.Softmax(-1)


class Prediction(nn.Cell):
    """The class with the largest logit, the first of several, and its probability.

    Args:
        confidence: What turns logits into probabilities.
    """

    def __init__(self, confidence: Confidence) -> None:
        super().__init__()
        self.probability = probability(confidence)

    def construct(self, logits: Tensor) -> tuple[Tensor, Tensor]:
        """Float32 [B, C] -> classes int32 [B], probabilities float32 [B]."""
        # not the most probable one: probabilities can be equal, 1 in float32, where logits differ
        prediction = ops.argmax(logits, -1).astype(ms.int32)
        return prediction, ops.amax(self.probability(logits), -1)


class SplitPrediction(nn.Cell):
    """:class:`Prediction` where the classes are split, for the worker's own images.

    Args:
        confidence: What turns logits into probabilities.
        part: This worker's classes.
    """

    def __init__(self, confidence: Confidence, part: ClassPart) -> None:
        super().__init__()
        self.by_sigmoid = confidence == "sigmoid"
        self.part = part
        self.firsts = Tensor([[each.first] for each in part.all()], ms.int32)
        self.all_gather = ops.AllGather()
        self.all_reduce = ops.AllReduce()

    def construct(self, logits: Tensor) -> tuple[Tensor, Tensor]:
        """All workers' images and own classes, float32 [B, C_part] -> classes int32 [b], probabilities float32 [b]."""
        own = ops.stack((ops.amax(logits, -1), ops.argmax(logits, -1).astype(ms.float32)))
        everyones = self.all_gather(own.expand_dims(0))  # [workers, 2, B]
        largest, places = everyones[:, 0], everyones[:, 1].astype(ms.int32)
        # the first of several: classes are in the order of the ranks
        winner = ops.argmax(largest, 0).expand_dims(0)
        prediction = ops.gather_elements(places + self.firsts, 0, winner)[0]
        highest = ops.amax(largest, 0)
        if self.by_sigmoid:
            confidence = ops.sigmoid(highest)
        else:
            total = self.all_reduce(ops.exp(logits - highest.expand_dims(-1)).sum(-1))
            confidence = ops.reciprocal(total)
        return own_rows(prediction, self.part), own_rows(confidence, self.part)


class EvalStep(CalledCell):
    """Prediction as one graph.

    Args:
        network: Images to logits: the model, or a posthoc correction of it.
        normalise: Bytes to network input.
        confidence: What turns the logits into the probability of a prediction: ``softmax``, or ``sigmoid`` where the
            loss asked each class on its own.
        workers: Who share the images; each has its rows of a batch, and all get what is predicted for all rows.
        part: The classes whose logits the network gives, for all workers' rows; None for all classes of own rows.
        logits: Whether logits are told too, for those who keep them; no worker has all where classes are split.
    """

    def __init__(
        self,
        network: nn.Cell,
        normalise: Normalise | nn.Identity,
        confidence: Confidence = "softmax",
        workers: Workers = ALONE,
        part: ClassPart | None = None,
        logits: bool = False,
    ) -> None:
        super().__init__(auto_prefix=False)
        self.told = logits and part is None
        self.shared = workers.size > 1
        if self.shared:
            self.all_gather = ops.AllGather()
        self.correction = network if isinstance(network, Correction) else None
        self.network: nn.Cell = network if self.correction is None else self.correction.network
        self.normalise = normalise
        self.predict: Prediction | SplitPrediction = (
            Prediction(confidence) if part is None else SplitPrediction(confidence, part)
        )

    def construct(self, image: Tensor, label: Tensor, mask: Tensor) -> tuple[Tensor, ...]:
        """Predicts a batch.

        Args:
            image: uint8 [B, ch, H, W].
            label: int32 [B].
            mask: 1 for an image, 0 for padding, float32 [B].

        Returns:
            Predicted class int32 [B], its probability float32 [B], label and mask as given, and where they are told
            the logits float32 [B, C], before any correction.
        """
        logits = self.network(self.normalise(image))
        corrected = logits if self.correction is None else self.correction.correct(logits)
        prediction, confidence = self.predict(corrected)
        outputs: tuple[Tensor, ...] = (prediction, confidence, label, mask)
        if self.told:
            outputs = (*outputs, logits)
        if self.shared:  # in the order of the ranks, which is that of the images
            return tuple([self.all_gather(output) for output in outputs])
        return outputs


class Inference(CalledCell):
    """Images to logits and probabilities, as one graph.

    Args:
        network: Normalised images to logits.
        normalise: Bytes to the network's input.
        confidence: What turns the logits into probabilities.
    """

    def __init__(self, network: nn.Cell, normalise: Normalise, confidence: Confidence) -> None:
        super().__init__(auto_prefix=False)
        self.network = network
        self.normalise = normalise
        self.probability = probability(confidence)
        self.set_train(False)

    def construct(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """uint8 [B, ch, H, W] -> logits and probabilities, both float32 [B, C]."""
        logits = self.network(self.normalise(image))
        return logits, self.probability(logits)
