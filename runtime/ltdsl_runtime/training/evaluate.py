"""Evaluation: from predictions to the figures of a report."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np
from mindspore import Tensor, nn
from mindspore.train import Callback, Metric, Model

from ltdsl.longtail import about_thirds, class_groups
from ltdsl.runs.arrays import Observed
from ltdsl.runs.predictions import no_logits
from ltdsl_runtime.clock import now_at, spent_on
from ltdsl_runtime.data.pipeline import evaluation_dataset, own_errors
from ltdsl_runtime.graph.evaluation import EvalStep
from ltdsl_runtime.graph.normalise import Normalise
from ltdsl_runtime.parallel.cluster import ALONE
from ltdsl_runtime.plugged import implementation
from ltdsl_runtime.tricks.calibration import (
    CALIBRATIONS,
    Calibrated,
    measures_prior,
    outcome_of,
)
from ltdsl_runtime.tricks.priors import effective_prior

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from ltdsl.plan import Confidence, Plan
    from ltdsl.runs.predictions import Checkpoint, PartName
    from ltdsl_runtime.data import LoadedData
    from ltdsl_runtime.data.part import Part, Rows
    from ltdsl_runtime.models import Network
    from ltdsl_runtime.parallel.cluster import Workers
    from ltdsl_runtime.tricks.posthoc import EffectivePrior

#: Bins of the expected calibration error.
CALIBRATION_BINS = 15

#: Images of an evaluation step at most, and what they are a multiple of, as the kernels of a CPU take them. The last
#: digits of logits depend on them, so that a run, its resumption and `ltdsl evaluate` must come to the same ones.
BATCH_SIZE, MULTIPLE = 256, 16


def batch_size(images: int) -> int:
    """Images of a step, so that as few as possible of the last one are padding."""
    steps = max(1, math.ceil(images / BATCH_SIZE))
    return max(1, math.ceil(images / steps / MULTIPLE)) * MULTIPLE


@dataclass(frozen=True)
class Confusion:
    """Images by label and prediction, without the cells that are empty: 8,142 classes have 66 million cells.

    Attributes:
        classes: Number of classes C.
        label: The label of each cell, int64 [n]; cells are in order of label, then of prediction.
        prediction: The predicted class of each cell, int64 [n].
        images: Images in each cell, int64 [n], none of them 0.
    """

    classes: int
    label: NDArray[np.int64]
    prediction: NDArray[np.int64]
    images: NDArray[np.int64]

    @classmethod
    def of(
        cls, classes: int, labels: NDArray[np.int32], predictions: NDArray[np.int32]
    ) -> Confusion:
        """Count images, given the label and the prediction of each."""
        cells = labels.astype(np.int64) * classes + predictions
        cells, images = np.unique(cells, return_counts=True)
        return cls(classes, cells // classes, cells % classes, images)

    def by_label(self) -> NDArray[np.int64]:
        """Images of each class, int64 [C]."""
        return self._sums(slice(None))

    def right(self) -> NDArray[np.int64]:
        """Images of each class that are predicted right, int64 [C]."""
        return self._sums(self.label == self.prediction)

    def _sums(self, chosen: slice | NDArray[np.bool_]) -> NDArray[np.int64]:
        sums = np.zeros(self.classes, np.int64)
        np.add.at(sums, self.label[chosen], self.images[chosen])
        return sums

    def dense(self) -> NDArray[np.int64]:
        """The whole matrix, int64 [C, C], rows by label; for classes that are few."""
        matrix = np.zeros((self.classes, self.classes), np.int64)
        matrix[self.label, self.prediction] = self.images
        return matrix

    def report(self) -> dict[str, list[int]]:
        """The cells that are not empty, in columns."""
        return {
            "label": self.label.tolist(),
            "prediction": self.prediction.tolist(),
            "count": self.images.tolist(),
        }


@dataclass(frozen=True)
class Scores:
    """What a network does on a set of images.

    Attributes:
        confusion: Images by label and prediction.
        calibration: For each of the equally wide bins of confidence: images, right ones, sum of confidences; float64
            [bins, 3].
        observed: What was counted, image by image; with logits where they were to be kept.
    """

    confusion: Confusion
    calibration: NDArray[np.float64]
    observed: Observed | None = None

    @property
    def top1_error(self) -> float:
        """Share of images that are misclassified, in percent."""
        images = int(self.confusion.images.sum())
        return 100 * (images - int(self.confusion.right().sum())) / images

    @property
    def macro_recall(self) -> float:
        """Mean of the accuracies of the classes that have images, in percent."""
        images = self.confusion.by_label()
        tested = images > 0
        return 100 * float((self.confusion.right()[tested] / images[tested]).mean())

    def report(self, train_counts: Sequence[int], class_names: Sequence[str]) -> dict[str, Any]:
        """All figures, as JSON-able data; errors and accuracies in percent.

        Classes without test images have no accuracy (None) and no part in any mean.

        Args:
            train_counts: Training images of each class, which decide the many, medium and few groups.
            class_names: One name a class.
        """
        images = self.confusion.by_label()
        tested = images > 0
        recall = 100 * self.confusion.right() / np.maximum(images, 1)
        about = about_thirds(train_counts)
        return {
            "top1_error": self.top1_error,
            "macro_recall": self.macro_recall,
            "expected_calibration_error": self.calibration_error,
            "groups": {
                name: {
                    "classes": len(classes),
                    "accuracy": _mean(recall[[c for c in classes if tested[c]]]),
                }
                for name, classes in class_groups(train_counts)._asdict().items()
            },
            **({"about_groups": about} if about else {}),
            "per_class": [
                {
                    "class": name,
                    "train_images": int(count),
                    "test_images": int(total),
                    "accuracy": float(value) if total else None,
                }
                for name, count, total, value in zip(
                    class_names, train_counts, images, recall, strict=True
                )
            ],
            "calibration": self._bins(),
            "confusion": self.confusion.report(),
        }

    @property
    def calibration_error(self) -> float:
        """Σ_bins (n_b / N) · |accuracy_b − confidence_b|, in percent (Guo et al., ICML 2017, equation 3)."""
        images, right, confidence = self.calibration.T
        return 100 * float(np.abs(right - confidence).sum() / images.sum())

    def _bins(self) -> list[dict[str, Any]]:
        """A reliability diagram's bars; accuracy and mean confidence in percent, None in an empty bin."""
        return [
            {
                "above": 100 * index / CALIBRATION_BINS,
                "to": 100 * (index + 1) / CALIBRATION_BINS,
                "count": int(images),
                "accuracy": 100 * right / images if images else None,
                "confidence": 100 * confidence / images if images else None,
            }
            for index, (images, right, confidence) in enumerate(self.calibration.tolist())
        ]


def described(
    plan: Plan,
    scores: Scores,
    checkpoint: Checkpoint,
    part: PartName,
    epoch: int | None,
    fingerprint: str,
) -> dict[str, Any]:
    """What is kept of the predictions of a part: arguments of :func:`ltdsl.runs.arrays.write_predictions`.

    Args:
        plan: The run.
        scores: What a checkpoint does on the part.
        checkpoint: Which.
        part: Of which images.
        epoch: That the checkpoint is of.
        fingerprint: Of the images.
    """
    observed, classes = scores.observed, scores.confusion.classes
    assert observed is not None
    why = no_logits(len(observed.label), classes)
    if why is not None:
        observed = replace(observed, logits=None)
    elif observed.logits is None:
        why = "the classes were split between workers"
    posthoc = plan.stages[-1].posthoc
    return {
        "observed": observed,
        "checkpoint": checkpoint,
        "part": part,
        "epoch": epoch,
        "classes": classes,
        "data_sha256": fingerprint,
        "confidence": plan.confidence_at(epoch),
        "posthoc": None if posthoc is None else str(posthoc),
        **({} if why is None else {"without_logits": why}),
    }


def _mean(values: NDArray[np.float64]) -> float | None:
    return float(values.mean()) if len(values) else None


class Counts(Metric):
    """Counts predictions on the host, padding left out.

    Attributes:
        keeps_logits: Whether what is observed has logits, where there are any.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        self._classes = classes
        self.keeps_logits = False
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self._labels: list[NDArray[np.int32]] = []
        self._predictions: list[NDArray[np.int32]] = []
        self._confidences: list[NDArray[np.float32]] = []
        self._logits: list[NDArray[np.float32]] = []
        self._calibration = np.zeros((CALIBRATION_BINS, 3))

    def update(self, *outputs: Tensor) -> None:
        """Add a batch: prediction, confidence, label and mask, each [B], and perhaps logits [B, C]."""
        prediction, confidence, label, mask = (output.asnumpy() for output in outputs[:4])
        real = mask > 0
        prediction, confidence, label = prediction[real], confidence[real], label[real]
        self._labels.append(label)
        self._predictions.append(prediction)
        self._confidences.append(confidence)
        if self.keeps_logits and len(outputs) > 4:
            self._logits.append(outputs[4].asnumpy()[real])
        bins = np.clip(
            np.ceil(confidence * CALIBRATION_BINS).astype(int) - 1, 0, CALIBRATION_BINS - 1
        )
        row = np.stack([np.ones_like(confidence), prediction == label, confidence], axis=1)
        np.add.at(self._calibration, bins, row)
        now_at("wait")

    def eval(self) -> Scores:
        """The counts so far."""
        logits = np.concatenate(self._logits) if self._logits else None
        observed = Observed(
            np.concatenate(self._labels),
            np.concatenate(self._predictions),
            np.concatenate(self._confidences),
            logits,
        )
        confusion = Confusion.of(self._classes, observed.label, observed.prediction)
        return Scores(confusion, self._calibration.copy(), observed)


class _Passing(Callback):
    """Tells the run's clock, if there is one, when a batch is there; :class:`Counts` are what it was for."""

    def __init__(self) -> None:
        super().__init__()
        self._compiled = False

    def on_eval_step_begin(self, run_context: Any) -> None:
        """A batch is there."""
        now_at("evaluate" if self._compiled else "compile")
        self._compiled = True


class Evaluator:
    """Evaluates the live weights of a network on one set of images, with one graph.

    Args:
        step: The evaluation graph.
        classes: Number of classes.
        workers: Who share the images; the graph gathers what they predict, so that all count all images.
        stand_in: Gives what stands for a part's images, for a graph that takes that; None for one that takes images.
        images: Of the test part, whichever part is evaluated first: they decide how many a step takes. None where only
            one part is evaluated.
    """

    def __init__(
        self,
        step: EvalStep,
        classes: int,
        workers: Workers = ALONE,
        stand_in: Callable[[Part], Rows] | None = None,
        images: int | None = None,
    ) -> None:
        self._workers = workers
        self._stand_in = stand_in
        self._step = step
        #: One for all parts: another one is another graph to compile.
        self._batch_size = None if images is None else batch_size(images)
        self._counts = Counts(classes)
        self._passing = _Passing()
        self._model = Model(step, eval_network=step, metrics={"counts": self._counts})

    def __call__(self, part: Part | Rows, logits: bool = False) -> Scores:
        """Evaluate on all of ``part``.

        Args:
            part: The images; a part of the data, for a graph that takes what stands for its images.
            logits: Keep theirs, where the graph tells them.
        """
        self._counts.keeps_logits = logits
        # the network is shared with a training step, which leaves it in training mode
        self._step.set_train(False)
        rows = part if self._stand_in is None else self._stand_in(cast("Part", part))
        self._batch_size = self._batch_size or batch_size(len(rows))
        dataset = evaluation_dataset(rows, self._batch_size, self._workers)
        with own_errors(dataset), spent_on("wait"):
            scores: Scores = self._model.eval(
                dataset, callbacks=self._passing, dataset_sink_mode=False
            )["counts"]
        return scores

    @property
    def calibrated(self) -> Calibrated | None:
        """What divides the logits; None where the plan calibrates nothing."""
        cell = self._step.correction
        return cell if isinstance(cell, Calibrated) else None

    @property
    def prior(self) -> EffectivePrior | None:
        """What corrects the prior that the network has learned; None where the plan asks for nothing of the kind."""
        return measures_prior(self._step.correction)


class Fitted(NamedTuple):
    """What is fitted to weights, on the validation part.

    Attributes:
        prior: The prior that they have learned, float64 [C]; None where nothing asks for it.
        temperature: What their logits are divided by; None for nothing.
    """

    prior: NDArray[np.float64] | None = None
    temperature: float | None = None


#: Nothing is fitted.
NOTHING = Fitted()


def fit_prior(evaluate: Evaluator, plan: Plan, part: Part | None) -> NDArray[np.float64] | None:
    """Set the correction to the prior that the weights as they are have learned, where the plan asks for that.

    Args:
        evaluate: Evaluates these weights.
        plan: The run.
        part: The validation part.
    """
    posthoc = plan.stages[-1].posthoc
    if posthoc is None or not posthoc.is_fitted or part is None:
        return None
    cell = evaluate.prior
    assert cell is not None
    observed = evaluate(part, logits=True).observed
    assert observed is not None
    assert observed.logits is not None  # as the plan asks for them
    prior = effective_prior(observed.logits)
    cell.set(prior)
    return prior


def fitted(evaluate: Evaluator, plan: Plan, part: Part | None) -> Fitted:
    """What is fitted to the weights as they are.

    Args:
        evaluate: Evaluates these weights; its correction is set to what is found.
        plan: The run.
        part: The validation part.
    """
    prior = fit_prior(evaluate, plan, part)
    if plan.calibration is None or part is None:
        return Fitted(prior)
    cell = evaluate.calibrated
    assert cell is not None
    cell.set(1.0)
    observed = evaluate(part, logits=True).observed
    assert observed is not None
    logits = cell.correct(Tensor(observed.logits)).asnumpy()
    return Fitted(prior, implementation(CALIBRATIONS, plan.calibration)(logits, observed.label))


def judged(
    evaluate: Evaluator, part: Part, to: Fitted, logits: bool = True
) -> tuple[Scores, dict[str, Any]]:
    """Evaluate corrected as was fitted, and with calibrated confidence; tell how well calibrated it was before.

    Args:
        evaluate: Evaluates the weights.
        part: The images.
        to: What was fitted to them.
        logits: Keep theirs.
    """
    told: dict[str, Any] = {}
    if to.prior is not None:
        assert evaluate.prior is not None
        evaluate.prior.set(to.prior)
        told["effective_prior"] = to.prior.tolist()
    if to.temperature is None:
        return evaluate(part, logits=logits), told
    cell = evaluate.calibrated
    assert cell is not None
    cell.set(1.0)
    before = evaluate(part).calibration_error
    cell.set(to.temperature)
    told |= {"temperature": to.temperature, "uncalibrated_error": before}
    return evaluate(part, logits=logits), told


def evaluator(
    plan: Plan,
    network: Network,
    data: LoadedData,
    confidence: Confidence,
    workers: Workers = ALONE,
    stand_in: Callable[[Part], Rows] | None = None,
    corrected: bool = True,
) -> Evaluator:
    """What evaluates the network of a run; corrected in all epochs alike, so that errors of any two can be compared.

    Args:
        plan: The run.
        network: The trained one, as it is whenever it is evaluated.
        data: What it is trained on.
        confidence: What turns logits into the probability of a prediction.
        workers: Who share the images.
        stand_in: Gives what stands for a part's images, for a network that takes that; None for one that takes images.
        corrected: False for the network as it is trained.
    """
    outcome = outcome_of(plan, network, data.counts) if corrected else network
    parts = [part for part in (data.test, data.validation) if part is not None]
    needed = isinstance(outcome, Calibrated) or measures_prior(outcome) is not None
    kept = needed or any(no_logits(len(part), len(data.counts)) is None for part in parts)
    step = EvalStep(
        outcome,
        Normalise(data.mean, data.std) if stand_in is None else nn.Identity(),
        confidence,
        workers,
        network.part,
        kept,
    )
    return Evaluator(step, len(data.counts), workers, stand_in, len(data.test))
