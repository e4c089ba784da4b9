"""What trackers are told of a run, as plain data."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ltdsl.plan import Plan
    from ltdsl.runs.evaluation import Evaluation
    from ltdsl.runs.facts import Facts


@dataclass(frozen=True)
class About:
    """A run as it begins.

    Attributes:
        key: The same for a run that goes on, and for no other: 16 hexadecimal digits.
        name: Of its directory.
        parameters: What its plan says, by name, as recipes write it.
        tags: What it was computed by.
        folder: Where a tracker may keep files of its own.
    """

    key: str
    name: str
    parameters: dict[str, str]
    tags: dict[str, str]
    folder: str


def parameters(plan: Plan) -> dict[str, str]:
    """A plan as parameters: those of the run, and those of each stage by its name."""
    skipped = {"version", "stages", "class_counts", "plugins"}
    found = {
        name: str(value)
        for name in type(plan).model_fields
        if name not in skipped and (value := getattr(plan, name)) is not None
    }
    for stage in plan.stages:
        for name in type(stage).model_fields:
            value = getattr(stage, name)
            if name in ("name", "rates") or value in (None, ()):
                continue
            text = ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
            found[f"{stage.name}.{name}"] = text
    return found


def key_of(plan: Plan, facts: Facts) -> str:
    """What tells a run from others, however often it goes on: its plan, when it was begun, and where."""
    text = f"{plan.digest()} {facts.started} {facts.platform}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def figures(evaluation: Evaluation) -> dict[str, float]:
    """Results by name: of the last epoch and, where one was chosen, of the best."""
    found: dict[str, float] = {}
    for which in ("last", "best"):
        part = getattr(evaluation, which, None)
        if part is None:
            continue
        values = {
            "top1_error": part.top1_error,
            "macro_recall": part.macro_recall,
            **{name: group.accuracy for name, group in part.groups.items()},
        }
        found |= {f"{which}/{name}": value for name, value in values.items() if value is not None}
    return found


def scalars(epoch: Any) -> dict[str, float]:
    """An epoch's figures by name, those that are there."""
    values = {
        "loss/train": epoch.loss,
        "learning_rate": epoch.lr,
        "seconds": epoch.seconds,
        f"top1_error/{epoch.measured_on}": epoch.top1_error,
        f"macro_recall/{epoch.measured_on}": epoch.macro_recall,
    }
    return {name: value for name, value in values.items() if value is not None}
