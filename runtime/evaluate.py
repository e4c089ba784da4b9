"""Evaluation: from predictions to the figures of a report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from mindspore.train import Metric, Model

from ltdsl.longtail import class_groups
from runtime.data.pipeline import evaluation_dataset

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runtime.data import ImageArrays
    from runtime.step import EvalStep

#: Bins of the expected calibration error.
CALIBRATION_BINS = 15

#: Images of an evaluation step. It decides speed only: no figure depends on it.
BATCH_SIZE = 256


@dataclass(frozen=True)
class Scores:
    """What a network does on a set of images.

    Attributes:
        confusion: Images by (label, prediction), int64 [C, C].
        calibration: For each of the equally wide bins of confidence: images, right ones, sum of confidences; float64
            [bins, 3].
    """

    confusion: np.ndarray
    calibration: np.ndarray

    @property
    def top1_error(self) -> float:
        """Share of images that are misclassified, in percent."""
        images = int(self.confusion.sum())
        return 100 * (images - int(np.trace(self.confusion))) / images

    def report(self, train_counts: Sequence[int], class_names: Sequence[str]) -> dict[str, Any]:
        """All figures, as JSON-able data; errors and accuracies in percent.

        Args:
            train_counts: Training images of each class, which decide the many, medium and few groups.
            class_names: One name a class.
        """
        images = self.confusion.sum(axis=1)
        recall = 100 * np.diag(self.confusion) / np.maximum(images, 1)
        groups = class_groups(train_counts)._asdict()
        return {
            "top1_error": self.top1_error,
            "macro_recall": float(recall[images > 0].mean()),
            "expected_calibration_error": self.calibration_error,
            "groups": {
                name: {"classes": len(classes), "accuracy": float(recall[list(classes)].mean())}
                if classes
                else {"classes": 0, "accuracy": None}
                for name, classes in groups.items()
            },
            "per_class": [
                {
                    "class": name,
                    "train_images": int(count),
                    "test_images": int(total),
                    "accuracy": float(value),
                }
                for name, count, total, value in zip(
                    class_names, train_counts, images, recall, strict=True
                )
            ],
            "confusion": self.confusion.tolist(),
        }

    @property
    def calibration_error(self) -> float:
        """Σ_bins (n_b / N) · |accuracy_b − confidence_b|, in percent (Guo et al., ICML 2017, equation 3)."""
        images, right, confidence = self.calibration.T
        return 100 * float(np.abs(right - confidence).sum() / images.sum())


class Counts(Metric):
    """Counts predictions on the host, padding left out."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self._classes = classes
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self._confusion = np.zeros((self._classes, self._classes), np.int64)
        self._calibration = np.zeros((CALIBRATION_BINS, 3))

    def update(self, *outputs: Any) -> None:
        """Add a batch: prediction, confidence, label and mask, each [B]."""
        prediction, confidence, label, mask = (output.asnumpy() for output in outputs)
        real = mask > 0
        prediction, confidence, label = prediction[real], confidence[real], label[real]
        np.add.at(self._confusion, (label, prediction), 1)
        bins = np.clip(
            np.ceil(confidence * CALIBRATION_BINS).astype(int) - 1, 0, CALIBRATION_BINS - 1
        )
        row = np.stack([np.ones_like(confidence), prediction == label, confidence], axis=1)
        np.add.at(self._calibration, bins, row)

    def eval(self) -> Scores:
        """The counts so far."""
        return Scores(self._confusion.copy(), self._calibration.copy())


class Evaluator:
    """Evaluates the live weights of a network on one set of images, with one graph.

    Args:
        step: The evaluation graph.
        classes: Number of classes.
    """

    def __init__(self, step: EvalStep, classes: int) -> None:
        self._step = step
        self._model = Model(step, eval_network=step, metrics={"counts": Counts(classes)})

    def __call__(self, arrays: ImageArrays) -> Scores:
        """Evaluate on all of ``arrays``."""
        # the network is shared with a training step, which leaves it in training mode
        self._step.set_train(False)
        dataset = evaluation_dataset(arrays, BATCH_SIZE)
        return self._model.eval(dataset, dataset_sink_mode=False)["counts"]
