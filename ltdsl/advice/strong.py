"""LT212 to LT214: weight decay, epochs and sharpness, as those published them who trained the strongest networks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ltdsl.advice.basis import Quotation
from ltdsl.advice.rule import Finding, Rule
from ltdsl.advice.strength import LONG_TAIL

if TYPE_CHECKING:
    from ltdsl.advice.case import Case

_MISLAS = Quotation(
    "“To obtain better performance, we highly recommend changing the weight decay 2e-4 to 5e-4 on CIFAR-LT.”",
    "the authors of MiSLAS (CVPR 2021), README of dvlab-research/MiSLAS at commit 0fc381e",
)

_BALANCING = Quotation(
    "features with weight decay 0.005, then the classifier under `max_norm` with weight decay 0.1 and a class-balanced "
    "loss",
    "the authors of weight balancing (CVPR 2022), demo2_second-stage-training.py of ShadeAlsha/LTR-weight-balancing at "
    "commit e89f292",
)

_DDC = "wang22ti/DDC at commit 4bd4fb3"

_LONGER = Quotation(
    "rows with augmentation and SAM are trained 400 epochs, rows without 200; for example `vs` on CIFAR-10-LT-100 "
    "86.29 % right and 81.62 %, on CIFAR-100-LT-100 52.09 % and 46.26 %",
    f"README of {_DDC}",
)

_RHO = Quotation(
    "on CIFAR-10-LT-100 rho 0.1 for `ce` and 0.4 for `ldam` with deferred re-weighting",
    f"bash_script.sh of {_DDC}",
)

_RHO_FIRST = Quotation(
    "rho 0.8 for `ldam` with deferred re-weighting on CIFAR-10-LT-100",
    "the authors of SAM for long tails (NeurIPS 2022), README of val-iisc/Saddle-LongTail at commit 48328fb",
)

#: Operations drawn anew for each image.
_STRONG = ("rand_augment", "auto_augment", "trivial_augment")


def _is_cifar(case: Case) -> bool:
    """Whether the figures, all of CIFAR-LT, speak for the recipe's data."""
    from ltdsl.evidence.benchmarks import Nearness

    return (
        case.benchmark.nearness is not Nearness.OTHER
        and case.benchmark.benchmark.family.startswith("cifar")
    )


class WeightDecay(Rule):
    """Less weight decay than was published for training in two stages.

    On CIFAR-LT the authors of MiSLAS (mixup, then a classifier stage) recommend 0.0005 instead of the usual 0.0002, and
    those of weight balancing train features with 0.005 before they limit the lengths of class weights. The rule reports
    a classifier stage after mixup with less than 0.0005, and `max_norm` on features that were trained with less than
    0.001. With SAM, strong augmentation and 400 epochs, 0.0002 and less were published: nothing is said there.
    """

    code = "LT212"
    title = "little weight decay for two stages"
    grounds = (Quotation,)
    tricks = ("crt", "lws")
    bad = (
        "dataset = cifar10_lt\nepochs = 420\nstage1: input_mixup\n"
        "stage2: class_balanced + crt @ epoch 400 { optimizer = sgd(lr = 0.1) }"
    )
    good = (
        "dataset = cifar10_lt\nepochs = 420\noptimizer = sgd(weight_decay = 0.0005)\nstage1: input_mixup\n"
        "stage2: class_balanced + crt @ epoch 400 { optimizer = sgd(lr = 0.1) }"
    )

    def find(self, case: Case) -> Iterator[Finding]:
        """Features, and what is done with them."""
        settings = case.recipe.settings
        if settings.sharpness is not None:
            return
        decay = case.recipe.optimizers[0].weight_decay
        first = case.stages[0]
        for stage in case.stages[1:]:
            name = next(iter(stage.names & set(self.tricks)), "")
            if name and first.has("input_mixup") and decay < 0.0005 and _is_cifar(case):
                yield Finding(
                    stage.place(name),
                    f"`{name}` on features trained with mixup and weight decay {decay:g}",
                    (_MISLAS,),
                    "set `optimizer = sgd(weight_decay = 0.0005)`",
                )
                return
        for stage in case.stages:
            constraint = stage.recipe.overrides.constraint or settings.constraint
            if constraint is None or constraint.name != "max_norm" or decay >= 0.001:
                continue
            if _is_cifar(case):
                place = (
                    stage.written.overrides.get("constraint")
                    or case.resolved.settings["constraint"]
                )
                yield Finding(
                    place.span,
                    f"`{constraint.name}` on features trained with weight decay {decay:g}",
                    (_BALANCING,),
                    "train the features with `optimizer = sgd(weight_decay = 0.005)`, and the classifier after them",
                )
                return


class AugmentedTooShort(Rule):
    """Strong augmentation in as few epochs as a recipe without it.

    On CIFAR-LT the rows with RandAugment and AutoAugment are trained 400 epochs, those without 200. The rule reports a
    recipe whose `epochs` are nearer to 200.
    """

    code = "LT213"
    title = "strong augmentation with too few epochs"
    grounds = (Quotation,)
    bad = (
        "dataset = cifar10_lt\nepochs = 200\naugment = [random_horizontal_flip, auto_augment]\n"
        "stage1: balanced_softmax"
    )
    good = bad.replace("200", "400")

    def find(self, case: Case) -> Iterator[Finding]:
        """An augmentation in a run that is too short for it."""
        place = case.setting("augment")
        names = [each.name for each in case.recipe.settings.augment if each.name in _STRONG]
        if place is None or not names or case.epochs >= 300 or not _is_cifar(case):
            return
        yield Finding(
            place,
            f"`{names[0]}` in {case.epochs} epochs: it was published with 400, recipes without it with 200",
            (_LONGER,),
            "set `epochs = 400`; stages and milestones in percent move with it",
            edit=case.value("epochs", "400"),
        )


class SharpnessOfReweighting(Rule):
    """SAM as weak beside class weights as without them.

    Weights draw the tail's loss to saddle points, and the authors look further there: rho 0.4 to 0.8 where 0.1 does for
    `ce`. The rule reports a stage whose loss weighs classes and whose rho is below 0.2, on CIFAR-LT.
    """

    code = "LT214"
    title = "small rho beside class weights"
    grounds = (Quotation,)
    bad = "dataset = cifar10_lt\nsharpness = sam(rho = 0.1)\nstage1: ce\nstage2: cs_ce(gamma = 0.5) @ 80%"
    good = (
        "dataset = cifar10_lt\nsharpness = sam(rho = 0.1)\nstage1: ce\n"
        "stage2: cs_ce(gamma = 0.5) @ 80% { sharpness = sam(rho = 0.5) }"
    )

    def find(self, case: Case) -> Iterator[Finding]:
        """A stage with both."""
        for stage in case.stages:
            own = stage.recipe.overrides.sharpness
            sharpness = own or case.recipe.settings.sharpness
            rho = getattr(sharpness, "rho", 0.0)
            weights = stage.recipe.loss.class_weights(LONG_TAIL)
            if not 0 < rho < 0.2 or weights is None or len(set(weights)) == 1:
                continue
            if not _is_cifar(case):
                return
            name = stage.recipe.loss.name
            yield Finding(
                stage.place(name),
                f"`{name}` weighs classes, and `sam(rho = {rho:g})` looks no further than beside `ce`",
                (_RHO, _RHO_FIRST),
                f"set `sharpness = sam(rho = 0.5)` in the braces of `{stage.name}`",
            )
