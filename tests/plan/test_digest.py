"""The hash of a plan: the same for what means the same, another for any other meaning."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import pytest
from pydantic.fields import FieldInfo
from support.processes import ROOT

from ltdsl.catalogue import (
    AUGMENTS,
    DATASETS,
    MODELS,
    OPTIMIZERS,
    SGD,
    TRICKS,
    Entry,
    InstanceBalanced,
    Trick,
)
from ltdsl.catalogue.entry import Added
from ltdsl.catalogue.losses.cross_entropy import CostSensitiveCrossEntropy
from ltdsl.compare import compare
from ltdsl.compiler import compile_recipe
from ltdsl.plan import Plan
from ltdsl.source import Source

OPENING = "stage1: input_mixup; stage2: cam_bs + cs_ce @ epoch 160"


def plan(text: str, path=None) -> Plan:
    result = compile_recipe(Source("recipe.lt", text, path))
    assert result.plan, [problem.message for problem in result.diagnostics]
    return result.plan


@pytest.mark.parametrize(
    "text",
    [
        "stage1: input_mixup\nstage2: cs_ce + cam_bs @ epoch 160\n",
        "# said\nstage1: input_mixup # aloud\r\n\r\nstage2: cam_bs+cs_ce@80%",
        "stage1: input_mixup(alpha = 1) + ce + instance_balanced; stage2: cam_bs + cs_ce @ 80.0%",
        "stage1: input_mixup @ 0%; stage2: cam_bs(threshold = mean, sampler = class_balanced)"
        " + cs_ce(gamma = 1.0) @ epoch 160",
        "dataset = digits_lt(imbalance = 20); epochs = 200; validation = 0%; seed = 0;" + OPENING,
        "schedule = multistep(milestones = [160, 90%]); optimizer = sgd(lr = 5e-2);" + OPENING,
        "stage1: input_mixup { batch_size = 32 }; stage2: cam_bs + cs_ce @ epoch 160",
        "mixup: input_mixup; deferred: cam_bs + cs_ce @ epoch 160",
    ],
)
def test_the_same_meaning_has_the_same_hash(text):
    result = compare(plan(OPENING), plan(text))
    assert plan(text).digest() == plan(OPENING).digest()
    assert result.same
    assert not result.settings
    assert not any(stage.changes for stage in result.stages)


def test_used_files_mean_what_they_say(tmp_path):
    (tmp_path / "common.lt").write_text("epochs = 30; schedule = constant\n")
    path = tmp_path / "recipe.lt"
    used = plan('use "common.lt"\ns: ce', path)
    assert used.digest() == plan("epochs = 30\nschedule = constant\ns: ce").digest()


@pytest.mark.parametrize("percent", ["14.3%", "0.1%", "7%", "33.33%", "28%"])
def test_a_percentage_is_the_number_it_stands_for(percent):
    number = f"{percent[:-1]}e-2"
    assert (
        plan(f"validation = {percent}; s: ce").digest()
        == plan(f"validation = {number}; s: ce").digest()
    )


def test_signs_of_zero_do_not_matter():
    zero = plan("optimizer = sgd(weight_decay = 0.0); s: ce")
    assert zero.digest() == plan("optimizer = sgd(weight_decay = -0.0); s: ce").digest()


def another(value: Any, info: FieldInfo) -> Any:
    """A value of the same type that is not the same."""
    if get_origin(info.annotation) is Literal:
        return next(choice for choice in get_args(info.annotation) if choice != value)
    if isinstance(value, bool):
        return not value
    if isinstance(value, Entry):
        return InstanceBalanced()
    if isinstance(value, str):
        return f"{value}x"
    if isinstance(value, tuple):
        return (*value, 0.25)
    if value is None:
        return "some" if "text" in str(info.annotation) else 7
    return value + type(value)(1)


def fields() -> list[tuple[type[Entry], str]]:
    entries = {**TRICKS, **AUGMENTS, **DATASETS, **MODELS, **OPTIMIZERS}
    return [(entry, field) for entry in entries.values() for field in entry.model_fields]


def example(entry: type[Entry]) -> Entry:
    required = {
        info.alias or name: "some"
        for name, info in entry.model_fields.items()
        if info.is_required()
    }
    return entry.model_validate(required)


def holding(entry: Entry) -> Plan:
    """A plan with the entry in its place."""
    whole = plan(OPENING)
    if isinstance(entry, Trick | SGD) or entry.kind == "optimizer":
        place = {entry.kind: entry}
    elif entry.kind == "augmentation":
        place = {"augment": (entry,)}
    else:
        return whole.model_copy(update={entry.kind: entry})
    last = whole.stages[1].model_copy(update=place)
    return whole.model_copy(update={"stages": (whole.stages[0], last)})


@pytest.mark.parametrize(
    ("entry", "field"), fields(), ids=lambda value: getattr(value, "name", value)
)
def test_every_parameter_counts(entry, field):
    before = example(entry)
    value = another(getattr(before, field), entry.model_fields[field])
    after = before.model_copy(update={field: value})
    result = compare(holding(before), holding(after))
    assert holding(before).digest() != holding(after).digest()
    assert not result.same
    changes = [*result.settings, *(c for stage in result.stages for c in stage.changes)]
    name = f".{entry.model_fields[field].alias or field}"
    # augmentations are a list, and lists are told whole
    assert any(change.address.endswith((name, "augment")) for change in changes)


#: The hash that version 0.1 gave the plan with each entry that it knew.
HASHES = json.loads(
    (Path(__file__).parents[1] / "fixtures" / "plan_hashes_0_1.json").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("entry", HASHES)
def test_plans_of_version_0_1_keep_their_hash(entry):
    """Where this fails, a field has come without ``Added``, or a default has changed: earlier runs would be refused."""
    known = {**TRICKS, **AUGMENTS, **DATASETS, **MODELS, **OPTIMIZERS}
    kind, _, name = entry.rpartition(" ")
    assert known[name].kind == kind
    assert holding(example(known[name])).digest() == HASHES[entry]


class MoreOfAPlan(Plan):
    """A plan of some later version."""

    average: Annotated[float | None, Added("0.3")] = None


class MoreOfALoss(CostSensitiveCrossEntropy):
    """A loss of some later version."""

    floor: Annotated[float, Added("0.3")] = 0.0


def test_what_is_added_counts_where_it_is_used():
    before = plan(OPENING)
    after = MoreOfAPlan.model_validate_json(before.to_json())
    assert after.digest() == before.digest()
    assert json.loads(after.to_json())["average"] is None
    assert after.model_copy(update={"average": 0.99}).digest() != before.digest()
    loss = before.stages[1].loss
    later = MoreOfALoss.model_validate(loss.model_dump()["arguments"])
    assert holding(later).digest() == holding(loss).digest() == before.digest()
    assert holding(later.model_copy(update={"floor": 0.1})).digest() != before.digest()


@pytest.mark.parametrize("kind", ["sampler", "mixer", "loss", "classifier", "teacher", "posthoc"])
def test_every_trick_counts(kind):
    plans = [holding(example(entry)) for entry in TRICKS.values() if entry.kind == kind]
    assert len({plan.digest() for plan in plans}) == len(plans)


@pytest.mark.parametrize(
    "text",
    [
        "seed = 1; " + OPENING,
        "split_seed = 1; " + OPENING,
        "epochs = 201; " + OPENING,
        "batch_size = 33; " + OPENING,
        "validation = 0.1; " + OPENING,
        "best_on = test; " + OPENING,
        "evaluate_every = 5; " + OPENING,
        "augment = []; " + OPENING,
        'init = "weights.ckpt"; ' + OPENING,
        "schedule = cosine; " + OPENING,
        OPENING.replace("160", "161"),
        OPENING.replace("stage2", "stage2: ce @ epoch 159; stage3"),
        OPENING + " { optimizer = sgd }",
        "stage1: ce; stage2: cam_bs + cs_ce @ epoch 160",
        "stage1: input_mixup",
    ],
)
def test_another_meaning_has_another_hash_and_is_told(text):
    for pair in ((OPENING, text), (text, OPENING)):
        result = compare(*map(plan, pair))
        assert not result.same
        assert result.settings or any(stage.changes for stage in result.stages)


def test_a_later_parameter_leaves_the_hash_of_earlier_runs():
    # the run was made before `tau_norm` had `bias`
    run = ROOT / "tests" / "fixtures" / "runs_0_1" / "two_stage"
    earlier = Plan.model_validate_json((run / "plan.json").read_text(encoding="utf-8"))
    recorded = json.loads((run / "run.json").read_text(encoding="utf-8"))["plan_sha256"]
    assert '"bias"' not in (run / "plan.json").read_text(encoding="utf-8")
    assert earlier.stages[-1].posthoc.bias == "kept"
    assert earlier.digest() == recorded
    dropped = earlier.stages[-1].posthoc.model_copy(update={"bias": "dropped"})
    last = earlier.stages[-1].model_copy(update={"posthoc": dropped})
    other = earlier.model_copy(update={"stages": (*earlier.stages[:-1], last)})
    assert other.digest() != recorded
