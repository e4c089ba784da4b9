"""All configurations of BagofTricks-LT at commit ce7859a, where there is a checkout: LTDSL_BAGOFTRICKS names it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ltdsl.compiler import compile_recipe
from ltdsl.importing import import_files
from ltdsl.source import Source

yaml = pytest.importorskip("yaml", reason="the extra `import` is not installed")

CHECKOUT = os.environ.get("LTDSL_BAGOFTRICKS")

pytestmark = pytest.mark.skipif(
    not CHECKOUT, reason="LTDSL_BAGOFTRICKS names no checkout of BagofTricks-LT"
)

SAMPLERS = {"balance": "class_balanced", "square": "square_root", "progressive": "progressive"}
LOSSES = {
    "CrossEntropy": "ce",
    "CostSensitiveCE": "cs_ce",
    "ClassBalanceCE": "cb_ce",
    "ClassBalanceFocal": "cb_focal",
    "FocalLoss": "focal",
    "BalancedSoftmaxCE": "balanced_softmax",
    "CDT": "cdt",
    "LDAMLoss": "ldam",
    "SEQL": "seql",
    "InfluenceBalancedLoss": "influence_balanced",
    "CrossEntropyLabelSmooth": "label_smoothing",
    "CrossEntropyLabelAwareSmooth": "label_aware_smoothing",
    "DiVEKLD": "balanced_softmax",
}
MIXERS = {
    "mix_up": "input_mixup",
    "manifold_mix_up": "manifold_mixup",
    "remix": "remix",
}


@pytest.fixture(scope="module")
def found():
    paths = sorted(Path(CHECKOUT, "configs").rglob("*.yaml"))
    assert len(paths) == 176
    return import_files([Source(str(path), path.read_text()) for path in paths])


def test_at_least_95_of_a_hundred_become_recipes(found):
    assert [each.source.name for each in found if each.refused] == []
    assert sum(each.recipe is not None for each in found) >= 0.95 * len(found)
    joined = [each for each in found if each.recipe is None]
    assert all("cam_generation" in each.source.name for each in joined)


def test_they_train_what_the_files_say(found):
    for each in found:
        if each.recipe is None:
            continue
        config = yaml.safe_load(each.source.text)
        train = config["TRAIN"]
        compiled = compile_recipe(Source("x.lt", each.recipe))
        assert not compiled.failed, (each.source.name, compiled.diagnostics)
        plan, last = compiled.plan, compiled.plan.stages[-1]
        rate = float(train["OPTIMIZER"]["BASE_LR"])
        assert last.optimizer.lr == rate
        assert last.optimizer.weight_decay == float(train["OPTIMIZER"]["WEIGHT_DECAY"])
        assert (last.batch_size, last.optimizer.momentum) == (train["BATCH_SIZE"], 0.9)
        assert type(last.loss).name == LOSSES[config["LOSS"]["LOSS_TYPE"]]
        own = plan.epochs if len(plan.stages) == 1 or "TWO_STAGE" in train else None
        assert own in (None, train["MAX_EPOCH"])
        sampler = train["SAMPLER"]
        drawn = (
            SAMPLERS[sampler["WEIGHTED_SAMPLER"]["TYPE"]] if "WEIGHTED_SAMPLER" in sampler else None
        )
        if config["DATASET"].get("USE_CAM_BASED_DATASET"):
            assert type(last.sampler).name == "cam_bs"
            assert type(last.sampler.sampler).name == drawn
        elif drawn:
            assert type(last.sampler).name == drawn
        mixer = MIXERS.get(train["COMBINER"]["TYPE"])
        assert (type(last.mixer).name if last.mixer else None) == mixer
        if len(plan.stages) > 1 and "TWO_STAGE" not in train:
            continue  # a chain: its borders are the rates' own
        schedule = train["LR_SCHEDULER"]
        steps = schedule.get("LR_STEP", [40, 50])
        drops = sum(step <= train["MAX_EPOCH"] for step in steps)  # its last epoch is a step ahead
        assert last.rate(plan.epochs - 1) == pytest.approx(rate * schedule["LR_FACTOR"] ** drops)
