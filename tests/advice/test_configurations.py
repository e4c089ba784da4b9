"""Every row of the split ``cao`` trains what the reference repository's configuration says.

``configurations.csv`` holds the figures of its configurations at commit ce7859a in its own names, one line for all
benchmarks (``*`` in the name) that a configuration is the same for. All have SGD with momentum 0.9 and, in its code,
Nesterov's; the network is its ResNet-32.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import NamedTuple

import pytest

from ltdsl.compiler import compile_recipe
from ltdsl.evidence import rows
from ltdsl.reference.published import name_of, names, text_of
from ltdsl.source import Source

DRW, DRS = "two_stage/drw", "two_stage/drs"
CAM = f"{DRS}/cam_based_sampling"

#: The configurations that a printed label was trained by, in order.
PRINTED = {
    **dict.fromkeys(
        ("Baseline", "CE / CE", "CE / Vanilla sampling", "Baselines using our codes"),
        ("baseline/*",),
    ),
    "CE_CE": ("re_weighting/csce/*",),
    "Square CS_CE": ("re_weighting/csce/*_square",),
    "Focal loss": ("re_weighting/focal/*",),
    "ClassBalanceFocal": ("re_weighting/cbfocal/*",),
    "ClassBalanceCE": ("re_weighting/cbce/*",),
    "CrossEntropyLabelSmooth": ("re_weighting/cels/*",),
    "CrossEntropyLabelAwareSmooth": ("re_weighting/celas/*",),
    "LDAM loss": ("re_weighting/ldam/*",),
    "SEQL": ("re_weighting/seql/*",),
    "CDT": ("re_weighting/cdt/*",),
    "BalancedSoftmaxCE": ("re_weighting/bsce/*",),
    "Class-balanced sampling": ("re_sampling/balance/*",),
    "Square-root sampling": ("re_sampling/square/*",),
    "Progressively-balanced sampling": ("re_sampling/progressive/*",),
    "BBN-style sampling": ("re_sampling/bbn-style/*",),
    "Input mixup": ("mixup/input_mixup/*_im_alpha10",),
    "Manifold mixup": ("mixup/manifold_mixup/*_mm_alpha10",),
    "Remix": ("mixup/remix/*_remix_alpha10",),
    "CE / CE_CE": (f"{DRW}/csce/*",),
    "CE / Focal loss": (f"{DRW}/focal/*",),
    "CE / ClassBalanceFocal": (f"{DRW}/cbfocal/*",),
    "CE / ClassBalanceCE": (f"{DRW}/cbce/*",),
    "CE / CrossEntropyLabelSmooth": (f"{DRW}/cels/*",),
    "CE / CrossEntropyLabelAwareSmooth": (f"{DRW}/celas/*",),
    "CE / LDAM loss": (f"{DRW}/ldam/*",),
    "CE / CDT": (f"{DRW}/cdt/*",),
    "CE / BalancedSoftmaxCE": (f"{DRW}/bsce/*",),
    "CE / InfluenceBalancedLoss": (f"{DRW}/ibloss/*",),
    "CE / Class-balanced sampling": (f"{DRS}/balance/*",),
    "CE / Square-root sampling": (f"{DRS}/square/*",),
    "CE / Progressively-balanced sampling": (f"{DRS}/progressive/*",),
    "CE / CAM-based balance-sampling": (f"{CAM}/first_stage/*", f"{CAM}/second_stage/balance/*"),
    "CE / CAM-based square-sampling": (f"{CAM}/first_stage/*", f"{CAM}/second_stage/square/*"),
    "CE / CAM-based progressive-sampling": (
        f"{CAM}/first_stage/*",
        f"{CAM}/second_stage/progressive/*",
    ),
    "Tau_normalization": ("two_stage/classifier_balance/tau_norm/*",),
    "cRT (Classifier Re-training)": ("baseline/*", "two_stage/classifier_balance/cRT/*"),
    "LWS (Learnable Weight Scaling)": ("baseline/*", "two_stage/classifier_balance/LWS/*"),
    "DiVE": ("DiVE/*/student",),
}

#: A loss of theirs: its name in the language, what its parameters are called, and what its code has before a deferred
#: start; None where the start changes nothing.
LOSSES = {
    "CrossEntropy": ("ce", {}, "ce"),
    "CostSensitiveCE": ("cs_ce", {"GAMMA": "gamma"}, "ce"),
    "FocalLoss": ("focal", {"GAMMA": "gamma"}, "focal"),
    "ClassBalanceFocal": ("cb_focal", {"BETA": "beta", "GAMMA": "gamma"}, "focal"),
    "ClassBalanceCE": ("cb_ce", {"BETA": "beta"}, "ce"),
    "CrossEntropyLabelSmooth": ("label_smoothing", {"EPSILON": "epsilon"}, None),
    "CrossEntropyLabelAwareSmooth": (
        "label_aware_smoothing",
        {"SMOOTH_HEAD": "head", "SMOOTH_TAIL": "tail", "SHAPE": "shape"},
        None,
    ),
    "LDAMLoss": ("ldam", {"SCALE": "s", "MAX_MARGIN": "margin"}, "ldam"),
    "SEQL": ("seql", {"GAMMA": "gamma", "LAMBDA": "share"}, "ce"),
    "CDT": ("cdt", {"GAMMA": "gamma"}, "ce"),
    "BalancedSoftmaxCE": ("balanced_softmax", {}, "ce"),
    "InfluenceBalancedLoss": ("influence_balanced", {"ALPHA": "alpha"}, "ce"),
}
SAMPLERS = {
    "": "instance_balanced",
    "balance": "class_balanced",
    "square": "square_root",
    "progressive": "progressive",
    "bbn reverse": "bbn",
}
MIXERS = {
    "mix_up": ("input_mixup", {"ALPHA": "alpha"}),
    "manifold_mix_up": ("manifold_mixup", {"ALPHA": "alpha", "LOCATION": "layer"}),
    "remix": ("remix", {"ALPHA": "alpha", "KAPPA": "kappa", "TAU": "tau"}),
}

#: The one printed label that its configuration contradicts; its row's note says so.
CONTRADICTED = ("CIFAR-10-LT-100", "Square CS_CE")


class Configuration(NamedTuple):
    config: str
    benchmarks: str
    epochs: str
    batch: str
    lr: str
    weight_decay: str
    milestones: str
    gamma: str
    warmup: str
    loss: str
    loss_parameters: str
    sampler: str
    mixer: str
    mixer_parameters: str
    classifier: str
    deferred: str
    tau: str

    def rates(self, followed: bool) -> list[float]:
        """The rate of each epoch.

        Their schedule is a whole epoch ahead, warm-up included. Here that is kept only where it can be seen in what is
        handed on: the last epoch of a part that ends on a milestone.
        """
        epochs, warmup = int(self.epochs), int(self.warmup)
        milestones = [int(m) for m in self.milestones.split()]
        if followed and epochs in milestones:
            milestones.append(epochs - 1)
        found = []
        for epoch in range(epochs):
            climbed = 1 / 3 + 2 / 3 * epoch / warmup if epoch < warmup else 1.0
            drops = sum(m <= epoch for m in milestones)
            found.append(float(self.lr) * climbed * float(self.gamma) ** drops)
        return found


def configurations() -> list[Configuration]:
    with Path(__file__).with_name("configurations.csv").open(newline="", encoding="utf-8") as file:
        return [Configuration(**line) for line in csv.DictReader(file)]


ALL = configurations()
ROWS = [row for row in rows() if row.split == "cao"]


def of(row) -> list[Configuration]:
    found = []
    for config in PRINTED[row.printed_as]:
        [one] = [
            c
            for c in ALL
            if c.config == config and (c.benchmarks == "all" or row.dataset in c.benchmarks.split())
        ]
        found.append(one)
    return found


def values(text: str, names: dict[str, str]) -> dict[str, object]:
    pairs = dict(pair.split("=") for pair in text.split())
    assert pairs.keys() == names.keys()
    return {names[key]: value if value.isalpha() else float(value) for key, value in pairs.items()}


def check(trick, name: str, expected: dict[str, object]) -> None:
    assert trick.name == name
    for field, value in expected.items():
        assert getattr(trick, field) == value, (name, field)


def compiled(row):
    result = compile_recipe(Source("row", text_of(names()[name_of(row)])))
    assert not result.failed
    return result.plan


def check_stages(plan, configs) -> None:
    """Which stages there are, and since when."""
    lengths = [int(c.epochs) for c in configs]
    if configs[0].deferred:
        [c] = configs
        lengths = [int(c.deferred), int(c.epochs) - int(c.deferred)]
    assert plan.epochs == sum(lengths)
    assert [stage.epochs for stage in plan.stages] == lengths
    rates = []
    for number, config in enumerate(configs):
        rates += config.rates(followed=number + 1 < len(configs))
    planned = [
        stage.rate(epoch) for stage in plan.stages for epoch in range(stage.start, stage.end)
    ]
    assert planned == pytest.approx(rates)
    for stage in plan.stages[1:]:  # a configuration of its own is a run of its own
        assert stage.fresh_optimizer == (len(configs) > 1)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{name_of(row)}-{row.printed_as}")
def test_a_row_trains_what_its_configuration_says(row):
    plan, configs = compiled(row), of(row)
    assert plan.model.name == "resnet32"
    assert plan.validation == 0
    check_stages(plan, configs)
    for number, stage in enumerate(plan.stages):
        config = configs[min(number, len(configs) - 1)]
        before = bool(config.deferred) and number == 0 and len(plan.stages) > 1
        assert stage.step_images == int(config.batch)
        check(
            stage.optimizer,
            "sgd",
            {"momentum": 0.9, "nesterov": True, "weight_decay": float(config.weight_decay)},
        )
        check_loss(row, stage, config, before)
        check_sampler(stage, config, before)
        if config.mixer in MIXERS:
            name, parameters = MIXERS[config.mixer]
            check(stage.mixer, name, values(config.mixer_parameters, parameters))
        else:
            assert stage.mixer is None
        if config.classifier in ("cRT", "LWS"):  # their batch norms run on, in training mode
            check(stage.classifier, config.classifier.lower(), {"statistics": "running"})
        else:
            assert stage.classifier is None
        if config.tau:
            check(stage.posthoc, "tau_norm", {"tau": float(config.tau.removeprefix("tau="))})
        else:
            assert stage.posthoc is None


def check_loss(row, stage, config: Configuration, before: bool) -> None:
    if config.loss == "DiVEKLD":
        names = {"TEMPERATURE": "temperature", "POWER": "power", "ALPHA": "alpha"}
        text = config.loss_parameters.replace("POWER_NORM=True ", "")
        text = text.replace(" BASELOSS=BalancedSoftmaxCE", "")
        check(stage.teacher, "dive", values(text, names))
        assert stage.loss.name == "balanced_softmax"
        return
    assert stage.teacher is None
    name, parameters, first = LOSSES[config.loss]
    expected = values(config.loss_parameters, parameters)
    if (row.dataset, row.printed_as) == CONTRADICTED:
        assert expected.pop("gamma") == 1
        assert (stage.loss.gamma, row.reliable) == (0.5, False)
    if before and first is not None:
        name = first
        expected = {key: expected[key] for key in expected if hasattr(stage.loss, key)}
    check(stage.loss, name, expected)
    deferred = bool(config.deferred) and not before
    if name == "focal":
        assert stage.loss.cost_sensitive == deferred
    if name == "ldam":
        assert stage.loss.beta == (0.9999 if deferred else 0)
    if name == "label_aware_smoothing":
        assert stage.loss.over == "all"
    if name == "influence_balanced":
        assert stage.loss.through_factor


def check_sampler(stage, config: Configuration, before: bool) -> None:
    name = "instance_balanced" if before else SAMPLERS[config.sampler]
    sampler = stage.sampler
    if "second_stage" in config.config:
        check(sampler, "cam_bs", {"threshold": 0.75, "keep_originals": True, "below": None})
        sampler = sampler.sampler
    assert sampler.name == name
    if (
        name == "progressive"
    ):  # their share is the run's epochs passed, whenever the sampling starts
        assert sampler.clock == ("stage" if "second_stage" in config.config else "run")


def test_every_configuration_is_printed_or_known_not_to_be():
    used = {config for row in ROWS for config in of(row)}
    unused = {(c.config, c.benchmarks) for c in ALL if c not in used}
    assert unused == {
        ("DiVE/*/teacher", "all"),  # of the student's recipe without `dive`
        ("re_weighting/seql/*", "CIFAR-10-LT-100 CIFAR-10-LT-50"),  # no figure is printed
    }
    assert {row.printed_as for row in ROWS} == PRINTED.keys()
