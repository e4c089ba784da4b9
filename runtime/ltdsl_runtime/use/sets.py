"""Sets of classes that hold the right one as often as is asked, as a mean over classes and not over images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ltdsl.runs.arrays import read_predictions
from ltdsl_runtime.errors import RunError
from ltdsl_runtime.use.afterwards import kept, model_prior

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ltdsl.runs.predictions import Checkpoint
    from ltdsl_runtime.use.trained import Trained

    Array = NDArray[np.float64]

#: Sums of shares that differ by less are equal.
ROUNDING = 1e-9


def scores(logits: NDArray[np.floating[Any]], prior: Array) -> Array:
    """How unlike each class an image is: log π_c − log p_c, p the softmax and π the model's prior.

    p_c / π_c is, but for a factor of the image, how likely such an image is among those of class c; so of all sets with
    a macro coverage those of the classes below a bound are the smallest on average (Neyman and Pearson's lemma).

    Args:
        logits: Before any posthoc trick, [N, C].
        prior: The shares of classes that the model takes for granted, [C].

    Returns:
        float64 [N, C].
    """
    z = logits.astype(np.float64)
    z -= z.max(1, keepdims=True)
    found: Array = np.log(prior) - z + np.log(np.exp(z).sum(1, keepdims=True))
    return found


def bounds(score: Array, label: NDArray[np.int32], classes: int, coverage: float) -> Array:
    """The largest score with which each class is still in a set.

    Weighted conformal prediction for images whose classes are equally frequent (Podkopaev, Ramdas: Distribution-free
    uncertainty quantification for classification under label shift, UAI 2021): an image of class c counts 1 / n_c, and
    the image that is asked about counts as one more of the class that it is asked for.

    Args:
        score: Of each validation image, that of its own class, [N].
        label: [N].
        classes: C.
        coverage: The share of right sets, a mean over classes, in (0, 1).

    Returns:
        float64 [C]; infinite where a class has too few images, or none, to be left out of any set.
    """
    images = np.bincount(label, minlength=classes)
    order = np.argsort(score, kind="stable")
    reached = np.cumsum(1 / images[label[order]])
    tested = (images > 0).sum()
    with np.errstate(divide="ignore"):
        asked = coverage * (tested + 1 / images)
    places = np.searchsorted(reached, asked - ROUNDING)
    found: Array = np.append(score[order], np.inf)[np.minimum(places, len(score))]
    return found


@dataclass(frozen=True)
class Sets:
    """What makes sets of logits.

    Attributes:
        prior: The model's, [C].
        bounds: See :func:`bounds`.
    """

    prior: Array
    bounds: Array

    def of(self, logits: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
        """Which classes are in the set of each image, [N, C]; the most typical one always is."""
        found = scores(logits, self.prior)
        inside: NDArray[np.bool_] = found <= self.bounds
        inside[np.arange(len(found)), found.argmin(1)] = True
        return inside


def sets_of(run: Trained, checkpoint: str, coverage: float) -> Sets:
    """What makes sets of a run's logits, from those that it keeps of its validation part.

    Args:
        run: The run.
        checkpoint: ``last`` or ``best``.
        coverage: In (0, 1).

    Raises:
        RunError: LT416, the run has no validation part, keeps no logits of it, or its loss has no softmax.
    """
    if checkpoint not in ("last", "best"):
        message = "sets of classes need logits, which are kept of the last and the best epoch only"
        raise RunError("LT416", message, "last, or best")
    which: Checkpoint = "last" if checkpoint == "last" else "best"
    found, told = kept(run, which, "validation"), read_predictions(run.path, which, "validation")
    if found is None or told is None:
        raise RunError(
            "LT416",
            f"{run.path} has no validation part, which sets of classes are fitted to",
            "train with `validation = 0.1`",
        )
    about, _ = told
    if about.confidence != "softmax":
        message = (
            f"the loss of epoch {about.epoch} asks each class on its own, so its model has no prior"
        )
        raise RunError("LT416", message, "choose another checkpoint, or a run of a softmax loss")
    prior = model_prior(run, about.epoch)
    own = scores(found.logits, prior)[np.arange(len(found.label)), found.label]
    return Sets(prior, bounds(own, found.label, len(prior), coverage))
