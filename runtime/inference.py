"""A trained network, for use: its weights from a checkpoint, and prediction as one graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from mindspore import Tensor, nn, ops

from runtime import checkpoints
from runtime.errors import RunError
from runtime.models import planned_network
from runtime.models.scaled import FACTORS, use_factors
from runtime.posthoc import corrected
from runtime.step import EvalStep, Normalise

if TYPE_CHECKING:
    from pathlib import Path

    from runtime.models import Network
    from runtime.trained import Trained


@dataclass(frozen=True)
class Model:
    """A run's network with the weights of a checkpoint.

    Attributes:
        network: Normalised images to logits; as it was trained, without a posthoc correction.
        outcome: The same with the correction that the run's plan asks for, sharing its weights.
        normalise: Bytes to the network's input.
        confidence: What turns logits into probabilities: what the epoch's loss learned.
        epoch: Which epoch of the run the weights are from; None where the checkpoint does not say.
        path: The checkpoint.
    """

    network: Network
    outcome: nn.Cell
    normalise: Normalise
    confidence: Literal["softmax", "sigmoid"]
    epoch: int | None
    path: Path

    def evaluation(self) -> EvalStep:
        """The graph that a run is evaluated with."""
        return EvalStep(self.outcome, self.normalise, self.confidence)

    def inference(self) -> Inference:
        """The graph that predicts."""
        return Inference(self.outcome, self.normalise, self.confidence)


class Inference(nn.Cell):
    """Images to logits and probabilities, as one graph.

    Args:
        network: Normalised images to logits.
        normalise: Bytes to the network's input.
        confidence: What turns the logits into probabilities.
    """

    def __init__(
        self, network: nn.Cell, normalise: Normalise, confidence: Literal["softmax", "sigmoid"]
    ) -> None:
        super().__init__(auto_prefix=False)
        self.network = network
        self.normalise = normalise
        self.probability = ops.Sigmoid() if confidence == "sigmoid" else ops.Softmax(-1)
        self.set_train(False)

    def construct(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """uint8 [B, ch, H, W] -> logits and probabilities, both float32 [B, C]."""
        logits = self.network(self.normalise(image))
        return logits, self.probability(logits)


def load_model(run: Trained, which: str) -> Model:
    """A run's network with the weights of one of its checkpoints.

    Args:
        run: The run.
        which: ``last``, ``best`` or a path.

    Raises:
        RunError: LT411, LT412, LT413: the checkpoint is missing, damaged, or of another model.
    """
    path = run.checkpoint(which)
    saved = checkpoints.load(path)
    plan, data = run.plan, run.data
    own = str(saved.get("plan_sha256")) == plan.digest()
    if path.parent == run.path / "checkpoints" and "plan_sha256" in saved and not own:
        raise RunError("LT412", f"{path} is a checkpoint of another run")
    network = planned_network(plan, len(data.classes), data.view.channels)
    if FACTORS in saved:
        use_factors(network, len(data.classes))
    checkpoints.apply(saved, network, path)
    epoch = int(saved["epoch"]) if own and "epoch" in saved else None
    if epoch is not None and not 0 <= epoch < plan.epochs:
        raise RunError("LT412", f"{path} says that it is of epoch {epoch + 1} of {plan.epochs}")
    stage = plan.stages[-1] if epoch is None else plan.stage_at(epoch)
    return Model(
        network,
        corrected(plan, network, data.train_counts),
        Normalise(np.float32(data.mean), np.float32(data.std)),
        stage.loss.confidence,
        epoch,
        path,
    )
