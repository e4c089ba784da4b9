"""LT209 and LT210: parameters that mean nothing, or another trick, for the class counts."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ltdsl.advice.basis import Arithmetic
from ltdsl.advice.rule import Finding, Rule
from ltdsl.advice.twice import CORRECTING, STEADY, loss_pulls, steady_shares

if TYPE_CHECKING:
    from ltdsl.advice.case import Case, StageCase

#: Weights and shares that differ by less are the same.
_SAME = 1.05

#: The parameter that sets how strongly each of these losses corrects.
_STRENGTH = {"cs_ce": "gamma", "cb_ce": "beta", "cb_focal": "beta", "logit_adjustment": "tau"}

#: Losses weighted by effective numbers of images.
_EFFECTIVE = ("cb_ce", "cb_focal")


class NoEffect(Rule):
    """A trick that changes nothing for the class counts at hand.

    A loss that weighs all classes the same, within 5 %; a sampler that draws them as they are; `seql` with a `lambda`
    that no class lies below, so that nothing is left out, or that all lie below, so that none is treated as frequent.
    It follows from the class counts and the parameters.
    """

    code = "LT209"
    title = "trick without effect on these class counts"
    grounds = (Arithmetic,)
    needs_counts = True
    tricks = (*STEADY, *CORRECTING, "seql")
    bad = "dataset = digits_lt\nstage1: seql(lambda = 0.005)"
    good = "dataset = digits_lt\nstage1: seql(lambda = 0.1)"

    def find(self, case: Case) -> Iterator[Finding]:
        """Losses and samplers of each stage."""
        for stage in case.stages:
            yield from _loss(stage, case.counts)
            yield from _seql(stage, case.counts)
            yield from _sampler(stage, case.counts)


def _loss(stage: StageCase, counts: Sequence[int]) -> Iterator[Finding]:
    name = stage.recipe.loss.name
    if name not in CORRECTING or not stage.has(name):
        return
    pulls = loss_pulls(stage, counts)
    if not pulls or max(pulls) / min(pulls) >= _SAME:
        return
    parameter = _STRENGTH.get(name)
    value = f" with {parameter} = {stage.parameter(name, parameter):g}" if parameter else ""
    yield Finding(
        stage.place(name),
        f"`{name}` treats all classes the same here",
        (
            Arithmetic(
                f"{_range(counts)}: `{name}`{value} favours the rarest class {max(pulls) / min(pulls):.3g} times "
                "over the largest"
            ),
        ),
        _effective(counts)
        if name in _EFFECTIVE and max(counts) > min(counts)
        else f"leave `{name}` out: `{'focal' if name == 'cb_focal' else 'ce'}` is the same",
    )


def _seql(stage: StageCase, counts: Sequence[int]) -> Iterator[Finding]:
    if not stage.has("seql"):
        return
    bound, total = stage.parameter("seql", "lambda"), sum(counts)
    shares = sorted(count / total for count in counts)
    if shares[0] < bound <= shares[-1]:
        return
    which = "no class has" if shares[0] >= bound else "all classes have"
    half = len(shares) // 2
    middle = (shares[half - 1] + shares[half]) / 2
    yield Finding(
        stage.place("seql"),
        f"`seql` finds {'no' if shares[0] >= bound else 'only'} rare classes here",
        (
            Arithmetic(
                f"{which} less than lambda = {bound:g} of the {total:,} training images: shares run from "
                f"{shares[0]:.3g} to {shares[-1]:.3g}"
            ),
        ),
        f"choose lambda between them: `seql(lambda = {middle:.2g})` makes the rarer half rare",
    )


def _sampler(stage: StageCase, counts: Sequence[int]) -> Iterator[Finding]:
    name = stage.recipe.sampler.name
    shares = steady_shares(stage, counts)
    if shares is None or not stage.has(name) or name == "cam_bs":
        return
    total = sum(counts)
    change = [share * total / count for share, count in zip(shares, counts, strict=True)]
    if max(change) / min(change) >= _SAME:
        return
    yield Finding(
        stage.place(name),
        f"`{name}` draws the classes as they are here",
        (Arithmetic(f"{_range(counts)}: no share of the draws changes by 5 %"),),
        f"leave `{name}` out",
    )


class InverseFrequency(Rule):
    """An effective number of images that never saturates.

    `cb_ce` and `cb_focal` weigh a class by 1 / E, E = (1 − beta^N_c) / (1 − beta), which levels off at 1 / (1 − beta)
    images. Where all classes are far smaller, E is N_c, and the weights are those of plain inverse frequency, within
    5 %: what `cs_ce` does under another name, up to a factor. It follows from the class counts and beta.
    """

    code = "LT210"
    title = "effective numbers equal to the class counts"
    grounds = (Arithmetic,)
    needs_counts = True
    tricks = _EFFECTIVE
    bad = "dataset = cifar100_lt\nstage1: ce\nstage2: cb_ce(beta = 0.9999) @ 80%"
    good = "dataset = cifar100_lt\nstage1: ce\nstage2: cb_ce(beta = 0.9) @ 80%"

    def find(self, case: Case) -> Iterator[Finding]:
        """Weights that are 1 / N_c up to a factor."""
        counts = case.counts
        for stage in case.stages:
            name = stage.recipe.loss.name
            if name not in _EFFECTIVE or not stage.has(name):
                continue
            weights = stage.recipe.loss.class_weights(counts)
            if weights is None or max(counts) / min(counts) < _SAME:
                continue
            relative = [weight * count for weight, count in zip(weights, counts, strict=True)]
            if max(relative) / min(relative) >= _SAME:
                continue
            beta = stage.parameter(name, "beta")
            yield Finding(
                stage.place(name),
                f"with beta = {beta:.7g}, `{name}` weighs these classes by plain inverse frequency",
                (
                    Arithmetic(
                        f"{_range(counts)}; effective numbers level off at 1 / (1 − beta) = {round(1 / (1 - beta)):,} "
                        f"images, and the weights are 1 / N_c within {100 * (max(relative) / min(relative) - 1):.2g} %"
                    ),
                ),
                _effective(counts),
            )


def _range(counts: Sequence[int]) -> str:
    return f"classes have {max(counts):,} to {min(counts):,} images"


def _effective(counts: Sequence[int]) -> str:
    middle = math.sqrt(max(counts) * min(counts))
    return (
        f"choose beta so that 1 / (1 − beta) lies between {min(counts):,} and {max(counts):,} images: "
        f"beta = {1 - 1 / middle:.4g} levels off at {middle:,.0f}"
    )
