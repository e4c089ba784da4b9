"""Reading what can be compared: recipes, plans and run directories."""

from __future__ import annotations

import math
from operator import eq
from pathlib import Path

from pydantic import ValidationError

from ltdsl.compiler import compile_recipe
from ltdsl.diagnostics import Diagnostic, Severity
from ltdsl.plan import Plan
from ltdsl.recipe import MOST_EPOCHS
from ltdsl.source import Source
from ltdsl.syntax.parser import source_from_bytes

#: A cosine schedule of the longest run allowed needs a quarter of it.
MAX_PLAN_BYTES = 32 << 20

#: More than any class has.
MOST_IMAGES = 2**40


class UnreadableError(Exception):
    """Something is neither a recipe nor a plan; the message is one sentence."""


def read_plan(path: Path, *, allow_outside: bool = False) -> Plan | list[Diagnostic]:
    """The plan of a recipe, of a run directory or of a plan's JSON file.

    Args:
        path: A folder with ``plan.json``, a file that is named ``*.json`` or starts with ``{``, or a recipe.
        allow_outside: Whether a recipe may name files outside its folder.

    Returns:
        The plan, or the errors of the recipe.

    Raises:
        UnreadableError: There is nothing readable, or it is no whole plan.
    """
    if path.is_dir():
        inside = path / "plan.json"
        if not inside.is_file():
            raise UnreadableError(f"{path} is no run directory: it has no plan.json")
        path = inside
    try:
        with path.open("rb") as file:
            data = file.read(MAX_PLAN_BYTES + 1)
    except FileNotFoundError as error:
        raise UnreadableError(f"there is no file `{path}`") from error
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise UnreadableError(f"{path} cannot be read: {why}") from error
    if path.suffix == ".json":
        return _plan(data, str(path))
    return plan_from_bytes(data, str(path), path, allow_outside=allow_outside)


def plan_from_bytes(
    data: bytes, name: str, path: Path | None = None, *, allow_outside: bool = False
) -> Plan | list[Diagnostic]:
    """The plan that the bytes of a recipe or a plan's JSON stand for; see :func:`read_plan`."""
    # no recipe starts with a brace
    if data[:64].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return _plan(data, name)
    source = source_from_bytes(data, name, path)
    if not isinstance(source, Source):
        raise UnreadableError(source.message)
    result = compile_recipe(source, allow_outside=allow_outside)
    if result.plan is None:
        return [found for found in result.diagnostics if found.severity is Severity.ERROR]
    return result.plan


def _plan(data: bytes, path: str) -> Plan:
    if len(data) > MAX_PLAN_BYTES:
        raise UnreadableError(f"{path} is larger than 32 MiB, too large for a plan")
    try:
        plan = Plan.model_validate_json(data)
    except ValidationError as error:
        why = _first_problem(error)
        raise UnreadableError(f"{path} is no whole plan: {_short(why)}") from error
    except (RecursionError, OverflowError) as error:
        raise UnreadableError(f"{path} is no whole plan: it is nested too deeply") from error
    if why := _broken(plan):
        raise UnreadableError(f"{path} is no whole plan: {why}")
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
