"""The few tests that judging takes, in the standard library's arithmetic."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

#: Share of intervals that hold what they are of.
LEVEL = 0.95


def two_sided(statistic: float, freedom: int | None) -> float:
    """P(|T| ≥ |statistic|).

    Args:
        statistic: An estimate over its standard error.
        freedom: Degrees of freedom of Student's t; None for the normal distribution.
    """
    size = abs(statistic)
    if freedom is None:
        return math.erfc(size / math.sqrt(2))
    # Abramowitz and Stegun (1964), 26.7.3 and 26.7.4: a finite sum for whole degrees of freedom
    angle = math.atan2(size, math.sqrt(freedom))
    sine, squared = math.sin(angle), math.cos(angle) ** 2
    if freedom % 2:
        term, total = math.cos(angle), 0.0
        for step in range(1, freedom, 2):
            total += term
            term *= squared * (step + 1) / (step + 2)
        inside = 2 / math.pi * (angle + sine * total)
    else:
        term, total = 1.0, 0.0
        for step in range(2, freedom + 1, 2):
            total += term
            term *= squared * (step - 1) / step
        inside = sine * total
    return min(1.0, max(0.0, 1 - inside))


def quantile(freedom: int | None, level: float = LEVEL) -> float:
    """How many standard errors an interval reaches to either side; see :func:`two_sided`."""
    if freedom is None:
        return NormalDist().inv_cdf(0.5 + level / 2)
    low, high = 0.0, 1.0
    while two_sided(high, freedom) > 1 - level:
        high *= 2
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if two_sided(middle, freedom) > 1 - level else (low, middle)
    return high


def mcnemar(only_first: int, only_second: int) -> float:
    """McNemar's exact test that two networks err on as many images (McNemar, 1947; exact: the binomial's).

    Args:
        only_first: Images that only the first one has right.
        only_second: Those that only the second one has right.

    Returns:
        The two-sided p-value.
    """
    total, least = only_first + only_second, min(only_first, only_second)
    tail, term = 0, 1
    for wins in range(least + 1):
        tail += term
        term = term * (total - wins) // (wins + 1)
    return min(1.0, float(2 * tail / (1 << total))) if total else 1.0


def holm(values: Sequence[float]) -> list[float]:
    """P-values adjusted so that none below α is false with a probability of at most α (Holm, 1979)."""
    order = sorted(range(len(values)), key=values.__getitem__)
    adjusted, largest = [0.0] * len(values), 0.0
    for place, index in enumerate(order):
        largest = max(largest, min(1.0, (len(values) - place) * values[index]))
        adjusted[index] = largest
    return adjusted
