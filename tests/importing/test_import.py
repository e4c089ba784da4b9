"""Configurations as their projects write them become recipes that train the same."""

from __future__ import annotations

import pytest

from ltdsl.compiler import compile_recipe
from ltdsl.importing import import_files
from ltdsl.source import Source

pytest.importorskip("yaml", reason="the extra `import` is not installed")

FIRST = """
NAME: 'first'
OUTPUT_DIR: './output/ten/'
SHOW_STEP: 10
INPUT_SIZE: (32, 32)
DATASET:
  DATASET: 'IMBALANCECIFAR10'
  IMBALANCECIFAR:
    RATIO: 0.02
BACKBONE:
  TYPE: 'res32_cifar'
LOSS:
  LOSS_TYPE: 'CrossEntropy'
TRAIN:
  BATCH_SIZE: 64
  MAX_EPOCH: 160
  NUM_WORKERS: 4
  COMBINER:
    TYPE: 'mix_up'
    ALPHA: 0.5
  OPTIMIZER:
    BASE_LR: 0.2
    WEIGHT_DECAY: 2e-4
  LR_SCHEDULER:
    TYPE: 'warmup'
    LR_STEP: [120, 160]
    LR_FACTOR: 0.01
"""
MAPS = """
NAME: 'maps'
OUTPUT_DIR: './output/ten'
DATASET:
  DATASET: 'IMBALANCECIFAR10'
  GENERATE_CAM_BASED_DATASET: True
  CAM_DATA_JSON_SAVE_PATH: './output/ten.json'
  CAM_NUMBER_THRES: 30
BACKBONE: {TYPE: 'res32_cifar'}
"""
SECOND = """
NAME: 'second'
OUTPUT_DIR: './output/ten'
DATASET:
  DATASET: 'IMBALANCECIFAR10'
  IMBALANCECIFAR:
    RATIO: 0.02
  USE_CAM_BASED_DATASET: True
  CAM_DATA_JSON_SAVE_PATH: './output/ten.json'
NETWORK:
  PRETRAINED: True
  PRETRAINED_MODEL: './output/ten/first/models/epoch_100.pth'
BACKBONE:
  TYPE: 'res32_cifar'
LOSS:
  LOSS_TYPE: 'CostSensitiveCE'
  CostSensitiveCE:
    GAMMA: 0.5
TRAIN:
  BATCH_SIZE: 64
  MAX_EPOCH: 40
  OPTIMIZER:
    BASE_LR: 0.001
    WEIGHT_DECAY: 1e-4
  LR_SCHEDULER:
    TYPE: 'multistep'
    LR_STEP: [20]
  SAMPLER:
    TYPE: 'weighted sampler'
    WEIGHTED_SAMPLER:
      TYPE: 'progressive'
"""


def imported(**texts):
    return dict(
        zip(
            texts,
            import_files([Source(f"{name}.yaml", text) for name, text in texts.items()]),
            strict=True,
        )
    )


def rates(stage):
    """Learning rates of its epochs."""
    return [stage.rate(epoch) for epoch in range(stage.start, stage.start + stage.epochs)]


def plan_of(result):
    compiled = compile_recipe(Source("x.lt", result.recipe))
    assert not compiled.failed, compiled.diagnostics
    return compiled.plan


def test_a_training_and_what_starts_from_it():
    found = imported(first=FIRST, maps=MAPS, second=SECOND)
    assert found["maps"].recipe is None
    assert found["maps"].joined == ("second.yaml",)
    assert found["first"].joined == ("second.yaml",)
    plan = plan_of(found["second"])
    assert (plan.epochs, plan.dataset.imbalance, type(plan.model).name) == (140, 50, "resnet32")
    assert (plan.dataset.split, plan.split_seed) == ("cao", 0)
    one, two = plan.stages
    assert (one.start, two.start) == (0, 100)
    assert (one.mixer.alpha, one.batch_size, str(one.loss)) == (0.5, 64, "ce")
    # warm-up from a third, then 0.2; its only milestone within 100 epochs is none
    assert rates(one)[5:] == pytest.approx([0.2] * 95)
    assert rates(two) == pytest.approx([0.001] * 20 + [0.0001] * 20)
    assert two.optimizer.weight_decay == 1e-4
    assert (two.loss.gamma, type(two.sampler).name) == (0.5, "cam_bs")
    assert (two.sampler.threshold, two.sampler.below) == (0.75, 30)
    assert str(two.sampler.sampler) == "progressive(clock = stage)"


def test_a_training_of_its_own():
    plan = plan_of(imported(first=FIRST)["first"])
    assert plan.epochs == 160
    assert rates(plan.stages[0])[158:] == pytest.approx([0.002, 0.00002])


def test_what_is_left_out_has_a_reason():
    left = dict(imported(first=FIRST)["first"].left)
    assert left.keys() >= {"SHOW_STEP", "TRAIN.NUM_WORKERS", "NAME", "INPUT_SIZE"}
    assert all(left.values())


def test_weights_that_nothing_makes():
    result = imported(second=SECOND)["second"]
    assert 'init = "epoch_100.pth"' in " ".join(result.recipe.split())
    codes = [problem.code for problem in result.problems]
    assert codes == ["LT604", "LT604"]  # the weights, and the images


@pytest.mark.parametrize(
    ("before", "after", "code", "says"),
    [
        ("NUM_WORKERS: 4", "NUM_WORKER: 4", "LT603", "`TRAIN.NUM_WORKER` is no key"),
        ("'CrossEntropy'", "'Unheard'", "LT602", "`Unheard` has no counterpart"),
        ("BATCH_SIZE: 64", "BATCH_SIZE: lots", "LT602", "`TRAIN.BATCH_SIZE` is to be a whole"),
        ("ALPHA: 0.5", "ALPHA: yes", "LT602", "`TRAIN.COMBINER.ALPHA` is to be a number"),
        ("RATIO: 0.02", "RATIO: 0", "LT602", "this ratio is no share"),
        ("[120, 160]", "[160, 120]", "LT602", "milestones are whole numbers that rise"),
        ("'res32_cifar'", "'res32_cifar'\n  FREEZE: True", "LT602", "`BACKBONE.FREEZE` other"),
        ("SHOW_STEP: 10", "SHOW_STEP: 10\nSHOW_STEP: 11", "LT601", "`SHOW_STEP` is written twice"),
        ("SHOW_STEP: 10", "SHOW_STEP: !!python/name:os.system", "LT601", "this value is none"),
        ("SHOW_STEP: 10", "SHOW_STEP: [", "LT601", "this is no YAML"),
        ("SHOW_STEP: 10", "A: &a {B: *a}", "LT601", "contains itself"),
        ("'first'", """'a"b'""", "LT601", "characters that no name here has"),
        ("'first'", '"a\\nstage1: ce"', "LT601", "characters that no name here has"),
        ("ALPHA: 0.5", "MANIFOLD_MIX_UP: {LOCATION: 'a) + b('}", "LT602", "one word"),
    ],
)
def test_mistakes(before, after, code, says):
    problems = imported(first=FIRST.replace(before, after))["first"].problems
    assert [problem.code for problem in problems] == [code]
    assert says in problems[0].message
    assert problems[0].span is not None


def test_a_deferred_loss_that_is_the_same_before_and_after():
    text = FIRST.replace("'CrossEntropy'", "'CrossEntropyLabelSmooth'")
    text = text.replace("TRAIN:\n", "TRAIN:\n  TWO_STAGE: {DRW: True, START_EPOCH: 100}\n")
    result = imported(first=text)["first"]
    assert [problem.code for problem in result.problems] == ["LT604"]
    (stage,) = plan_of(result).stages
    assert str(stage.loss) == "label_smoothing"


@pytest.mark.parametrize(
    ("kind", "before", "after"),
    [
        ("ClassBalanceFocal", "focal(gamma = 0.5)", "cb_focal(gamma = 0.5, beta = 0.999)"),
        ("FocalLoss", "focal", "focal(cost_sensitive = true)"),
        ("ClassBalanceCE", "ce", "cb_ce(beta = 0.999)"),
        ("BalancedSoftmaxCE", "ce", "balanced_softmax"),
    ],
)
def test_deferred_weights(kind, before, after):
    text = FIRST.replace("'CrossEntropy'", f"'{kind}'")
    text = text.replace("TRAIN:\n", "TRAIN:\n  TWO_STAGE: {DRW: True, START_EPOCH: 100}\n")
    one, two = plan_of(imported(first=text)["first"]).stages
    assert (one.start, two.start, str(one.loss), str(two.loss)) == (0, 100, before, after)


BOMB = "A0: &a0 [1, 1]\n" + "".join(
    f"A{n}: &a{n} {{{', '.join(f'B{k}: *a{n - 1}' for k in range(9))}}}\n" for n in range(1, 12)
)


LISTS = "A0: &a0 [1, 1]\n" + "".join(
    f"A{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 14)
)


@pytest.mark.parametrize(
    ("before", "after"),
    [("BASE_LR: 0.2", "BASE_LR: .inf"), ("BASE_LR: 0.2", "BASE_LR: .nan"), ("(32, 32)", "()")],
)
def test_values_that_nothing_can_be_trained_with(before, after):
    text = FIRST.replace(before, after).replace("IMBALANCECIFAR10", "iNaturalist")
    text = text.replace("'warmup'", "'cosine'")
    result = imported(first=text)["first"]
    assert result.refused
    assert "LT602" in {problem.code for problem in result.problems}


@pytest.mark.parametrize(
    "text",
    [
        BOMB,
        LISTS,
        "A: &a [*a]",
        "{" * 5000,
        "a: " * 5000,
        "- " * 3000,
        "\x00",
        "[]",
        "a: 1",
        "%YAML 9.9\n---\n",
    ],
)
def test_hostile_yaml_ends(text):
    (result,) = import_files([Source("x.yaml", text)])
    assert [problem.code for problem in result.problems] == ["LT601"]


def test_a_flat_configuration_of_mislas():
    text = """name: a
model_dir: 'ckps'
dataset: 'cifar100'
imb_factor: 0.1
backbone: 'resnet32_fe'
mode: 'stage1'
lr: 0.1
batch_size: 128
weight_decay: 2e-4
num_epochs: 200
cos: False
mixup: True
alpha: 1.0
"""
    found = imported(one=text, two=text.replace("stage1", "stage2"))
    plan = plan_of(found["one"])
    (stage,) = plan.stages
    assert (plan.dataset.imbalance, str(stage.mixer)) == (10, "input_mixup")
    assert rates(stage)[159:181] == pytest.approx([0.1] + [0.01] * 20 + [0.001])
    assert not stage.optimizer.nesterov
    assert [problem.code for problem in found["two"].problems] == ["LT602"]


def test_command_lines_of_ldam_drw():
    text = """# from the readme
CUDA_VISIBLE_DEVICES=0 python cifar_train.py --gpu 0 --imb_type step --imb_factor 0.1 \\
    --loss_type LDAM --train_rule DRW -b 64
python cifar_train.py --loss_type Focal
python cifar_train.py --wd 5e-4 --train_rule Reweight --nesterov --rand_number 3
"""
    first, second, third = import_files([Source("all.sh", text)])
    assert [each.source.name for each in (first, second, third)] == [
        "all.sh:2",
        "all.sh:4",
        "all.sh:5",
    ]
    plan = plan_of(first)
    assert (plan.dataset.imbalance, plan.dataset.profile) == (10, "step")
    one, two = plan.stages
    assert (one.loss.beta, two.loss.beta, two.start, two.batch_size) == (0, 0.9999, 160, 64)
    assert [problem.code for problem in second.problems] == ["LT602"]
    assert [problem.code for problem in third.problems] == ["LT603"]
    assert (plan_of(third).dataset.split, plan_of(third).split_seed) == ("cao", 3)
    (stage,) = plan_of(third).stages
    assert (str(stage.loss), stage.optimizer.weight_decay) == ("cb_ce", 5e-4)
