"""How strongly tricks treat classes differently, and which of their parameters that depends on: from their numbers."""

from __future__ import annotations

import operator
from itertools import chain
from typing import TYPE_CHECKING

from ltdsl.catalogue import TRICKS, Loss, Trick
from ltdsl.catalogue.entry import write

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pydantic.fields import FieldInfo

#: A long tail that no trick takes for a balanced one.
LONG_TAIL = (1000, 100, 1)


def spread(trick: Trick, counts: Sequence[int], passed: float = 1.0) -> float:
    """The largest factor by which a trick treats two classes differently; 1 where it treats all alike.

    Args:
        trick: The trick.
        counts: Training images of each class.
        passed: The share of its time that has passed.
    """
    if isinstance(trick, Loss):
        return trick.spread(counts)
    pulls = trick.pulls(counts, passed)
    return max(pulls) / min(pulls) if pulls else 1.0


def strength(trick: Trick) -> dict[str, str]:
    """The parameters that decide how differently it treats classes: names in the language, and values as written."""
    here = spread(trick, LONG_TAIL)
    return {
        name: write(value)
        for name, value, others in _turned(trick)
        if any(spread(other, LONG_TAIL) != here for other in others)
    }


def correcting() -> tuple[str, ...]:
    """The tricks of the catalogue that favour rare classes, if not by default then with some argument."""
    return tuple(name for name, entry in TRICKS.items() if _corrects(entry))


def _corrects(entry: type[Trick]) -> bool:
    trick = entry.model_construct()
    others = chain.from_iterable(others for _, _, others in _turned(trick))
    return any(_favours(each.pulls(LONG_TAIL)) for each in (trick, *others))


def _favours(pulls: Sequence[float] | None) -> bool:
    return pulls is not None and pulls[-1] > pulls[0]


def _turned(trick: Trick) -> Iterator[tuple[str, object, list[Trick]]]:
    """Each number and switch of a trick: its name, its value, and the trick with other values there."""
    for field, info in type(trick).model_fields.items():
        value = getattr(trick, field, None)
        if isinstance(value, bool):
            others: list[object] = [not value]
        elif isinstance(value, int | float):
            others = [value / 2, 0.5, info.get_default(call_default_factory=True)]
        else:
            continue
        allowed = [other for other in others if _is_allowed(other, info)]
        yield info.alias or field, value, [trick.model_copy(update={field: o}) for o in allowed]


def _is_allowed(value: object, info: FieldInfo) -> bool:
    """Whether a number lies in its parameter's range."""
    if not isinstance(value, int | float):
        return False
    return all(
        compare(value, getattr(rule, bound))
        for rule in info.metadata
        for bound, compare in _BOUNDS.items()
        if getattr(rule, bound, None) is not None
    )


_BOUNDS = {"ge": operator.ge, "gt": operator.gt, "le": operator.le, "lt": operator.lt}
