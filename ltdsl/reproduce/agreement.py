"""What came out beside what was printed: rows against a baseline, and ranks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Literal

from ltdsl.evidence.rows import NOISE
from ltdsl.judge.comparable import key, unlike
from ltdsl.judge.groups import Group
from ltdsl.judge.shares import shares
from ltdsl.judge.significance import holm, quantile, two_sided
from ltdsl.runs.errors import UnreadableError

if TYPE_CHECKING:
    from ltdsl.judge.intervals import Interval
    from ltdsl.reproduce.tables import Entry

Verdict = Literal["agree", "disagree", "open", "doubtful", "not comparable", ""]
"""Whether both say the same of a row and the baseline: ``open`` where ours tells no difference and theirs does, or the
other way round; ``doubtful`` where the printed figure is; empty where there is nothing to compare."""


@dataclass(frozen=True)
class Ours:
    """The runs of a row, and their top-1 error on test images after the last epoch, in percent.

    Attributes:
        group: The runs.
        errors: Of each seed.
        interval: Of the mean, 95 %: Student's t over seeds; Wilson's over images where there is one.
    """

    group: Group
    errors: tuple[float, ...]
    interval: tuple[float, float]

    @property
    def mean(self) -> float:
        """Over seeds."""
        return math.fsum(self.errors) / len(self.errors)


@dataclass(frozen=True)
class Compared:
    """A row of the table with what came of it.

    Attributes:
        entry: What was printed.
        ours: What came out; None where no run is finished.
        apart: Ours minus the baseline's, in points; None where there are no two to compare.
        adjusted: Its p-value after Holm's correction over the table.
        verdict: See :data:`Verdict`.
        differs: What else ours and the baseline differ in.
    """

    entry: Entry
    ours: Ours | None
    apart: Interval | None = None
    adjusted: float = 1.0
    verdict: Verdict = ""
    differs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ranks:
    """Whether rows come in the same order.

    Attributes:
        rows: How many have both figures.
        tau: Kendall's τ between theirs and ours, in [-1, 1]; None for fewer than two rows.
        p: Of no relation between the two, two-sided: the normal approximation without ties (Kendall, 1938).
        far: Pairs of rows that are printed further apart than noise.
        same: Those of them that come in the same order here.
    """

    rows: int
    tau: float | None
    p: float | None
    far: int
    same: int


def ours(group: Group) -> Ours | None:
    """What came of a row's runs; None where none has an evaluation."""
    figures = group.figures("last")
    errors = tuple(each.top1_error for each in figures if each.top1_error is not None)
    if not errors:
        return None
    if len(errors) == 1:
        share = shares(figures[0]).get("error")
        ends = (share.low, share.high) if share else (errors[0], errors[0])
        return Ours(group, errors, ends)
    mean = math.fsum(errors) / len(errors)
    variance = math.fsum((each - mean) ** 2 for each in errors) / (len(errors) - 1)
    reach = quantile(len(errors) - 1) * math.sqrt(variance / len(errors))
    return Ours(group, errors, (mean - reach, mean + reach))


def compared(found: Sequence[tuple[Entry, Ours | None]]) -> list[Compared]:
    """Each row held against the baseline, theirs and ours.

    Args:
        found: Rows of one table, each with what came of it.
    """
    base = next(((entry, own) for entry, own in found if entry.is_baseline and own), None)
    rows = [Compared(entry, own) for entry, own in found]
    if base is None or base[1] is None:
        return rows
    apart = {
        row.entry.name: (_apart(row.ours, base[1]), _differs(row.ours.group, base[1].group))
        for row in rows
        if row.ours and not row.entry.is_baseline
    }
    told = [name for name, (interval, differs) in apart.items() if interval and not differs]
    adjusted = dict(zip(told, holm([apart[name][0].p for name in told]), strict=True))  # type: ignore[union-attr]
    results = []
    for row in rows:
        interval, differs = apart.get(row.entry.name, (None, ()))
        p = adjusted.get(row.entry.name, 1.0)
        verdict = _verdict(row.entry, base[0], interval, p, differs)
        results.append(Compared(row.entry, row.ours, interval, p, verdict, differs))
    return results


def _differs(one: Group, base: Group) -> tuple[str, ...]:
    return unlike(key(one.runs[0], "last"), key(base.runs[0], "last"))


def _apart(one: Ours, base: Ours) -> Interval | None:
    """The difference of both over the same images and seeds; None where no predictions were kept."""
    from ltdsl.judge.pairs import judge, read_group

    try:
        (pair,) = judge([read_group(base.group, "last"), read_group(one.group, "last")], 0, "last")
    except UnreadableError:
        return None
    return next((each.interval for each in pair.differences if each.figure == "error"), None)


def _verdict(
    entry: Entry, base: Entry, apart: Interval | None, p: float, differs: tuple[str, ...]
) -> Verdict:
    if apart is None:
        return ""
    if differs:
        return "not comparable"
    if entry.theirs is None or base.theirs is None:
        return "doubtful"
    theirs, is_one = entry.theirs - base.theirs, p < 0.05
    printed_apart = abs(theirs) > NOISE
    if printed_apart and is_one:
        return "agree" if (theirs < 0) == (apart.difference < 0) else "disagree"
    return "open" if printed_apart != is_one else "agree"


def ranks(rows: Sequence[Compared]) -> Ranks:
    """How the order of the rows that have both figures is, theirs and ours."""
    both = [(row.entry.theirs, row.ours.mean) for row in rows if row.ours]
    known = [(theirs, mean) for theirs, mean in both if theirs is not None]
    pairs = list(combinations(known, 2))
    signs = [_sign(a[0] - b[0]) * _sign(a[1] - b[1]) for a, b in pairs]
    ties = [sum(a[side] == b[side] for a, b in pairs) for side in (0, 1)]
    scale = math.sqrt((len(pairs) - ties[0]) * (len(pairs) - ties[1]))
    far = [sign for sign, (a, b) in zip(signs, pairs, strict=True) if abs(a[0] - b[0]) > NOISE]
    tau = sum(signs) / scale if scale else None
    n = len(known)
    p = None
    if tau is not None and n > 2:
        p = two_sided(tau / math.sqrt(2 * (2 * n + 5) / (9 * n * (n - 1))), None)
    return Ranks(n, tau, p, len(far), sum(sign > 0 for sign in far))


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)
