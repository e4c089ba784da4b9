"""Differences between two learning-rate curves."""

from __future__ import annotations

from collections.abc import Iterator
from math import isclose

from ltdsl.compare.values import Change
from ltdsl.plan import StagePlan

#: More pieces than these are told as two curves.
MOST = 4

Steps = tuple[tuple[int, float], ...]


def rate_differences(old: StagePlan, new: StagePlan) -> Iterator[Change]:
    """Where the learning rate of a stage differs, epochs as both stages have them.

    Curves that are multiples of each other, as their optimizers' base rates are, do not differ, nor do epochs of the
    same rate. Where a stage lasts longer than the other one, that one's last rate goes on.
    """
    shift, unit = 0, "epochs"
    if old.start != new.start and (
        old.fresh_optimizer or new.fresh_optimizer or not _overlap(old, new)
    ):
        shift, unit = new.start - old.start, "its epochs"  # the curves count from their starts
    earlier = old.start if shift else max(old.start, new.start)
    later = max(old.end + shift, new.end) - shift
    shown = tuple((epoch - shift, rate) for epoch, rate in new.rates)
    scale = new.optimizer.lr / old.optimizer.lr
    pieces = []
    for start, end, before, after in _pieces(old.rates, shown, earlier, later):
        multiple = scale != 1 and isclose(before * scale, after)
        if before != after and not multiple:
            pieces.append((start, end, before, after))
    if len(pieces) > MOST:
        yield Change("learning rate", curve(old.rates), curve(new.rates))
        return
    base = old.start if shift else 0
    for start, end, before, after in pieces:
        first, last = start - base, end - 1 - base
        where = f"{unit} {first} to {last}" if last > first else f"{unit[:-1]} {first}"
        yield Change(f"learning rate, {where}", *_apart(before, after))


def curve(rates: Steps) -> str:
    """A step function in a line: all of it where it is short, else its ends and its peak."""
    if len(rates) <= MOST:
        first, *rest = rates
        return ", ".join([f"{first[1]:.4g}", *(f"{rate:.4g} from {at}" for at, rate in rest)])
    values = [rate for _, rate in rates]
    peak = max(values)
    middle = f" up to {peak:.4g}" if peak > max(values[0], values[-1]) else ""
    return f"{values[0]:.4g}{middle} to {values[-1]:.4g} in {len(rates)} steps"


def _overlap(old: StagePlan, new: StagePlan) -> bool:
    return max(old.start, new.start) < min(old.end, new.end)


def _pieces(
    old: Steps, new: Steps, start: int, end: int
) -> Iterator[tuple[int, int, float, float]]:
    """Both step functions over common pieces of [start, end), neighbours with equal values joined."""
    borders = sorted({start, *(at for at, _ in (*old, *new) if start < at < end)})
    run: tuple[int, float, float] | None = None
    i = j = 0
    for border in borders:
        while i + 1 < len(old) and old[i + 1][0] <= border:
            i += 1
        while j + 1 < len(new) and new[j + 1][0] <= border:
            j += 1
        pair = (old[i][1], new[j][1])
        if run is None or run[1:] != pair:
            if run is not None:
                yield run[0], border, *run[1:]
            run = (border, *pair)
    if run is not None:
        yield run[0], end, *run[1:]


def _apart(old: float, new: float) -> tuple[str, str]:
    texts = f"{old:.4g}", f"{new:.4g}"
    return (repr(old), repr(new)) if texts[0] == texts[1] else texts
