"""LT207."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from ltdsl.advice.basis import Arithmetic
from ltdsl.advice.cs_ce_with_cam_bs import CsCeWithCamBs
from ltdsl.advice.rule import Finding, Rule
from ltdsl.advice.strength import correcting
from ltdsl.diagnostics import Label
from ltdsl.wording import counted

if TYPE_CHECKING:
    from ltdsl.advice.case import Case, StageCase
    from ltdsl.catalogue import Trick

#: How far beyond balance two corrections must lead before they are reported.
_BEYOND = 2.0


class _Raised(NamedTuple):
    """By how much a trick raises the odds of the rarest class against the largest.

    Attributes:
        factor: In the stage's last epoch.
        grows: True where it was another in the first.
    """

    factor: float
    grows: bool


class CorrectedTwice(Rule):
    """Two corrections of the same class frequencies in one stage.

    A sampler that draws rare classes more often, a loss that weighs them more or shifts their logits, and a shift of
    the logits in evaluation each undo the same imbalance. A softmax loss is at its optimum where the odds of two
    classes are those of (share of the draws) × (weight) / exp(shift of the logit), times what the image says; one
    correction makes the first factor 1, and a second then favours the rarest class by up to the imbalance. The rule
    computes the factor from the class counts, as it stands in the stage's last epoch, and reports it beyond 2. `cs_ce`
    with `cam_bs` is LT201, which quotes the authors; losses that shift logits before `posthoc_logit_adjustment` are an
    error.
    """

    code = "LT207"
    title = "class frequencies corrected twice"
    grounds = (Arithmetic,)
    needs_counts = True
    bad = "stage2: class_balanced + balanced_softmax @ 80%"
    good = "stage2: balanced_softmax @ 80%"

    def about(self) -> tuple[str, ...]:
        """Whatever can favour the rarest class, by its declaration."""
        return correcting()

    def find(self, case: Case) -> Iterator[Finding]:
        """Tricks of a stage that favour the rarest class together."""
        for stage in case.stages:
            raised = {
                trick.name: found
                for trick in stage.tricks.values()
                if stage.has(trick.name) and (found := _raised(trick, stage, case)).factor > 1
            }
            counts = case.counts
            odds = min(counts) / max(counts)
            together = odds * math.prod(found.factor for found in raised.values())
            if len(raised) < 2 or raised.keys() == set(CsCeWithCamBs.tricks) or together <= _BEYOND:
                continue
            *first, last = raised
            by = " and ".join(
                f"{_number(found.factor)}-fold by `{name}`" + " in its last epoch" * found.grows
                for name, found in raised.items()
            )
            yield Finding(
                stage.place(last),
                f"{', '.join(f'`{name}`' for name in first)} and `{last}` correct the same class frequencies",
                (
                    Arithmetic(
                        f"the rarest class has {counted(min(counts), 'image')}, the largest {max(counts):,}: odds of "
                        f"{odds:.3g}, raised {by}; together {_number(together)}, where 1 is balanced"
                    ),
                ),
                f"keep one of them in `{stage.name}`",
                others=tuple(Label(stage.place(name), "corrects them too") for name in first),
            )


def _raised(trick: Trick, stage: StageCase, case: Case) -> _Raised:
    first, last = (_factor(trick, case.counts, passed) for passed in case.passed(stage))
    return _Raised(last, first != last)


def _number(value: float) -> str:
    """Three digits, without an exponent."""
    return f"{value:.3g}" if value < 1000 else f"{float(f'{value:.3g}'):,.0f}"


@lru_cache(maxsize=1024)  # recipes of a sweep ask the same
def _factor(trick: Trick, counts: tuple[int, ...], passed: float) -> float:
    pulls = trick.pulls(counts, passed)
    if pulls is None:
        return 1.0
    large, small = (counts.index(end(counts)) for end in (max, min))
    return pulls[small] / pulls[large]
