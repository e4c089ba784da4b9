"""Epoch arithmetic: every conversion of a written place in time into an epoch happens here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from math import floor


@lru_cache(maxsize=256)
def exact(point: int | str, length: int) -> Fraction:
    """The place of an epoch or percentage within ``length`` epochs, before rounding."""
    if isinstance(point, int):
        return Fraction(point)
    return Fraction(point[:-1]) * length / 100


@lru_cache(maxsize=256)  # recipes name few places, many times
def place(point: int | str, length: int) -> int:
    """The epoch of a point within ``length`` epochs; halves round up."""
    if isinstance(point, int):
        return point
    return floor(exact(point, length) + Fraction(1, 2))


def stage_starts(points: Sequence[int | str], length: int) -> tuple[int, ...]:
    """The epochs that stages start at.

    Each is its point's :func:`place`, except where rounding alone would leave a stage without an epoch: then
    percentages give way, as little as that takes.

    Args:
        points: One for each stage, the first of them 0.
        length: Epochs of all stages together.
    """
    starts = [place(point, length) for point in points]
    written = [exact(point, length) for point in points]
    in_order = all(earlier < later for earlier, later in pairwise(written))
    if not in_order or length < len(points) or not written or written[-1] >= length:
        return tuple(starts)
    for i in range(1, len(points)):
        if isinstance(points[i], str):
            starts[i] = max(starts[i], starts[i - 1] + 1)
    following = length
    for i in range(len(points) - 1, 0, -1):
        if isinstance(points[i], str):
            starts[i] = min(starts[i], following - 1)
        following = starts[i]
    return tuple(starts)


@lru_cache(maxsize=256)
def is_rounded(point: int | str, length: int) -> bool:
    """True where a percentage does not land on an epoch."""
    return exact(point, length).denominator != 1


def steps(values: Iterable[float], first: int) -> tuple[tuple[int, float], ...]:
    """A value for each epoch from ``first`` on, as pairs of (epoch, value from there on)."""
    pairs: list[tuple[int, float]] = []
    for epoch, value in enumerate(values, first):
        if not pairs or pairs[-1][1] != value:
            pairs.append((epoch, value))
    return tuple(pairs)
