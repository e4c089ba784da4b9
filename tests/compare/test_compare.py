"""Comparing plans: what is told, and that something is told exactly where the hash differs."""

from __future__ import annotations

import random

import pytest

from ltdsl.compare import Comparison, compare
from ltdsl.compiler import compile_recipe
from ltdsl.plan import Plan
from ltdsl.reference.published import names, text_of, why_not
from ltdsl.source import Source


def plan(text: str) -> Plan:
    return compile_recipe(Source("recipe.lt", text)).plan


def told(result: Comparison) -> dict[str, tuple[str | None, str | None]]:
    stages = [(f"{stage.new}.", change) for stage in result.stages for change in stage.changes]
    return {
        prefix + change.address: (change.old, change.new)
        for prefix, change in [*(("", change) for change in result.settings), *stages]
    }


def test_published_recipes_against_each_other():
    recipes = [printed for printed in names().values() if not why_not(printed[0])]
    plans = [plan(text_of(printed)) for printed in random.Random(0).sample(recipes, 25)]
    for old in plans:
        for new in plans:
            result = compare(old, new)
            assert result.same == (old.digest() == new.digest()) == (not told(result))
            assert all(before != after for before, after in told(result).values())


def test_epochs_of_the_same_rate_do_not_differ_though_their_base_rates_do():
    old = "dataset = cifar10_lt; stage1: ce; stage2: cs_ce @ 80%"
    own = "optimizer = sgd(lr = 0.001); schedule = multistep(milestones = [30], warmup = 0)"
    changes = told(compare(plan(old), plan(f"{old} {{ {own} }}")))
    rates = {address: pair for address, pair in changes.items() if "learning rate" in address}
    assert rates == {"stage2.learning rate, epochs 180 to 189": ("1e-05", "0.001")}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        # the recipe's schedule goes on by the run's epochs, whenever a stage starts
        (
            "s: ce; t: cs_ce @ 80%",
            "s: ce; t: cs_ce @ 90%",
            {"s.epochs": ("0 to 159", "0 to 179"), "t.epochs": ("160 to 199", "180 to 199")}
            | {"s.learning rate, epochs 160 to 179": ("0.05", "0.005")},
        ),
        # a schedule of its own moves with the stage
        (
            "schedule = constant; s: ce; t: cs_ce @ epoch 100 { schedule = cosine }",
            "epochs = 220; schedule = constant; s: ce; t: cs_ce @ epoch 120 { schedule = cosine }",
            {"epochs": ("200", "220"), "s.epochs": ("0 to 99", "0 to 119")}
            | {"t.epochs": ("100 to 199", "120 to 219")},
        ),
        (
            "validation = 0.1; s: ce; t: ce @ 50% { optimizer = sgd }",
            "validation = 0.1; s: ce; t: ce @ 50% { optimizer = sgd; handoff = best }",
            {"t.handoff": ("last", "best")},
        ),
        # digits that nobody writes are shown where nothing else differs
        (
            "s: cs_ce(gamma = 0.1)",
            "s: cs_ce(gamma = 0.10000000000000002)",
            {"s.cs_ce.gamma": ("0.1", "0.10000000000000002")},
        ),
        (
            "s: ce",
            "s: ce { optimizer = adam; schedule = multistep(milestones = [80%, 90%], warmup = 5) }",
            {
                "s.optimizer": ("sgd(lr = 0.05, weight_decay = 0.0005)", "adam"),
            },
        ),
        (
            "s: ldam(s = 20)",
            "s: ce",
            {
                "classifier": ("cosine", "linear"),
                "logit_scale": ("20", None),
                "s.loss": ("ldam(s = 20)", "ce"),
            },
        ),
    ],
)
def test_what_is_told(old, new, expected):
    assert told(compare(plan(old), plan(new))) == expected
    back = {address: pair[::-1] for address, pair in expected.items()}
    assert told(compare(plan(new), plan(old))) == back


def test_stages_find_each_other_by_content_before_name():
    result = compare(
        plan("a: ce; b: cs_ce @ 50%; c: focal @ 80%"), plan("b: ce; x: cs_ce @ 50%; c: ce @ 80%")
    )
    assert [(stage.action, stage.old, stage.new) for stage in result.stages] == [
        ("rename", "a", "b"),
        ("rename", "b", "x"),
        ("change", "c", "c"),
    ]


def test_counts_that_nobody_has_read_are_no_difference():
    known = plan("dataset = image_folder; s: ce").model_copy(update={"class_counts": (5, 3)})
    unknown = known.model_copy(update={"class_counts": None})
    other = known.model_copy(update={"class_counts": (5, 2)})
    assert compare(known, unknown).same
    assert not compare(known, unknown).settings
    assert not compare(known, other).same
    assert not compare(unknown, other.model_copy(update={"seed": 1})).same
