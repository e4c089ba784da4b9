"""plan.json: the plan, whole or not at all."""

from __future__ import annotations

import math
from operator import eq
from pathlib import Path

from pydantic import ValidationError

from ltdsl.plan import Plan
from ltdsl.recipe import MOST_EPOCHS
from ltdsl.runs.errors import UnreadableError
from ltdsl.runs.files import content, why
from ltdsl.runs.layout import PLAN
from ltdsl.system.opening import PLAN as LARGEST

#: More than any class has.
MOST_IMAGES = 2**40


def read_plan(run: Path) -> Plan:
    """The plan of a run directory.

    Raises:
        UnreadableError: There is none, or it is no whole plan.
    """
    path = run / PLAN
    if not path.is_file():
        raise UnreadableError(f"{run} is no run directory: it has no {PLAN}")
    try:
        data = content(path, LARGEST)
    except (OSError, ValueError) as error:
        raise UnreadableError(f"{path} cannot be read: {why(error)}") from error
    return plan_from_json(data, str(path))


def plan_from_json(data: bytes, path: str) -> Plan:
    """The plan that a file holds.

    Args:
        data: Its bytes.
        path: Where they are from.

    Raises:
        UnreadableError: It is no whole plan.
    """
    if len(data) > LARGEST:
        raise UnreadableError(f"{path} is larger than 32 MiB, too large for a plan")
    try:
        plan = Plan.model_validate_json(data)
    except ValidationError as error:
        raise UnreadableError(
            f"{path} is no whole plan: {_short(_first_problem(error))}"
        ) from error
    except (RecursionError, OverflowError) as error:
        raise UnreadableError(f"{path} is no whole plan: it is nested too deeply") from error
    if broken := _broken(plan):
        raise UnreadableError(f"{path} is no whole plan: {broken}")
    return plan


def _first_problem(error: ValidationError) -> str:
    """What is wrong first; a later version may have added what this one does not know."""
    first = error.errors(include_url=False, include_context=False)[0]
    where = ".".join(map(str, first["loc"]))
    other = "it is of another version of ltdsl, or damaged"
    if first["type"] == "missing":
        return f"{other}: `{where}` is missing"
    if first["type"] == "extra_forbidden" or where == "version":
        return f"{other}: nothing is known of its `{where}`"
    return f"{where}: {first['msg']}" if where else first["msg"]


def _broken(plan: Plan) -> str:
    """What no compiled plan has: gaps between stages, rates that do not fit them; empty where all is well."""
    if plan.class_counts == ():
        return "it has no classes"
    if max(plan.class_counts or (1,)) > MOST_IMAGES or plan.epochs > MOST_EPOCHS:
        return "it has more images or epochs than a run can have"
    if not all(map(math.isfinite, (plan.validation, plan.logit_scale or 1.0))):
        return "it has numbers that are none"
    end = 0
    for stage in plan.stages:
        if not stage.start == end < stage.end:
            return "its stages do not follow each other"
        end = stage.end
        epochs, rates = [epoch for epoch, _ in stage.rates], [rate for _, rate in stage.rates]
        if (
            epochs[:1] != [stage.start]
            or epochs[-1] >= stage.end
            or epochs != sorted(set(epochs))
            or not all(map(math.isfinite, rates))
            or any(map(eq, rates, rates[1:]))
        ):
            return "its learning rates do not fit its stages"
    return "" if end == plan.epochs else "its stages do not cover its epochs"


def _short(text: str, longest: int = 160) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
