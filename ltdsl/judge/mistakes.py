"""The mistakes that a network was surest of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from ltdsl.runs.arrays import read_predictions

if TYPE_CHECKING:
    from ltdsl.runs.reading import Run

#: Mistakes that are shown.
MOST = 12


@dataclass(frozen=True)
class Mistake:
    """An image that was taken for another class.

    Attributes:
        image: Its place in the test part, from 0.
        label, prediction: Names of the classes.
        confidence: In percent.
    """

    image: int
    label: str
    prediction: str
    confidence: float


def surest(run: Run, which: Literal["last", "best"]) -> list[Mistake]:
    """The mistakes of a checkpoint on its test images, the surest first; empty where no predictions are kept.

    Raises:
        UnreadableError: What it keeps is damaged.
    """
    found = read_predictions(run.path, which, "test")
    figures = getattr(run.evaluation, which) if run.evaluation else None
    if found is None or figures is None or len(figures.per_class) != found[0].classes:
        return []
    names = [each.name for each in figures.per_class]
    arrays = found[1]
    wrong = np.flatnonzero(arrays.prediction != arrays.label)
    order = wrong[np.argsort(-arrays.confidence[wrong], kind="stable")][:MOST]
    return [
        Mistake(
            int(image),
            names[arrays.label[image]],
            names[arrays.prediction[image]],
            100 * float(arrays.confidence[image]),
        )
        for image in order
    ]
