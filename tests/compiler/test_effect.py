"""Values without effect are reported, and only these."""

from __future__ import annotations

from itertools import product

import pytest

from ltdsl.compiler import compile_recipe
from ltdsl.recipe import Overrides, Settings
from ltdsl.source import Source
from ltdsl.syntax.parser import read_source

#: A stage's own values, none of them the data set's protocol's.
OWN = ("optimizer = adam(lr = 0.01)", "schedule = cosine", "batch_size = 16", "augment = []")

#: Another value of each setting that a stage can have.
OTHERS = {
    "optimizer": "adam(lr = 0.02)",
    "schedule": "constant",
    "batch_size": "8",
    "accumulate": "2",
    "augment": "[random_horizontal_flip]",
    "sharpness": "sam",
    "constraint": "max_norm",
    "body": "frozen",
    "body_lr": "0.1",
    "batch_norm": "frozen",
    "views": "2",
    "average": "ema",
}


def compiled(text: str, *changes: str):
    result = compile_recipe(Source("recipe.lt", text), changes)
    assert not result.failed, result.diagnostics
    return result


def told(text: str, *changes: str) -> list[str]:
    found = compiled(text, *changes).diagnostics
    return [problem.span.text for problem in found if problem.code == "LT140"]


def subsets():
    for chosen in product((False, True), repeat=len(OWN)):
        yield "; ".join(text for text, wanted in zip(OWN, chosen, strict=True) if wanted)


def test_others_are_of_all_that_a_stage_can_have():
    assert OTHERS.keys() == Settings.model_fields.keys() & Overrides.model_fields.keys()


@pytest.mark.parametrize("first", list(subsets()))
def test_what_changes_no_plan_is_reported(first):
    """By trying: a setting is without effect where another value of it gives the same plan."""
    for second in subsets():
        text = f"epochs = 20\nstage1: ce {{ {first} }}\nstage2: ce @ 50% {{ {second} }}"
        recipe = compiled(text)
        taken = recipe.recipe.taken
        for name, value in OTHERS.items():
            changed = compiled(f"{name} = {value}\n{text}")
            same = changed.plan.digest() == recipe.plan.digest()
            assert (name not in taken) == same, (name, text)
            assert bool(told(f"{name} = {value}\n{text}")) == same
            assert bool(told(text, f"{name}={value}")) == same


STAGES = "epochs = 20\nstage1: ce\nstage2: cs_ce @ 50%"


@pytest.mark.parametrize(
    ("changes", "lost"),
    [
        (["optimizer.lr=0.5", "optimizer.lr=0.1"], ["optimizer.lr=0.5"]),
        (["seed=1", "seed=2"], ["seed=1"]),
        (["optimizer=sgd(lr = 0.5, momentum = 0.3)", "optimizer.lr=0.1"], ["lr = 0.5"]),
        (["optimizer.lr=0.5", "optimizer=adam"], ["optimizer.lr=0.5"]),
        (["stage2.cs_ce.gamma=0.5", "stage2.tricks=ce"], ["stage2.cs_ce.gamma=0.5"]),
        (["stage2.at=40%", "stage2.at=80%"], ["stage2.at=40%"]),
        (["stage1.batch_size=8", "stage1.batch_size=16"], ["stage1.batch_size=8"]),
        (["batch_size=8", "stage1.batch_size=16"], []),
        (["stage2.at=40%", "optimizer.lr=0.5", "dataset.imbalance=30", "epochs=30"], []),
    ],
)
def test_a_change_that_a_later_one_replaces(changes, lost):
    assert told(STAGES, *changes) == lost


def test_layers_are_for_overriding():
    text = "epochs = 30\noptimizer = sgd(lr = 0.2, momentum = 0.8)\nstage1: ce { batch_size = 64 }"
    assert told(text, "epochs=20", "optimizer.lr=0.1", "stage1.batch_size=32") == []
    assert told(text, "optimizer=adam") == []


def test_a_shared_file(tmp_path):
    (tmp_path / "shared.lt").write_text("schedule = cosine\nbatch_size = 16\n")

    def lost(text: str) -> list[str]:
        path = tmp_path / "recipe.lt"
        path.write_text(f'use "shared.lt"\nepochs = 20\n{text}')
        found = compile_recipe(read_source(path)).diagnostics
        return [problem.span.text for problem in found if problem.code == "LT140"]

    assert lost("stage1: ce { batch_size = 32 }") == []  # it says what it has instead
    assert lost("schedule = constant\nstage1: ce") == []
    assert lost("stage1: ce { optimizer = adam }") == ["schedule = cosine"]  # turned off in passing


def test_a_name_that_stages_take_over_is_no_value_without_effect():
    text = "optimizer = sgd\nschedule = constant\nstage1: ce"
    assert told(text) == []
    assert told("optimizer = sgd\nstage1: ce { optimizer = sgd(lr = 0.1) }") == []


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("schedule = cosine\na: ce\nb: cs_ce @ 80% { optimizer = sgd(lr = 0.01) }", True),
        ("schedule = multistep(milestones = [50%])\na: ce\nb: ce @ 80% { optimizer = sgd }", False),
        ("schedule = multistep(milestones = [90%])\na: ce\nb: ce @ 80% { optimizer = sgd }", True),
        ("schedule = cosine\na: ce\nb: ce @ 80% { optimizer = sgd; schedule = constant }", False),
        ("schedule = cosine\na: ce\nb: ce @ 80% { batch_size = 16 }", False),
        ("a: ce\nb: ce @ 80% { optimizer = sgd(lr = 0.01) }", False),
    ],
)
def test_an_optimizer_that_ends_the_schedule_of_the_others(text, ends):
    found = compile_recipe(Source("recipe.lt", text)).diagnostics
    told = [(d.severity.value, d.span.text[:9]) for d in found if d.code == "LT140"]
    assert told == ([("advice", "optimizer")] if ends else [])
