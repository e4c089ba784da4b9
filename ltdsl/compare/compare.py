"""Comparing two plans."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ltdsl.compare.stages import content, pairs, stage_differences
from ltdsl.compare.values import Change, differences
from ltdsl.plan import Plan, StagePlan
from ltdsl.wording import counted

#: What a plan says about the whole run, in the order in which it is told.
SETTINGS = (
    "dataset",
    "model",
    "epochs",
    "validation",
    "validation_from",
    "best_on",
    "best_by",
    "evaluate_every",
    "seed",
    "split_seed",
    "precision",
    "clip_norm",
    "early_stopping",
    "calibration",
    "init",
    "begins",
    "classifier",
    "logit_scale",
)


@dataclass(frozen=True)
class StageChange:
    """What differs about one stage.

    Attributes:
        old, new: Its names; None where a plan does not have it.
        changes: Everything but the name that differs; all of its content where only one plan has it.
    """

    old: str | None
    new: str | None
    changes: tuple[Change, ...]

    @property
    def action(self) -> Literal["add", "remove", "change", "rename"]:
        """What happened on the way from old to new."""
        if self.old is None or self.new is None:
            return "add" if self.old is None else "remove"
        return "change" if self.changes else "rename"

    @property
    def renamed(self) -> bool:
        """True where both plans have it under different names."""
        return self.old is not None and self.new is not None and self.old != self.new


@dataclass(frozen=True)
class Comparison:
    """What differs between two plans.

    Attributes:
        same: True where they mean the same: at most names of stages differ.
        settings: What differs about the whole run.
        stages: The stages that differ.
    """

    same: bool
    settings: tuple[Change, ...]
    stages: tuple[StageChange, ...]


#: What only the files of a data set say.
_UNSEEN = {"class_counts": None, "validation_from": "training"}


def compare(old: Plan, new: Plan) -> Comparison:
    """Find what differs in meaning between two plans."""
    if old.class_counts is None or new.class_counts is None:
        # nobody has read the files yet; what they hold is no part of what the recipes say
        old, new = (plan.model_copy(update=_UNSEEN) for plan in (old, new))
    settings: list[Change] = []
    for name in SETTINGS:
        settings += differences(name, getattr(old, name), getattr(new, name))
    if old.class_counts and new.class_counts and old.class_counts != new.class_counts:
        settings.append(_counts(old.class_counts, new.class_counts))
    stages = []
    for before, after in pairs(old.stages, new.stages):
        change = _stage(before, after)
        if change.changes or change.renamed:
            stages.append(change)
    return Comparison(old.digest() == new.digest(), tuple(settings), tuple(stages))


def _stage(old: StagePlan | None, new: StagePlan | None) -> StageChange:
    if old is None or new is None:
        stage = new or old
        assert stage is not None
        changes = [
            Change(address, None, text) if new else Change(address, text, None)
            for address, text in content(stage)
        ]
        return StageChange(old.name if old else None, new.name if new else None, tuple(changes))
    return StageChange(old.name, new.name, tuple(stage_differences(old, new)))


def _counts(old: Sequence[int], new: Sequence[int]) -> Change:
    """Both data sets in figures; where these agree, the first class that does not."""
    texts = []
    for counts in (old, new):
        ends = f"{max(counts):,} down to {min(counts):,}"
        texts.append(f"{sum(counts):,} in {counted(len(counts), 'class')}, {ends}")
    if texts[0] != texts[1]:
        return Change("training images", *texts)
    both = zip(old, new, strict=True)
    first = next(c for c, (before, after) in enumerate(both) if before != after)
    return Change(f"training images of class {first}", f"{old[first]:,}", f"{new[first]:,}")
