"""A trained network, for use: its weights from a checkpoint, and its graphs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ltdsl.runs.layout import EVALUATION
from ltdsl_runtime.errors import RunError
from ltdsl_runtime.graph.evaluation import EvalStep, Inference
from ltdsl_runtime.graph.normalise import Normalise
from ltdsl_runtime.training.evaluate import NOTHING, Fitted
from ltdsl_runtime.tricks.calibration import Calibrated, measures_prior, outcome_of
from ltdsl_runtime.use.trained import NAMED
from ltdsl_runtime.weights import checkpoints
from ltdsl_runtime.weights.averages import are_averaged, as_trained, as_used
from ltdsl_runtime.weights.classes import Kind, must_be_ours, names_in, related, told
from ltdsl_runtime.weights.restore import load_own, restored_network

if TYPE_CHECKING:
    from pathlib import Path

    from mindspore import nn

    from ltdsl.plan import Confidence, Plan
    from ltdsl_runtime.models import Network
    from ltdsl_runtime.use.trained import Trained
    from ltdsl_runtime.weights.records import Saved


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
        model: The network's name in the catalogue.
        said: What to tell of its classes, where it is no checkpoint of the run itself.
        averaged: Whether the weights are averages of the trained ones.
        fitted: What was fitted to these weights, of what the run's plan asks for.
    """

    network: Network
    outcome: nn.Cell
    normalise: Normalise
    confidence: Confidence
    epoch: int | None
    path: Path
    model: str
    said: str | None = None
    averaged: bool = False
    fitted: Fitted = NOTHING

    def evaluation(self, logits: bool = False) -> EvalStep:
        """The graph that a run is evaluated with, and one that tells logits too."""
        return EvalStep(self.outcome, self.normalise, self.confidence, logits=logits)

    def inference(self) -> Inference:
        """The graph that predicts."""
        return Inference(self.outcome, self.normalise, self.confidence)


def load_model(run: Trained, which: str, into: Model | None = None, trained: bool = False) -> Model:
    """A run's network with the weights of one of its checkpoints.

    Args:
        run: The run.
        which: ``last``, ``best`` or a path.
        into: A model of the same run that gives its network, and loses its weights: graphs of it stay compiled.
        trained: Take the trained weights where the checkpoint has averages of them too.

    Raises:
        RunError: LT411, LT412, LT413: the checkpoint is missing, damaged, or of another model.
    """
    path = run.checkpoint(which)
    saved = _read(run, which, path)
    averaged = are_averaged(saved) and not trained
    saved = as_used(saved) if averaged else as_trained(saved)
    plan, data = run.plan, run.data
    ours = None if which in NAMED else data.classes  # its own are those it was trained on
    if into is None:
        network = restored_network(plan, len(data.classes), data.view.channels, saved, path, ours)
        outcome = outcome_of(plan, network, data.train_counts)
    else:
        network, outcome = into.network, into.outcome
        saved = must_be_ours(saved, path, network, ours)
        checkpoints.apply(saved, network, path)
    epoch = _epoch(saved, plan, path)
    normalise = Normalise(np.asarray(data.mean, np.float32), np.asarray(data.std, np.float32))
    kind: Kind = "same" if ours is None else related(names_in(saved, path), ours).kind
    said = told(kind, path)
    confidence = plan.confidence_at(epoch)
    to = _fitted(run, which, outcome, len(data.classes))
    missing = []
    prior = measures_prior(outcome)
    if prior is not None:
        prior.set(to.prior)
        missing += ["their prior is not corrected"] if to.prior is None else []
    if isinstance(outcome, Calibrated):
        outcome.set(to.temperature or 1.0)
        missing += ["their confidence is not calibrated"] if to.temperature is None else []
    if missing:
        unfitted = f"nothing was fitted to the weights of {path}: {', and '.join(missing)}"
        said = unfitted if said is None else f"{said}; {unfitted}"
    return Model(
        network,
        outcome,
        normalise,
        confidence,
        epoch,
        path,
        plan.model.name,
        said,
        averaged,
        to,
    )


def _fitted(run: Trained, which: str, outcome: nn.Cell, classes: int) -> Fitted:
    """What was fitted to the weights of a checkpoint as the run ended."""
    figures = run.figures(which)
    if figures is None:
        return NOTHING
    shares = figures.effective_prior
    if measures_prior(outcome) is None or shares is None:
        return Fitted(None, figures.temperature)
    prior = np.asarray(shares, np.float64)
    if prior.shape != (classes,) or not (prior > 0).all():
        hint = "the file was changed; use it as the run wrote it"
        raise RunError("LT413", f"{run.path / EVALUATION} has no prior of {classes} classes", hint)
    return Fitted(prior, figures.temperature)


def _read(run: Trained, which: str, path: Path) -> Saved:
    """A checkpoint's content; one that the run has a name for must be its own, and whole."""
    if which not in NAMED:
        return checkpoints.load(path)
    try:
        return load_own(path, run.plan.digest())
    except RunError as error:
        previous = path.with_name("previous.ckpt")
        if error.code != "LT411" or which != "last" or not previous.is_file():
            raise
        hint = f"take that of the epoch before: --checkpoint {previous}"
        raise RunError(error.code, error.message, hint) from error


def _epoch(saved: Saved, plan: Plan, path: Path) -> int | None:
    """The epoch of the run that a checkpoint is of; None where it does not say, or is of another run."""
    epoch = saved.get("epoch")
    if epoch is None or saved.get("plan_sha256") != plan.digest():
        return None
    number = -1
    if isinstance(epoch, np.ndarray) and epoch.size == 1 and epoch.dtype.kind in "iu":
        number = int(epoch.item())
    if not 0 <= number < plan.epochs:
        raise RunError("LT412", f"{path} is of an epoch that the run does not have")
    return number
