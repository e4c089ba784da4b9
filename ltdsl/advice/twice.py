"""LT207."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ltdsl.advice.basis import Arithmetic
from ltdsl.advice.rule import Finding, Rule
from ltdsl.diagnostics import Label

if TYPE_CHECKING:
    from ltdsl.advice.case import Case, StageCase

#: Samplers whose shares of the classes stay the same in every epoch.
STEADY = ("class_balanced", "square_root", "over_sampling", "under_sampling")

#: How far beyond balance two corrections must lead before they are reported.
_BEYOND = 2.0


class CorrectedTwice(Rule):
    """Two corrections of the same class frequencies in one stage.

    A sampler that draws rare classes more often and a loss that weighs them more, or shifts their logits, each undo
    the same imbalance. A softmax loss is at its optimum where the odds of two classes are those of (share of the
    draws) × (weight) / exp(shift of the logit), times what the image says; one correction makes the first factor 1,
    and the second then favours the rarest class by up to the imbalance. The rule computes the factor from the class
    counts and reports it beyond 2. `cs_ce` with `cam_bs` is LT201, which quotes the authors.
    """

    code = "LT207"
    title = "class frequencies corrected twice"
    grounds = (Arithmetic,)
    bad = "stage2: class_balanced + balanced_softmax @ 80%"
    good = "stage2: balanced_softmax @ 80%"

    def find(self, case: Case) -> Iterator[Finding]:
        """A sampler and a loss that favour the rarest class together."""
        for stage in case.stages:
            if stage.has("cs_ce", "cam_bs"):
                continue
            sampler, loss = stage.recipe.sampler.name, stage.recipe.loss.name
            if not stage.has(sampler, loss):
                continue
            counts = case.counts
            large, small = (counts.index(end(counts)) for end in (max, min))
            shares = steady_shares(stage, counts)
            pulls = loss_pulls(stage, counts)
            if not (shares and pulls):
                continue
            draws, pull = shares[small] / shares[large], pulls[small] / pulls[large]
            natural = counts[small] / counts[large]
            if draws <= natural or pull <= 1 or draws * pull <= _BEYOND:
                continue
            yield Finding(
                stage.place(loss),
                f"`{sampler}` and `{loss}` correct the same class frequencies twice",
                (
                    Arithmetic(
                        f"{counts[large]:,} to {counts[small]:,} images: `{sampler}` draws the rarest class "
                        f"{draws:.3g} times as often as the largest, `{loss}` favours it by {pull:.3g}; "
                        f"together {draws * pull:.3g}, where 1 is balanced"
                    ),
                ),
                f"keep one of the two in `{stage.name}`",
                others=(Label(stage.place(sampler), "corrects them too"),),
            )


def steady_shares(stage: StageCase, counts: Sequence[int]) -> Sequence[float] | None:
    """The share of each class among the draws; None where the sampler changes it in time, or is not known to."""
    sampler = stage.recipe.sampler
    inner = getattr(sampler, "sampler", sampler)
    return sampler.class_shares(counts) if inner.name in STEADY else None


def loss_pulls(stage: StageCase, counts: Sequence[int]) -> Sequence[float] | None:
    """How much the loss favours each class, by its weight and the shift of its logit; None where it does not."""
    loss = stage.recipe.loss
    weights = loss.class_weights(counts)
    offsets = getattr(loss, "logit_offsets", lambda _: None)(counts)
    if weights is None and offsets is None:
        return None
    highest = max(offsets or (0.0,))
    return [
        (weights[c] if weights else 1.0) * math.exp(highest - (offsets[c] if offsets else highest))
        for c in range(len(counts))
    ]
