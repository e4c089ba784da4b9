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

#: Losses that correct class frequencies by weights or by shifts of the logits.
CORRECTING = ("cs_ce", "cb_ce", "cb_focal", "balanced_softmax", "logit_adjustment")

_POSTHOC = "posthoc_logit_adjustment"

#: How far beyond balance two corrections must lead before they are reported.
_BEYOND = 2.0


class CorrectedTwice(Rule):
    """Two corrections of the same class frequencies in one stage.

    A sampler that draws rare classes more often, a loss that weighs them more or shifts their logits, and a shift of
    the logits in evaluation each undo the same imbalance. A softmax loss is at its optimum where the odds of two
    classes are those of (share of the draws) × (weight) / exp(shift of the logit), times what the image says; one
    correction makes the first factor 1, and a second then favours the rarest class by up to the imbalance. The rule
    computes the factor from the class counts and reports it beyond 2. `cs_ce` with `cam_bs` is LT201, which quotes the
    authors; losses that shift logits before `posthoc_logit_adjustment` are an error.
    """

    code = "LT207"
    title = "class frequencies corrected twice"
    grounds = (Arithmetic,)
    needs_counts = True
    tricks = (*STEADY, "cam_bs", *CORRECTING, _POSTHOC)
    bad = "stage2: class_balanced + balanced_softmax @ 80%"
    good = "stage2: balanced_softmax @ 80%"

    def find(self, case: Case) -> Iterator[Finding]:
        """Tricks of a stage that favour the rarest class together."""
        for stage in case.stages:
            if len(stage.names.intersection(self.tricks)) < 2:
                continue
            raised = {
                name: factor
                for name, factor in _corrections(stage, case.counts).items()
                if factor > 1 and stage.has(name)
            }
            counts = case.counts
            together = min(counts) / max(counts) * math.prod(raised.values())
            if len(raised) < 2 or raised.keys() == {"cam_bs", "cs_ce"} or together <= _BEYOND:
                continue
            *first, last = raised
            by = " and ".join(f"{factor:.3g}-fold by `{name}`" for name, factor in raised.items())
            yield Finding(
                stage.place(last),
                f"{', '.join(f'`{name}`' for name in first)} and `{last}` correct the same class frequencies",
                (
                    Arithmetic(
                        f"the rarest class has {min(counts):,} images, the largest {max(counts):,}: odds of "
                        f"{min(counts) / max(counts):.3g}, raised {by}; together {together:.3g}, where 1 is balanced"
                    ),
                ),
                f"keep one of them in `{stage.name}`",
                others=tuple(Label(stage.place(name), "corrects them too") for name in first),
            )


def _corrections(stage: StageCase, counts: Sequence[int]) -> dict[str, float]:
    """By how much each trick raises the odds of the rarest class against the largest."""
    large, small = (counts.index(end(counts)) for end in (max, min))
    natural = counts[small] / counts[large]
    found: dict[str, float] = {}
    if shares := steady_shares(stage, counts):
        found[stage.recipe.sampler.name] = shares[small] / shares[large] / natural
    if pulls := loss_pulls(stage, counts):
        found[stage.recipe.loss.name] = pulls[small] / pulls[large]
    if stage.has(_POSTHOC):
        found[_POSTHOC] = natural ** -stage.parameter(_POSTHOC, "tau")
    return found


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
    if offsets is None:
        return weights
    highest = max(offsets)
    shifts = [math.exp(highest - offset) for offset in offsets]
    return [w * s for w, s in zip(weights, shifts, strict=True)] if weights else shifts
