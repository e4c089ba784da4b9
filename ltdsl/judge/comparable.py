"""Whether runs can be compared: all that a figure depends on beside what is compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from ltdsl.plan import Plan
    from ltdsl.runs.reading import Run

#: What is asked of runs, in the order in which differences are told.
Key = Mapping[str, str]

#: That two figures are of different images ends every comparison; the rest explains a difference.
TEST_IMAGES = "test images"


def key(run: Run, which: Literal["last", "best"]) -> Key:
    """What must be alike for a difference between two runs to be one of tricks, each in words.

    What a run does not say is left out, and stands for nothing that differs.

    Args:
        run: A run.
        which: The epoch whose figures are compared.
    """
    facts, plan = run.facts, run.plan
    found = {
        "training images": facts.data_sha256.get("train", ""),
        TEST_IMAGES: facts.data_sha256.get("test", ""),
    }
    if plan is not None:
        found |= of_plan(plan, which)
    return {name: value for name, value in found.items() if value}


def of_plan(plan: Plan, which: Literal["last", "best"]) -> Key:
    """What of it a plan says."""
    return {
        "model": str(plan.model),
        "first weights": plan.init or "drawn at random",
        "teacher": ", ".join(_teachers(plan)) or "none",
        "epochs": str(plan.epochs),
        "augmentation": _augmentation(plan),
        "precision": plan.precision,
        "epoch that counts": f"best on {plan.best_on}" if which == "best" else "last",
    }


def unlike(one: Key, other: Key) -> tuple[str, ...]:
    """What two runs differ in, in words; empty where they can be compared."""
    both = [name for name in one if name in other and one[name] != other[name]]
    return tuple(
        f"other {name}" if "images" in name else f"{name}: {one[name]} and {other[name]}"
        for name in both
    )


def _teachers(plan: Plan) -> Iterator[str]:
    yield from dict.fromkeys(stage.teacher.teacher for stage in plan.stages if stage.teacher)


def _augmentation(plan: Plan) -> str:
    """That of each stage, told once where they are alike."""
    each = [", ".join(map(str, stage.augment)) or "none" for stage in plan.stages]
    return each[0] if len(set(each)) == 1 else "; ".join(each)
