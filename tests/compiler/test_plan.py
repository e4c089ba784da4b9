"""What recipes mean: precedence, epoch arithmetic, learning rates, optimizers across stages."""

from __future__ import annotations

import pytest

from ltdsl.compiler import compile_recipe
from ltdsl.source import Source

CIFAR = "dataset = cifar10_lt; "


def compiled(text: str, *changes: str):
    return compile_recipe(Source("recipe.lt", text), changes)


def plan(text: str, *changes: str):
    result = compiled(text, *changes)
    assert not result.failed, [problem.message for problem in result.diagnostics]
    return result.plan


def codes(text: str, *changes: str) -> list[str]:
    return [problem.code for problem in compiled(text, *changes).diagnostics]


# ── stages in time ───────────────────────────────────────────────────────────────────────────────


def test_the_opening_line():
    first, second = plan("stage1: input_mixup; stage2: cam_bs + cs_ce @ epoch 160").stages
    assert (first.start, first.end, second.start, second.end) == (0, 160, 160, 200)
    assert [first.sampler.name, first.mixer.name, first.loss.name] == [
        "instance_balanced",
        "input_mixup",
        "ce",
    ]
    assert [second.sampler.name, second.mixer, second.loss.name] == ["cam_bs", None, "cs_ce"]


def test_a_stage_carries_nothing_over_and_the_order_of_tricks_is_free():
    a = plan("s: ce; t: cs_ce(gamma = 0.5) + class_balanced @ 50%; u: input_mixup @ 80%")
    b = plan("s: ce; t: class_balanced + cs_ce(gamma = 0.5) @ 50%; u: input_mixup @ 80%")
    assert a == b
    assert a.digest() == b.digest()
    assert a.stages[2].loss.name == "ce"
    assert a.stages[2].sampler.name == "instance_balanced"


@pytest.mark.parametrize(
    ("epochs", "percent", "start", "rounded"),
    [
        (200, "80%", 160, False),
        (15, "80%", 12, False),
        (15, "90%", 14, True),  # 13.5, halves up
        (5, "50%", 3, True),  # 2.5: not to even
        (1000, "0.1%", 1, False),
        (7, "33.3%", 2, True),
        (30, "58.3%", 17, True),  # 17.49
        (200, "28.5%", 57, False),  # 0.285 · 200 is 56.99999999999999 in floats
    ],
)
def test_percentages(epochs, percent, start, rounded):
    text = f"epochs = {epochs}; schedule = constant; s: ce; t: ce @ {percent}"
    assert plan(text).stages[1].start == start
    assert ("LT308" in codes(text)) == rounded


@pytest.mark.parametrize(
    ("text", "found"),
    [
        # the protocol of digits_lt has milestones at 80% and 90%, after a warm-up of 5 epochs
        ("epochs = 15; s: ce", []),
        ("epochs = 1; s: ce", [("LT307", "epochs = 1")]),
        ("epochs = 5; s: ce", [("LT307", "epochs = 5")]),
        ("epochs = 5; schedule = multistep(warmup = 1); s: ce", []),
        (
            "epochs = 5; schedule = multistep(milestones = [3]); s: ce",
            [("LT307", "multistep(milestones = [3])")],
        ),
        (
            "epochs = 20; s: ce; t: ce @ 85% { schedule = multistep(gamma = 0.5, warmup = 0) }",
            [],
        ),
        (
            "epochs = 3; schedule = multistep(milestones = [90%], warmup = 0); s: ce",
            [("LT306", "90%"), ("LT308", "90%")],
        ),
    ],
)
def test_a_protocol_in_a_short_run(text, found):
    problems = compiled(text).diagnostics
    assert [(problem.code, problem.span.text) for problem in problems] == found


# ── learning rates ───────────────────────────────────────────────────────────────────────────────


def test_the_protocol_of_cifar():
    (stage,) = plan(CIFAR + "s: ce").stages
    rates = [stage.rate(epoch) for epoch in range(200)]
    warm = [0.1 * (1 / 3 + 2 / 3 * epoch / 5) for epoch in range(5)]
    assert rates[:5] == pytest.approx(warm)
    assert rates[5:160] == pytest.approx([0.1] * 155)
    assert rates[160:180] == pytest.approx([1e-3] * 20)
    assert rates[180:] == pytest.approx([1e-5] * 20)


def test_a_milestone_acts_after_as_many_completed_epochs():
    (stage,) = plan("epochs = 10; schedule = multistep(milestones = [4], warmup = 0); s: ce").stages
    assert stage.rate(3) == pytest.approx(0.05)
    assert stage.rate(4) == pytest.approx(0.005)


def test_cosine():
    text = "epochs = 10; schedule = cosine(floor = 0.1, warmup = 2); optimizer = sgd(lr = 1); s: ce"
    (stage,) = plan(text).stages
    assert stage.rate(0) == pytest.approx(1 / 3)
    assert stage.rate(2) == pytest.approx(1)
    assert stage.rate(6) == pytest.approx(0.1 + 0.9 / 2)
    assert stage.rate(9) > 0.1


def test_a_stage_without_overrides_continues_optimizer_and_schedule():
    first, second = plan(CIFAR + "s: ce; t: cs_ce @ epoch 170").stages
    assert first.fresh_optimizer
    assert not second.fresh_optimizer
    assert second.rate(170) == pytest.approx(1e-3)
    assert second.rate(180) == pytest.approx(1e-5)


def test_only_optimizer_means_a_constant_rate_without_warmup():
    _, stage = plan(CIFAR + "s: ce; t: ce @ epoch 100 { optimizer = sgd(lr = 0.02) }").stages
    assert stage.fresh_optimizer
    assert stage.rates == ((100, 0.02),)
    assert stage.optimizer.weight_decay == 2e-4  # the inherited call changes only what is written


def test_only_schedule_keeps_the_base_rate_and_counts_within_the_stage():
    text = (
        CIFAR + "s: ce; t: ce @ epoch 100 { schedule = multistep(milestones = [50%], warmup = 0) }"
    )
    _, stage = plan(text).stages
    assert stage.fresh_optimizer
    assert stage.rate(100) == pytest.approx(0.1)
    assert stage.rate(149) == pytest.approx(0.1)
    assert stage.rate(150) == pytest.approx(1e-3)


def test_another_name_starts_from_its_catalogue_defaults():
    _, stage = plan(CIFAR + "s: ce; t: ce @ 50% { optimizer = adam }").stages
    assert (stage.optimizer.lr, stage.optimizer.weight_decay) == (0.001, 0.0)


def test_a_stage_after_a_fresh_one_continues_the_running_optimizer():
    text = CIFAR + "s: ce; t: ce @ epoch 100 { optimizer = sgd(lr = 0.02) }; u: ce @ epoch 170"
    *_, stage = plan(text).stages
    assert not stage.fresh_optimizer
    assert stage.optimizer.lr == 0.02
    assert stage.rate(170) == pytest.approx(0.02 * 0.01)


# ── precedence and --set ─────────────────────────────────────────────────────────────────────────


def test_layers(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "inner.lt").write_text("epochs = 11; batch_size = 11; seed = 11\n")
    (tmp_path / "sub" / "outer.lt").write_text('use "inner.lt"\nepochs = 12; batch_size = 12\n')
    recipe = tmp_path / "recipe.lt"
    text = 'use "sub/outer.lt"\nepochs = 13\nschedule = constant\ns: ce { batch_size = 14 }\n'
    recipe.write_text(text)
    result = compile_recipe(Source("recipe.lt", text, recipe), ["s.batch_size=15", "split_seed=16"])
    assert not result.failed
    assert (result.plan.epochs, result.plan.stages[0].batch_size) == (13, 15)
    assert (result.plan.seed, result.plan.split_seed) == (11, 16)
    origins = result.origins
    assert origins["epochs"] == "recipe.lt:2"
    assert origins["batch_size"] == "sub/outer.lt:2"
    assert origins["seed"] == "sub/inner.lt:1"
    assert origins["s.batch_size"] == "--set"
    assert origins["model"] == "protocol of digits_lt"
    assert origins["best_on"] == "default"
    assert len(result.sources) == 3


def test_unscoped_set_loses_to_a_stage_and_scoped_set_wins():
    text = "s: ce; t: ce @ 50% { optimizer = sgd(lr = 0.3) }"
    changed = plan(text, "optimizer.lr=0.2")
    assert [stage.optimizer.lr for stage in changed.stages] == [0.2, 0.3]
    changed = plan(text, "optimizer.lr=0.2", "t.optimizer.lr=0.4")
    assert [stage.optimizer.lr for stage in changed.stages] == [0.2, 0.4]


def test_addresses():
    text = "stage1: input_mixup; stage2: cam_bs + cs_ce @ epoch 160"
    assert plan(text, "dataset.imbalance=50").dataset.imbalance == 50
    assert plan(text, "stage2.cs_ce.gamma=0.5").stages[1].loss.gamma == 0.5
    assert plan(text, "stage2.at=80%", "epochs=100").stages[1].start == 80
    assert plan(text, "stage2.at=epoch 150").stages[1].start == 150
    fresh = plan(text, "stage2.optimizer.lr=0.002").stages[1]
    assert (fresh.optimizer.lr, fresh.fresh_optimizer) == (0.002, True)
    for chain in ("class_balanced + ce", '"class_balanced + ce"'):
        stage = plan(text, f"stage2.tricks={chain}").stages[1]
        assert (stage.sampler.name, stage.loss.name) == ("class_balanced", "ce")
    assert plan(text, "augment=[]").stages[0].augment == ()
    assert plan(text, "seed=1", "seed=2").seed == 2
    assert plan(text, "dataset=cifar10_lt").model.name == "resnet32"  # another protocol


@pytest.mark.parametrize(
    "change",
    [
        "epochs",
        "=3",
        "epochs=",
        "epochs=three",
        "epoch=3",
        "epochs.x=3",
        "stage1.cs_ce.gamma=1",
        "stage1.input_mixup=1",
        "stage1.input_mixup.beta=1",
        "stage1.at=160",
        "stage1.tricks=ce ce",
        "stage3.at=80%",
        "Epochs=3",
        "seed=1; epochs=3",
    ],
)
def test_bad_changes_are_refused_with_a_place(change):
    result = compiled("stage1: input_mixup", change)
    assert result.failed
    assert all(
        problem.span and problem.span.source.name == "--set" for problem in result.diagnostics
    )


# ── choosing the best epoch ──────────────────────────────────────────────────────────────────────


def test_what_chooses_the_best_epoch():
    assert plan("s: ce").best_on is None
    assert plan("validation = 10%; s: ce").best_on == "validation"
    assert plan("validation = 0.1; best_on = test; s: ce").best_on == "test"
    assert codes("best_on = validation; s: ce") == ["LT118"]


def test_by_which_figure_the_best_epoch_is_chosen():
    assert plan("s: ce").best_by is None
    assert plan("validation = 10%; s: ce").best_by == "macro_recall"
    assert plan("best_on = test; s: ce").best_by == "macro_recall"
    assert plan("validation = 0.1; best_by = top1_error; s: ce").best_by == "top1_error"
    assert codes("best_by = top1_error; s: ce") == ["LT118"]
    assert codes("validation = 0.1; best_by = error; s: ce") == ["LT104"]


def test_which_epochs_are_evaluated():
    stages = "epochs = 9; one: ce; two: ce @ epoch 4"
    assert all(map(plan(stages).evaluates, range(9)))
    some = plan(f"evaluate_every = 3; {stages}")
    assert [epoch for epoch in range(9) if some.evaluates(epoch)] == [2, 3, 5, 8]
    ends = plan(f"evaluate_every = 100; {stages}")
    assert [epoch for epoch in range(9) if ends.evaluates(epoch)] == [3, 8]
    assert codes(f"evaluate_every = 0; {stages}") == ["LT106"]
    assert codes(f"evaluate_every = 5%; {stages}") == ["LT105"]


def test_handoff():
    stage = "t: ce @ 50% { handoff = best; optimizer = sgd(lr = 0.01) }"
    assert plan(f"validation = 0.1; s: ce; {stage}").stages[1].handoff == "best"
    assert codes(f"s: ce; {stage}") == ["LT114"]
    assert codes("validation = 0.1; s: ce; t: ce @ 50% { handoff = best }") == ["LT114"]


# ── data ─────────────────────────────────────────────────────────────────────────────────────────


def test_class_counts():
    assert sum(plan(CIFAR + "s: ce").class_counts) == 12_406
    assert sum(plan("dataset = cifar100_lt; s: ce").class_counts) == 10_847
    step = plan("dataset = cifar10_lt(imbalance = 50, profile = step); s: ce").class_counts
    assert step == (5000,) * 5 + (100,) * 5


def test_cam_bs_needs_weights_or_init():
    assert codes("s: cam_bs") == ["LT112"]
    assert codes('init = "weights.ckpt"; s: cam_bs') == []
