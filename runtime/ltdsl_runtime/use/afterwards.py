"""What a run's kept logits say under other posthoc tricks and other test priors: no network, no training.

Everything is computed in float64 from the float32 logits that the run keeps of its test and validation parts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ltdsl.longtail import class_groups
from ltdsl.runs.arrays import read_predictions
from ltdsl.runs.errors import UnreadableError
from ltdsl.system.opening import LIST, open_file
from ltdsl_runtime.errors import RunError
from ltdsl_runtime.machine.device import set_environment
from ltdsl_runtime.tricks.priors import effective_prior

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from ltdsl import catalogue
    from ltdsl.catalogue import phases as declared
    from ltdsl.runs.predictions import Checkpoint, PartName
    from ltdsl_runtime.use.trained import Trained

    Array = NDArray[np.float64]

#: Rounds of the estimate, and the change of the prior that ends it.
ROUNDS, ENOUGH = 1000, 1e-10


@dataclass(frozen=True)
class Kept:
    """What is kept of a part.

    Attributes:
        label: int32 [N].
        logits: Before any posthoc trick, float64 [N, C].
        confidence: What turns them into probabilities.
    """

    label: NDArray[np.int32]
    logits: Array
    confidence: str


def kept(run: Trained, which: Checkpoint, part: PartName) -> Kept | None:
    """The logits of a part; None for a validation part that the run does not have.

    Raises:
        RunError: LT416, they are not kept, or damaged.
    """
    anew = f"ltdsl eval {run.path} --predictions {run.path}"
    try:
        found = read_predictions(run.path, which, part, logits=True)
    except UnreadableError as error:
        raise RunError("LT416", str(error), f"have them made anew: {anew}") from error
    if found is None and part == "validation" and "validation" not in run.facts.data_sha256:
        return None
    if found is None:
        raise RunError("LT416", f"{run.path} keeps no predictions of its {which} epoch", anew)
    about, observed = found
    if observed.logits is None:
        raise RunError("LT416", f"{run.path} keeps no logits: {about.without_logits}")
    return Kept(observed.label, np.asarray(observed.logits, np.float64), about.confidence)


# ── posthoc tricks ───────────────────────────────────────────────────────────────────────────────


def _shifted(
    entry: catalogue.Posthoc, logits: Array, counts: Sequence[int], run: Trained, which: str
) -> Array:
    del run, which
    shifted: Array = logits - np.asarray(entry.logit_offsets(counts))
    return shifted


def _tau_norm(
    entry: declared.TauNormalisation, logits: Array, counts: Sequence[int], run: Trained, which: str
) -> Array:
    del counts
    set_environment()  # for mindspore, which these import
    from ltdsl_runtime.models.scaled import FACTORS
    from ltdsl_runtime.weights.averages import STEPS, as_used
    from ltdsl_runtime.weights.restore import load_own

    saved = load_own(
        run.checkpoint(which),
        run.plan.digest(),
        lambda name, value: value if "classifier." in name or name == STEPS else None,
    )
    saved = as_used(saved)
    if run.plan.classifier == "cosine" or FACTORS in saved:
        raise RunError(
            "LT416",
            f"`{entry.name}` changes the lengths of class weights, and this run's classifier has set them already",
        )
    weight = np.asarray(saved["classifier.weight"], np.float64)
    length = np.linalg.norm(weight, axis=1) ** entry.tau
    bias = np.asarray(saved["classifier.bias"], np.float64) if "classifier.bias" in saved else 0.0
    corrected: Array = (logits - bias) / length + (bias if entry.bias == "kept" else 0)
    return corrected


def _effective_prior(
    entry: declared.Prior2Posterior, logits: Array, counts: Sequence[int], run: Trained, which: str
) -> Array:
    del counts
    held = kept(run, "last" if which == "last" else "best", "validation")
    if held is None:
        raise RunError(
            "LT416",
            f"`{entry.name}` is measured on the validation part, and {run.path} has none",
            "begin a run with `validation = 0.1`",
        )
    if held.confidence != "softmax":
        raise RunError(
            "LT416",
            f"`{entry.name}` takes the mean of a softmax, and the loss of the {which} epoch asks each class on its own",
        )
    corrected: Array = logits - entry.tau * np.log(effective_prior(held.logits))
    return corrected


#: (declaration, logits, training images of each class, run, checkpoint) -> corrected logits
CORRECTIONS: dict[str, Callable[..., Array]] = {
    "tau_norm": _tau_norm,
    "posthoc_logit_adjustment": _shifted,
    "prior2posterior": _effective_prior,
}


def _figures(label: NDArray[np.int32], logits: Array, counts: Sequence[int]) -> dict[str, Any]:
    right = logits.argmax(1) == label
    images = np.bincount(label, minlength=len(counts))
    recall = np.bincount(label, right, len(counts)) / np.maximum(images, 1)
    tested = images > 0

    def mean(classes: Sequence[int]) -> float | None:
        found = [recall[c] for c in classes if tested[c]]
        return 100 * float(np.mean(found)) if found else None

    groups = class_groups(counts)._asdict()
    return {
        "top1_error": 100 * float(1 - right.mean()),
        "macro_recall": mean(range(len(counts))),
        "groups": {name: mean(classes) for name, classes in groups.items()},
    }


def try_posthoc(
    run: Trained, tricks: Sequence[catalogue.Posthoc | None], checkpoint: str | None = None
) -> dict[str, Any]:
    """Figures of a run's kept logits with each posthoc trick in the place of its own.

    Args:
        run: The run.
        tricks: What is tried; None for none.
        checkpoint: ``last`` or ``best``; by default the best where the run has chosen one.

    Returns:
        ``checkpoint``; ``rows``, each with ``posthoc``, the ``test`` figures and, where the run has a validation part,
        those of ``validation``; and ``chosen``, the row with the highest macro recall on the validation part, or None
        without one: the test part chooses nothing.

    Raises:
        RunError: LT416, what is needed is not kept, or a trick does not suit the run.
    """
    which = _named(run, checkpoint)
    counts = run.data.train_counts
    parts = {part: kept(run, which, part) for part in ("validation", "test")}
    rows: list[dict[str, Any]] = []
    for trick in tricks:
        _must_suit(run, trick)
        row: dict[str, Any] = {"posthoc": None if trick is None else str(trick)}
        for part, found in parts.items():
            if found is not None:
                logits = found.logits
                if trick is not None:
                    logits = CORRECTIONS[trick.name](trick, logits, counts, run, which)
                row[part] = _figures(found.label, logits, counts)
        rows.append(row)
    chosen = None
    if parts["validation"] is not None:
        chosen = max(range(len(rows)), key=lambda i: rows[i]["validation"]["macro_recall"])
    return {"checkpoint": which, "rows": rows, "chosen": chosen}


def _named(run: Trained, checkpoint: str | None) -> Checkpoint:
    which = checkpoint or run.preferred
    if which not in ("last", "best"):
        raise RunError(
            "LT416", "logits are kept of the last and the best epoch only", "last, or best"
        )
    run.checkpoint(which)
    return "last" if which == "last" else "best"


def _must_suit(run: Trained, trick: catalogue.Posthoc | None) -> None:
    """Refuse to correct the prior after a loss that has corrected it: it would be twice."""
    loss = run.plan.stages[-1].loss
    long_tail = (1000, 1)
    if trick is None:
        return
    shifts = [each.logit_offsets(long_tail) for each in (trick, loss)]
    if all(offsets is not None and offsets[0] > offsets[-1] for offsets in shifts):
        raise RunError(
            "LT416",
            f"`{loss.name}` has corrected the class prior already, and `{trick.name}` would again",
            "use `--prior` for another test prior, or a run of another loss",
        )


# ── test priors ──────────────────────────────────────────────────────────────────────────────────


def prior_of(text: str, counts: Sequence[int]) -> Array:
    """A test prior: ``uniform``, ``train``, ``reversed``, ``forward(F)``, ``backward(F)``, or a file of numbers.

    ``forward(F)`` falls from the most frequent training class to the rarest, by the factor F in all, ``backward(F)``
    rises; ``reversed`` gives the rarest class the share of the most frequent one, and so on. A file has a number for
    each class, in the order of the classes.

    Returns:
        Shares, float64 [C], summing to 1.

    Raises:
        RunError: LT416, it is none of these.
    """
    numbers = np.asarray(counts, np.float64)
    order = np.argsort(-numbers, kind="stable")
    name, _, rest = text.partition("(")
    if text == "uniform":
        shares = np.ones_like(numbers)
    elif text == "train":
        shares = numbers
    elif text == "reversed":
        shares = np.empty_like(numbers)
        shares[order] = numbers[order[::-1]]
    elif name in ("forward", "backward") and rest.endswith(")"):
        factor = _number(rest[:-1], text)
        if not 1 <= factor <= 1e6:
            raise RunError("LT416", f"the factor of `{text}` must lie between 1 and 1,000,000")
        rank = np.empty(len(numbers))
        rank[order] = np.arange(len(numbers)) / max(1, len(numbers) - 1)
        shares = factor ** (-rank if name == "forward" else rank)
    else:
        shares = _in_file(Path(text), len(numbers))
    normal: Array = shares / shares.sum()
    return normal


def _number(text: str, whole: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise RunError("LT416", f"`{whole}` has no number in its brackets", "such as forward(50)")
    return value


def _in_file(path: Path, classes: int) -> Array:
    if not path.is_file():
        raise RunError(
            "LT416",
            f"`{path}` is no prior and no file",
            "uniform, train, reversed, forward(50), backward(50), or a file with a number for each class",
        )
    with open_file(path, LIST) as file:
        words = file.read().decode("utf-8", "replace").replace(",", " ").split()
    shares = np.array([_number(word, str(path)) for word in words])
    if len(shares) != classes or (shares < 0).any() or shares.sum() <= 0:
        raise RunError("LT416", f"{path} must have {classes} numbers, none negative, not all 0")
    return shares


def model_prior(run: Trained, epoch: int | None = None) -> Array:
    """The shares of classes that the run's model takes for granted: those of its training images, times all pulls.

    A softmax that is at its optimum has odds of N_c times what sampler and loss multiply them by.

    Args:
        run: The run.
        epoch: Of the weights; None for the last one.
    """
    plan, counts = run.plan, run.data.train_counts
    stage = plan.stages[-1] if epoch is None else plan.stage_at(epoch)
    shares = np.asarray(counts, np.float64)
    for trick in (stage.sampler, stage.loss):
        pulls = trick.pulls(counts)
        if pulls is not None:
            shares = shares * np.asarray(pulls)
    normal: Array = shares / shares.sum()
    return normal


def estimated_prior(logits: Array, trained: Array, weights: Array) -> Array:
    """The test prior under which unlabelled images are likeliest, by expectation and maximisation.

    Saerens, Latinne, Decaestecker: Adjusting the Outputs of a Classifier to New a Priori Probabilities, Neural
    Computation 2002, equations 2.9.

    Args:
        logits: [N, C].
        trained: The prior that the model takes for granted, [C].
        weights: How often each image counts, [N], summing to 1.
    """
    p = np.exp(logits - logits.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    prior = trained
    for _ in range(ROUNDS):
        posterior = p * (prior / trained)
        posterior /= posterior.sum(1, keepdims=True)
        better: Array = weights @ posterior
        moved = np.abs(better - prior).max()
        prior = better
        if moved < ENOUGH:
            break
    return prior


def try_prior(run: Trained, text: str, checkpoint: str | None = None) -> dict[str, Any]:
    """How right a run's model is where test classes have other shares, as it is and corrected.

    The test images count by their class's share: right answers are Σ_c share_c · recall_c.

    Args:
        run: The run, of a loss with softmax.
        text: See :func:`prior_of`.
        checkpoint: As for :func:`try_posthoc`.

    Returns:
        ``prior``; ``right``, in percent, of the model ``as_it_is``, corrected by the ``known`` prior and by the one
        ``estimated`` from the images alone; and ``distance``, half of Σ_c |estimated_c − share_c|.

    Raises:
        RunError: LT416, logits are not kept, the loss has no softmax, or a class with a share has no test image.
    """
    which = _named(run, checkpoint)
    counts = run.data.train_counts
    shares = prior_of(text, counts)
    if run.plan.confidence_at() != "softmax":
        loss = run.plan.stages[-1].loss.name
        raise RunError("LT416", f"`{loss}` asks each class on its own, so its model has no prior")
    found = kept(run, which, "test")
    assert found is not None
    images = np.bincount(found.label, minlength=len(counts))
    if (images[shares > 0] == 0).any():
        raise RunError("LT416", "a class that has a share of the prior has no test image")
    weights = (shares / np.maximum(images, 1))[found.label]
    trained = model_prior(run)
    estimated = estimated_prior(found.logits, trained, weights)

    def right(prior: Array) -> float:
        with np.errstate(divide="ignore"):  # a class without a share is never predicted
            logits = found.logits + np.log(prior) - np.log(trained)
        return 100 * float(weights @ (logits.argmax(1) == found.label))

    return {
        "checkpoint": which,
        "prior": shares.tolist(),
        "right": {
            "as_it_is": right(trained),
            "known": right(shares),
            "estimated": right(estimated),
        },
        "estimated_prior": estimated.tolist(),
        "distance": float(np.abs(estimated - shares).sum() / 2),
    }
