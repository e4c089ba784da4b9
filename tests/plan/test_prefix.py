"""What of a plan reaches its first epochs: each field is changed, and either counts or is known not to reach."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from ltdsl import catalogue, prefix
from ltdsl.catalogue.entry import Entry, plain
from ltdsl.compiler import compile_recipe
from ltdsl.plan import Plan
from ltdsl.source import Source

RUNTIME = Path(__file__).parents[2] / "runtime" / "ltdsl_runtime"

TEXT = """
dataset = digits_lt(imbalance = 20); epochs = 12; batch_size = 16; validation = 0.1; init = "first.ckpt"
schedule = multistep(milestones = [1, 5, 10], gamma = 0.5, warmup = 0); clip_norm = 1.0
one: input_mixup + progressive + dive(teacher = "teacher.ckpt") @ epoch 0
two: cam_bs + cs_ce @ epoch 4 { optimizer = sgd(lr = 0.02) }
three: ce + tau_norm @ epoch 8
"""

#: The plan's first epochs that are looked at, and its stages that begin within them.
EPOCHS, WITHIN = 6, 2


def compiled(text: str) -> Plan:
    result = compile_recipe(Source("recipe.lt", text))
    assert result.plan is not None, [problem.message for problem in result.diagnostics]
    return result.plan


@pytest.fixture(scope="module")
def plan():
    return compiled(TEXT)


CLASSIFIERS = catalogue.INDEXES[catalogue.Classifier]

#: What could stand in these places.
PLACES = {
    "sampler": plain(catalogue.INDEXES[catalogue.Sampler]["square_root"]),
    "mixer": plain(catalogue.INDEXES[catalogue.Mixer]["cutmix"]),
    "classifier": plain(CLASSIFIERS["crt"]),
    "teacher": catalogue.INDEXES[catalogue.Teacher]["dive"](teacher="t.ckpt"),
    "posthoc": plain(catalogue.INDEXES[catalogue.Posthoc]["posthoc_logit_adjustment"]),
}


def other(value: Any) -> Any:
    """Something else in the place of a value, whatever is allowed there."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, str):
        return f"{value}x"
    if isinstance(value, tuple):
        return (*value[:-1], other(value[-1])) if value else ("x",)
    return "x" if value is None else None


def changes(value: BaseModel, path: tuple[str, ...] = ()):
    """Every field of a value with a copy of it that has something else there, down to arguments of entries."""
    for name in type(value).model_fields:
        part = getattr(value, name)
        if isinstance(part, Entry):
            for inner, changed in changes(part, (*path, name)):
                yield inner, value.model_copy(update={name: changed})
            yield (*path, name), value.model_copy(update={name: PLACES.get(name)})
        elif part is None and name in PLACES:
            yield (*path, name), value.model_copy(update={name: PLACES[name]})
        elif not isinstance(part, tuple) or not part or not isinstance(part[0], BaseModel):
            yield (*path, name), value.model_copy(update={name: other(part)})
        else:
            yield (*path, name), value.model_copy(update={name: part[:-1]})


def reaches(plan, epochs=EPOCHS):
    return prefix.reaching_weights(plan, epochs), prefix.reaching_records(plan, epochs)


def test_every_field_of_a_plan_counts_or_is_known_not_to(plan):
    weights, records = reaches(plan)
    seen = set()
    for path, changed in changes(plan):
        if path == ("stages",):
            continue
        now_weights, now_records = reaches(changed)
        seen.add(path[0])
        if path[0] in prefix.NOT_OF_PLAN:
            if path[0] in ("best_on", "best_by", "evaluate_every"):
                assert (now_weights, now_records != records) == (weights, True), path
        else:
            assert now_weights != weights, path
    assert set(prefix.NOT_OF_PLAN) - seen <= {"stages", "evaluate_every"}


def changed_stages(plan, index):
    for path, changed in changes(plan.stages[index]):
        stages = (*plan.stages[:index], changed, *plan.stages[index + 1 :])
        yield path, plan.model_copy(update={"stages": stages})


@pytest.mark.parametrize("index", range(WITHIN))
def test_every_field_of_a_stage_that_has_begun_counts_or_is_known_not_to(plan, index):
    weights, _ = reaches(plan)
    seen = set()
    for path, changed in changed_stages(plan, index):
        seen.add(path[0])
        if path[0] not in prefix.NOT_OF_STAGE:
            assert reaches(changed)[0] != weights, path
    assert set(prefix.NOT_OF_STAGE) <= seen


def test_nothing_of_later_stages_reaches_weights_but_what_the_network_is_made_with(plan):
    weights, _ = reaches(plan)
    for path, changed in changed_stages(plan, 2):
        assert reaches(changed)[0] == weights, path
    last = plan.stages[2].model_copy(update={"classifier": plain(CLASSIFIERS["lws"])})
    factors = plan.model_copy(update={"stages": (*plan.stages[:2], last)})
    assert reaches(factors)[0] != weights


def with_text(old, new):
    assert old in TEXT
    return compiled(TEXT.replace(old, new))


def test_names_and_milestones_that_are_not_reached(plan):
    changed = with_text("[1, 5, 10]", "[1, 5, 11]")
    for old, new in (("one:", "first:"), ("two:", "second:"), ("three:", "last:")):
        changed = compiled(TEXT.replace("[1, 5, 10]", "[1, 5, 11]").replace(old, new))
        assert reaches(changed) == reaches(plan)
    assert reaches(with_text("[1, 5, 10]", "[2, 5, 10]")) != reaches(plan)


def test_the_run_s_length_reaches_what_asks_for_its_clock(plan):
    longer = with_text("epochs = 12", "epochs = 13")
    assert reaches(longer)[0] != reaches(plan)[0]
    text = TEXT.replace("progressive + ", "")
    assert reaches(compiled(text.replace("epochs = 12", "epochs = 13"))) == reaches(compiled(text))
    by_stage = TEXT.replace("progressive", "progressive(clock = stage)")
    assert reaches(compiled(by_stage.replace("epochs = 12", "epochs = 13"))) == reaches(
        compiled(by_stage)
    )
    moved = by_stage.replace("@ epoch 4", "@ epoch 5")
    assert reaches(compiled(moved), 3)[0] != reaches(compiled(by_stage), 3)[0]


def test_a_posthoc_reaches_the_records_alone(plan):
    weights, records = reaches(plan)
    for new in ("tau_norm(tau = 0.5)", "posthoc_logit_adjustment"):
        changed = with_text("tau_norm", new)
        assert reaches(changed)[0] == weights
        assert reaches(changed)[1] != records


def test_what_chooses_reaches_the_weights_behind_a_handoff_of_the_best():
    best = TEXT.replace("lr = 0.02)", "lr = 0.02); handoff = best")
    first = compiled(best)
    for old, new in (
        ("tau_norm", "tau_norm(tau = 2)"),
        ("epochs = 12", "best_by = top1_error; epochs = 12"),
    ):
        second = compiled(best.replace(old, new))
        assert reaches(first)[0] != reaches(second)[0]
        assert reaches(first, 4)[0] == reaches(second, 4)[0]  # before it was handed on


def test_a_best_epoch_is_kept_where_the_next_stage_wants_it(plan):
    wanted = with_text(
        "three: ce + tau_norm @ epoch 8",
        "three: ce + tau_norm @ epoch 8 { optimizer = sgd(lr = 0.1); handoff = best }",
    )
    assert reaches(wanted)[0] == reaches(plan)[0]
    assert reaches(wanted)[1] != reaches(plan)[1]
    # of the first stage it is the run's best, which is kept anyway
    assert reaches(wanted, 3) == reaches(plan, 3)
    first = TEXT.replace("lr = 0.02)", "lr = 0.02); handoff = best")
    assert reaches(compiled(first), 4) == reaches(plan, 4)


def test_files_count_by_what_is_in_them(plan):
    moved = compiled(TEXT.replace("teacher.ckpt", "b.ckpt").replace("first.ckpt", "a.ckpt"))
    assert reaches(moved)[0] != reaches(plan)[0]
    here = prefix.reaching_weights(plan, EPOCHS, {"teacher.ckpt": "T", "first.ckpt": "F"})
    there = prefix.reaching_weights(moved, EPOCHS, {"b.ckpt": "T", "a.ckpt": "F"})
    assert here == there
    assert prefix.files_within(plan, EPOCHS) == ("first.ckpt", "teacher.ckpt")


def test_what_others_have_added_is_not_known(plan):
    class Own(type(plan.stages[0].loss)):
        name = "own"

    assert prefix.is_all_known(plan)
    loss = Own.model_construct()
    changed = plan.stages[1].model_copy(update={"loss": loss})
    assert not prefix.is_all_known(plan.model_copy(update={"stages": (plan.stages[0], changed)}))


def test_time_is_asked_for_in_known_places_only():
    """Whatever else in the runtime looks at the length of a run or of a stage would need a place in the key."""
    found = {
        path.relative_to(RUNTIME).as_posix()
        for room in ("data", "graph", "models", "tricks")
        for path in (RUNTIME / room).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in ("epochs", "run_epochs", "stage_end")
    }
    assert found == {
        "data/source.py",  # how many batches there are
        "tricks/samplers.py",  # which ask :meth:`Sampler.passed` alone
    }
