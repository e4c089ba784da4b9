"""What a comparison says of differences: what may be claimed, and which classes gained and lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

from ltdsl.judge.groups import Group, Which
from ltdsl.runs.errors import UnreadableError
from ltdsl.runs.layout import PREDICTIONS

if TYPE_CHECKING:
    from ltdsl.judge.pairs import Pair

#: Classes that are listed on either side.
MOST = 8

#: Recipes that others can be held against: with each, the page says everything anew.
MOST_BASES = 8


@dataclass(frozen=True)
class Moved:
    """A class whose accuracy is another one.

    Attributes:
        name: Its name.
        images: Its training images.
        before, after: Mean accuracies over seeds, of the recipe that others are held against and of this one.
    """

    name: str
    images: int
    before: float
    after: float

    @property
    def by(self) -> float:
        """How many points it gained."""
        return self.after - self.before


@dataclass(frozen=True)
class Held:
    """A recipe held against another one.

    Attributes:
        group: The recipe.
        number: Its place among all.
        claim: What may be said; empty where predictions were not kept.
        rows: Figure, difference and interval as texts, and whether it may be claimed.
        gained, lost: Classes that moved most; none where classes are unlike.
    """

    group: Group
    number: int
    claim: str
    rows: tuple[tuple[str, str, bool], ...]
    gained: tuple[Moved, ...]
    lost: tuple[Moved, ...]


@dataclass(frozen=True)
class Base:
    """A recipe that all others are held against."""

    group: Group
    number: int
    held: tuple[Held, ...]


def bases(groups: Sequence[Group]) -> tuple[list[Base], str]:
    """Everything to be said with each recipe as the one that others are held against.

    Returns:
        They, and what is missing, in a sentence; empty where nothing is.
    """
    which: Which = "best" if all(group.figures("best") for group in groups) else "last"
    pairs, missing = _pairs(groups, which)
    found = []
    for number, base in enumerate(groups[:MOST_BASES]):
        judged = {pair.group.letter: pair for pair in pairs[number]} if pairs else {}
        held = [
            _held(group, place, base, judged.get(group.letter), which)
            for place, group in enumerate(groups)
            if group is not base
        ]
        found.append(Base(base, number, tuple(held)))
    return found if len(groups) > 1 else [], missing


def _pairs(groups: Sequence[Group], which: Which) -> tuple[list[list[Pair]], str]:
    runs = [run for group in groups for run in group.runs]
    without = [run.name for run in runs if not (run.path / PREDICTIONS).is_dir()]
    if without:
        return [], f"Nothing is claimed: {without[0]} keeps no predictions of its test images."
    from ltdsl.judge.pairs import judge, read_group

    try:
        judged = [read_group(group, which) for group in groups]
    except UnreadableError as error:
        return [], f"Nothing is claimed: {error}."
    return [judge(judged, number, which) for number in range(min(len(groups), MOST_BASES))], ""


def _held(group: Group, number: int, base: Group, pair: Pair | None, which: Which) -> Held:
    rows: list[tuple[str, str, bool]] = []
    if pair is not None:
        from ltdsl.judge.show import NAMES

        for each in pair.differences:
            found = each.interval
            text = f"{found.difference:+.1f} [{found.low:+.1f}, {found.high:+.1f}]"
            rows.append((NAMES[each.figure], text, each.is_one and not pair.not_comparable))
    moved = sorted(_moved(group, base, which), key=lambda each: -each.by)
    return Held(
        group,
        number,
        pair.claim() if pair else "",
        tuple(rows),
        tuple(each for each in moved[:MOST] if each.by > 0),
        tuple(each for each in moved[::-1][:MOST] if each.by < 0),
    )


def _moved(group: Group, base: Group, which: Which) -> list[Moved]:
    """Each class that both were tested on; none where their classes are unlike."""
    after, before = group.figures(which), base.figures(which)
    names = {tuple(row.name for row in figures.per_class) for figures in (*after, *before)}
    if len(names) != 1 or not after or not before:
        return []
    found = []
    for label, row in enumerate(before[0].per_class):
        sides = [
            [value for f in side if (value := f.per_class[label].accuracy) is not None]
            for side in (before, after)
        ]
        if all(sides):
            found.append(Moved(row.name, row.train_images, fmean(sides[0]), fmean(sides[1])))
    return found
