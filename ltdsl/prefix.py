"""The first epochs of a plan: which of what it says reaches them, so that plans that share it can share the epochs.

There are two answers. What reaches the *weights* after some epochs is nearly all that is said of those epochs, and
nothing of what comes later. What reaches the *records* of the same epochs, and the choice of the best of them, is that
and how the run evaluates: the last stage's correction acts in every epoch's evaluation. Where a stage starts from the
best epoch of the one before, the second answer is part of the first.

Whatever a plan says and is not named here counts: a field that nobody has thought of keeps epochs apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from ltdsl.catalogue.entry import Entry
from ltdsl.plan import Plan, StagePlan

#: Fields of a plan that do not reach the weights of its first epochs by themselves, and why.
NOT_OF_PLAN = {
    "calibration": "acts after the last epoch alone",
    "early_stopping": "ends the last stage, and counts for that",
    "epochs": "acts through the clocks of samplers alone, which count",
    "stages": "each counts by itself, as far as it goes",
    "best_on": "chooses among epochs: counts for records, and for weights where a stage starts from a best epoch",
    "best_by": "likewise",
    "evaluate_every": "likewise, as the epochs that are evaluated",
}

#: Fields of a stage that do not, and why.
NOT_OF_STAGE = {
    "name": "labels progress and names files",
    "end": "where it lies beyond the epochs, it acts through the clock of the sampler alone, which counts",
    "rates": "count as far as the epochs go",
    "posthoc": "acts in evaluation: counts for records",
}


def reaching_weights(
    plan: Plan, epochs: int, files: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """What of a plan reaches the weights, and the optimizer's state, after its first epochs.

    Args:
        plan: The run.
        epochs: How many, in [0, ``plan.epochs``].
        files: What stands for the checkpoints that the recipe names: their digests, where these are known.

    Returns:
        Plain data: equal where the weights are, on the same data and the same machine.
    """
    if files:
        plan = _with_contents(plan, files)
    stages = stages_within(plan, epochs)
    found = {name: value for name, value in plan.meaning().items() if name not in NOT_OF_PLAN}
    # the network has factors from the start where any stage learns them
    found["factors"] = any(each.classifier and each.classifier.adds_factors for each in plan.stages)
    found["stages"] = [_of_stage(plan, stage, epochs) for stage in stages]
    if plan.early_stopping is not None and epochs > plan.stages[-1].start:
        found["early_stopping"] = plan.early_stopping  # of these epochs, it ends none
    if any(stage.handoff == "best" for stage in stages):
        found["chosen"] = reaching_records(plan, epochs)
    return found


def reaching_records(plan: Plan, epochs: int) -> dict[str, Any]:
    """What of a plan reaches the evaluation of its first epochs, beside what reaches their weights.

    Args:
        plan: The run.
        epochs: How many.
    """
    meaning = plan.meaning()
    within = stages_within(plan, epochs)
    # of the first stage, the best epoch is the run's
    hands_on = len(within) > 1 and hands_on_best(plan, len(within) - 1)
    every = meaning.get("evaluate_every", 1)
    return {
        "best_on": plan.best_on,
        "best_by": plan.best_by,
        "posthoc": meaning["stages"][-1]["posthoc"],
        "keeps_the_best_of_its_last_stage": hands_on,
        # the last epoch of a stage is evaluated whatever its number
        "evaluated": "all" if every == 1 else [every, epochs in borders(plan)],
    }


def hands_on_best(plan: Plan, index: int) -> bool:
    """Whether a stage's best epoch is kept, for the one after it."""
    return any(stage.handoff == "best" for stage in plan.stages[index + 1 : index + 2])


def stages_within(plan: Plan, epochs: int) -> tuple[StagePlan, ...]:
    """The stages that the first epochs of a run are of."""
    return tuple(stage for stage in plan.stages if stage.start < epochs)


def borders(plan: Plan) -> list[int]:
    """The numbers of epochs after which a stage ends, in order."""
    return [stage.end for stage in plan.stages]


def files_within(plan: Plan, epochs: int) -> tuple[str, ...]:
    """The checkpoints that the recipe names and that reach its first epochs, each once."""
    teachers = (stage.teacher.teacher for stage in stages_within(plan, epochs) if stage.teacher)
    named = (*((plan.init_file,) if plan.init_file else ()), *teachers)
    return tuple(dict.fromkeys(named))


def is_all_known(plan: Plan) -> bool:
    """Whether all that a plan names is ltdsl's own: of what others have added, nothing says whether it has changed."""
    return all(type(entry).__module__.partition(".")[0] == "ltdsl" for entry in _entries(plan))


def _entries(value: object) -> list[Entry]:
    found = [value] if isinstance(value, Entry) else []
    if isinstance(value, BaseModel):
        parts: tuple[object, ...] = tuple(getattr(value, name) for name in type(value).model_fields)
    else:
        parts = value if isinstance(value, tuple) else ()
    return found + [entry for part in parts for entry in _entries(part)]


def _of_stage(plan: Plan, stage: StagePlan, epochs: int) -> dict[str, Any]:
    meaning: dict[str, Any] = plan.meaning()["stages"][plan.stages.index(stage)]
    found = {name: value for name, value in meaning.items() if name not in NOT_OF_STAGE}
    found["rates"] = [list(pair) for pair in stage.rates if pair[0] < epochs]
    # what the sampler makes of the time that has passed, of which it may use none
    times = [
        stage.sampler.passed(epoch, stage.start, stage.end, plan.epochs)
        for epoch in range(stage.start, min(stage.end, epochs))
    ]
    found["passed"] = times if len(set(times)) > 1 else times[:1]
    return found


def _with_contents(plan: Plan, files: Mapping[str, str]) -> Plan:
    """The same with what stands for files in place of their names."""
    stages = []
    for stage in plan.stages:
        teacher = stage.teacher
        if teacher is not None:
            name = teacher.teacher
            teacher = teacher.model_copy(update={"teacher": files.get(name, name)})
        stages.append(stage.model_copy(update={"teacher": teacher}))
    init = None if plan.init is None else files.get(plan.init, plan.init)
    return plan.model_copy(update={"init": init, "stages": tuple(stages)})
