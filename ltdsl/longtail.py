"""How many images a class has: long-tailed profiles, groups of classes, validation parts.

Pure Python: ``ltdsl check`` uses it and must start quickly.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

MANY_ABOVE = 100
FEW_BELOW = 20

# An exact integer such as 49 · 49^(−1) + 0 can come out of floats a hair too small or too large.
_SLACK = 1e-9


class Groups(NamedTuple):
    """Classes by training-set frequency, as ascending class indices."""

    many: tuple[int, ...]
    medium: tuple[int, ...]
    few: tuple[int, ...]


def profile_counts(
    available: Sequence[int],
    imbalance: float,
    profile: Literal["exponential", "step"] = "exponential",
) -> tuple[int, ...]:
    """Return the number of training images of each class in a long-tailed version of a dataset.

    N_max is the smallest entry of ``available``: the largest count that *every* class can give.
    So the profile never depends on which class happens to be which, and N_0 / N_{C−1} is the
    imbalance that was asked for, also where a dataset's own classes are unequal (digits).

    - ``exponential``: N_c = int(N_max · IF^(−c/(C−1))) (Cui et al., CVPR 2019, section 5.1).
    - ``step``: the first ⌊C/2⌋ classes have N_max, the others int(N_max / IF)
      (Buda et al., 2018; Cao et al., NeurIPS 2019).

    A count is never below 1, so a strong imbalance of a small dataset ends in single images.

    Args:
        available: Images each class can give, one entry a class, each at least 1.
        imbalance: IF = N_max / N_min, at least 1.
        profile: The shape of the fall from the first class to the last.

    Raises:
        ValueError: If there is no class, a class without images, IF below 1 or an unknown profile.
    """
    if not available or min(available) < 1:
        raise ValueError("every class needs at least one image")
    if not (1 <= imbalance < math.inf):
        raise ValueError(f"imbalance must be finite and at least 1, not {imbalance}")
    return _falling(len(available), min(available), imbalance, profile)


@lru_cache(maxsize=64)  # every check of a recipe asks, mostly for the same few
def _falling(classes: int, largest: int, imbalance: float, profile: str) -> tuple[int, ...]:
    """Counts that fall from the first class to the last."""
    if profile == "exponential":
        fall = [c / (classes - 1) if c else 0.0 for c in range(classes)]
    elif profile == "step":
        fall = [float(c >= max(1, classes // 2)) for c in range(classes)]
    else:
        raise ValueError(f"unknown profile {profile!r}")
    return tuple(max(1, math.floor(largest * imbalance**-share + _SLACK)) for share in fall)


def capped_counts(
    available: Sequence[int],
    imbalance: float,
    profile: Literal["exponential", "step"] = "exponential",
) -> tuple[int, ...]:
    """Return the number of training images of each class of a data set that is made longer-tailed.

    Classes keep their order by frequency (ties by index): the one at place r keeps at most what the profile from the
    largest class down gives place r, N_r = min(available_r, P_r). So no class is larger than it was, the largest stays,
    and a balanced data set gets the profile itself.

    Args:
        available: Images of each class, each at least 1.
        imbalance: That of the profile, at least 1; a tail that is rarer already stays as it is.
        profile: As for :func:`profile_counts`.

    Raises:
        ValueError: As for :func:`profile_counts`.
    """
    order = sorted(range(len(available)), key=lambda c: -available[c])
    ceiling = profile_counts((max(available, default=0),) * len(available), imbalance, profile)
    counts = [0] * len(available)
    for place, c in enumerate(order):
        counts[c] = min(available[c], ceiling[place])
    return tuple(counts)


def class_groups(counts: Sequence[int]) -> Groups:
    """Sort classes into many (> 100 training images), medium (20–100) and few (< 20).

    The bounds are those of Liu et al. (OLTR, CVPR 2019). Where they would leave a group empty, all
    three become thirds by frequency (ties by class index; the middle third takes a remainder of
    one, the outer thirds one each of a remainder of two), so that a report has three figures, and
    :func:`about_thirds` is said beside them. One or two classes make no thirds.

    Args:
        counts: Training images of each class, after the validation part was taken out.
    """
    groups = _by_definition(counts)
    if not _thirds(groups, counts):
        return groups
    order = sorted(range(len(counts)), key=lambda c: -counts[c])
    first, second = round(len(order) / 3), round(2 * len(order) / 3)
    thirds = (order[:first], order[first:second], order[second:])
    return Groups(*(tuple(sorted(third)) for third in thirds))


def about_thirds(counts: Sequence[int]) -> str:
    """What many, medium and few are where they are not what they are called; empty where they are.

    Args:
        counts: As for :func:`class_groups`.
    """
    defined = _by_definition(counts)
    if not _thirds(defined, counts):
        return ""
    empty = [name for name, classes in defined._asdict().items() if not classes]
    ranges = (
        f"{name} {_range([counts[c] for c in classes])}"
        for name, classes in class_groups(counts)._asdict().items()
    )
    return (
        f"groups are thirds of the classes by frequency, as no class is {' or '.join(empty)} by definition "
        f"(many > {MANY_ABOVE}, few < {FEW_BELOW} training images): {', '.join(ranges)} training images"
    )


def _by_definition(counts: Sequence[int]) -> Groups:
    return Groups(
        many=tuple(c for c, n in enumerate(counts) if n > MANY_ABOVE),
        medium=tuple(c for c, n in enumerate(counts) if FEW_BELOW <= n <= MANY_ABOVE),
        few=tuple(c for c, n in enumerate(counts) if n < FEW_BELOW),
    )


def _thirds(defined: Groups, counts: Sequence[int]) -> bool:
    return not all(defined) and len(counts) >= len(defined)


def _range(counts: Sequence[int]) -> str:
    most, least = max(counts), min(counts)
    return f"{most:,}" if most == least else f"{most:,}–{least:,}"


def validation_counts(counts: Sequence[int], fraction: float) -> tuple[int, ...]:
    """Return how many images of each class a stratified validation part takes.

    V_c = fraction · N_c rounded half up, at most N_c − 1: every class keeps a training image, and
    classes too small for the fraction have none in the validation part. V_c and N_c − V_c both
    grow with N_c.

    Args:
        counts: Images of each class before the part is taken out.
        fraction: Share to hold out, in [0, 1).

    Raises:
        ValueError: If ``fraction`` is outside [0, 1).
    """
    if not 0 <= fraction < 1:
        raise ValueError(f"the validation fraction must be in [0, 1), not {fraction}")
    return tuple(max(0, min(n - 1, math.floor(n * fraction + 0.5 + _SLACK))) for n in counts)
