"""LT209 and LT210: parameters that mean nothing, or another trick, for the class counts."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ltdsl.advice.basis import Arithmetic
from ltdsl.advice.rule import Finding, Rule
from ltdsl.advice.strength import correcting, spread, strength
from ltdsl.catalogue import TRICKS, Loss, Posthoc
from ltdsl.wording import counted

if TYPE_CHECKING:
    from ltdsl.advice.case import Case, StageCase

#: Weights and shares that differ by less are the same.
_SAME = 1.05


class NoEffect(Rule):
    """A trick that changes nothing for the class counts at hand.

    A loss that treats all classes the same, within 5 %; a sampler that draws them as they are; a shift of the logits in
    evaluation that is the same for all; `seql` with a `lambda` that no class lies below, so that nothing is left out,
    or that all lie below, so that none is treated as frequent. It follows from the class counts and the parameters.
    """

    code = "LT209"
    title = "trick without effect on these class counts"
    grounds = (Arithmetic,)
    needs_counts = True
    bad = "dataset = digits_lt\nstage1: seql(lambda = 0.005)"
    good = "dataset = digits_lt\nstage1: seql(lambda = 0.1)"

    def about(self) -> tuple[str, ...]:
        """What corrects class frequencies, and losses that are another one where all classes are equally large."""
        return tuple(
            name
            for name, entry in TRICKS.items()
            if name in correcting()
            or (issubclass(entry, Loss) and _reduced(entry.model_construct()))
        )

    def find(self, case: Case) -> Iterator[Finding]:
        """What each stage does about class frequencies."""
        for stage in case.stages:
            yield from _loss(stage, case.counts)
            yield from _sampler(stage, case)
            yield from _posthoc(stage, case.counts)


def _reduced(loss: Loss) -> Loss | None:
    """The other loss that a loss is where all classes are equally large."""
    other = loss.without_counts()
    return None if other == loss else other


def _loss(stage: StageCase, counts: Sequence[int]) -> Iterator[Finding]:
    loss = stage.recipe.loss
    if not stage.has(loss.name):
        return
    if idle := loss.idle(counts):
        yield Finding(stage.place(loss.name), idle.message, (Arithmetic(idle.why),), idle.help)
        return
    other, factor = _reduced(loss), loss.spread(counts)
    if other is None or factor >= _SAME:
        return
    yield Finding(
        stage.place(loss.name),
        f"`{loss.name}` treats all classes the same here",
        (_treated(loss, factor, counts),),
        (max(counts) > min(counts) and _between(loss, counts))
        or f"leave `{loss.name}` out: `{other}` is the same",
    )


def _treated(trick: Loss | Posthoc, factor: float, counts: Sequence[int]) -> Arithmetic:
    parameters = " and ".join(f"{name} = {value}" for name, value in strength(trick).items())
    return Arithmetic(
        f"{_range(counts)}: `{trick.name}`{' with ' * bool(parameters)}{parameters} favours the rarest class "
        f"{factor:.3g} times over the largest"
    )


def _sampler(stage: StageCase, case: Case) -> Iterator[Finding]:
    sampler, counts = stage.recipe.sampler, case.counts
    if not stage.has(sampler.name) or sampler.has_partner or sampler.drawn_by() is not sampler:
        return  # its shares are not all that it does
    if max(spread(sampler, counts, passed) for passed in case.passed(stage)) >= _SAME:
        return
    yield Finding(
        stage.place(sampler.name),
        f"`{sampler.name}` draws the classes as they are here",
        (Arithmetic(f"{_range(counts)}: no share of the draws changes by 5 %"),),
        f"leave `{sampler.name}` out",
    )


def _posthoc(stage: StageCase, counts: Sequence[int]) -> Iterator[Finding]:
    posthoc = stage.recipe.posthoc
    if posthoc is None or posthoc.pulls(counts) is None:
        return
    factor = spread(posthoc, counts)
    if factor >= _SAME:
        return
    yield Finding(
        stage.place(posthoc.name),
        f"`{posthoc.name}` treats all classes the same here",
        (_treated(posthoc, factor, counts),),
        f"leave `{posthoc.name}` out",
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
    bad = "dataset = cifar100_lt\nstage1: ce\nstage2: cb_ce(beta = 0.9999) @ 80%"
    good = "dataset = cifar100_lt\nstage1: ce\nstage2: cb_ce(beta = 0.9) @ 80%"

    def about(self) -> tuple[str, ...]:
        """Losses that are nothing but such weights: others are no other loss under another name."""
        return tuple(
            name
            for name, entry in TRICKS.items()
            if issubclass(entry, Loss) and _weighs_alone(entry.model_construct())
        )

    def find(self, case: Case) -> Iterator[Finding]:
        """Weights that are 1 / N_c up to a factor."""
        counts = case.counts
        for stage in case.stages:
            loss, limit = stage.recipe.loss, stage.recipe.loss.levels_off()
            if not stage.has(loss.name) or limit is None or not _weighs_alone(loss):
                continue
            weights = loss.class_weights(counts)
            if weights is None or max(counts) / min(counts) < _SAME:
                continue
            relative = [weight * count for weight, count in zip(weights, counts, strict=True)]
            if max(relative) / min(relative) >= _SAME:
                continue
            parameter = next(iter(strength(loss)), "")
            if not parameter:
                continue
            yield Finding(
                stage.place(loss.name),
                f"with {parameter} = {stage.parameter(loss.name, parameter):.7g}, `{loss.name}` weighs these classes "
                "by plain inverse frequency",
                (
                    Arithmetic(
                        f"{_range(counts)}; effective numbers level off at 1 / (1 − {parameter}) = {round(limit):,} "
                        f"images, and the weights are 1 / N_c within {100 * (max(relative) / min(relative) - 1):.2g} %"
                    ),
                ),
                _between(loss, counts),
            )


def _weighs_alone(loss: Loss) -> bool:
    """True where a loss is another one, but for weights by effective numbers."""
    return loss.levels_off() is not None and _reduced(loss) is not None


def _range(counts: Sequence[int]) -> str:
    return f"classes have {max(counts):,} to {counted(min(counts), 'image')}"


def _between(loss: Loss, counts: Sequence[int]) -> str:
    """Where effective numbers would tell classes apart; empty for a loss without them."""
    name = next(iter(strength(loss)), "")
    if not name or loss.levels_off() is None:
        return ""
    middle = math.sqrt(max(counts) * min(counts))
    return (
        f"choose {name} so that 1 / (1 − {name}) lies between {min(counts):,} and {max(counts):,} images: "
        f"{name} = {1 - 1 / middle:.4g} levels off at {middle:,.0f}"
    )
