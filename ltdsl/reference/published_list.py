"""What `ltdsl new --list` shows: published rows by the names that `ltdsl new --published` takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ltdsl.evidence.benchmarks import benchmark_of
from ltdsl.evidence.combination import of_row
from ltdsl.reference.published import names, why_not

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ltdsl.evidence.combination import Tricks
    from ltdsl.evidence.rows import Row


class Wanted(NamedTuple):
    """What rows have to have; what is empty or None is not asked for.

    Attributes:
        family: The data set in the language.
        imbalance: Of the data set.
        split: A key of :data:`ltdsl.evidence.SPLITS`.
        source: A part of the name of the document, upper and lower case alike.
        tricks: In any of its stages, with at least these parameters.
    """

    family: str = ""
    imbalance: float | None = None
    split: str = ""
    source: str = ""
    tricks: Tricks = frozenset()


def listed(wanted: Wanted) -> dict[str, tuple[Row, ...]]:
    """The rows that have it all, by the name of their recipe."""
    found = {}
    for name, printed in names().items():
        kept = tuple(row for row in printed if wanted.source.lower() in row.source.lower())
        if kept and _has(kept[0], wanted):
            found[name] = kept
    return found


def _has(row: Row, wanted: Wanted) -> bool:
    benchmark = benchmark_of(row)
    if wanted.family not in ("", benchmark.family) or wanted.split not in ("", row.split):
        return False
    if wanted.imbalance not in (None, benchmark.imbalance):
        return False
    used = [use for stage in of_row(row) for use in stage]
    return all(
        any(use.name == one.name and set(one.parameters) <= set(use.parameters) for use in used)
        for one in wanted.tricks
    )


def lines(found: Mapping[str, Sequence[Row]]) -> Iterable[str]:
    """A line for each name: its top-1 errors, and why there is no recipe where there is none."""
    width = max(map(len, found), default=0)
    for name, printed in found.items():
        errors = ", ".join(dict.fromkeys(f"{row.error:.2f}" for row in printed))
        reason = why_not(printed[0])
        yield f"{name:{width}}  {errors} %" + (f"  no recipe: {reason}" if reason else "")


def as_data(found: Mapping[str, Sequence[Row]]) -> list[dict[str, Any]]:
    """The same for programs: an object for each name; ``no_recipe`` is null where there is a recipe."""
    return [
        {
            "name": name,
            "dataset": printed[0].dataset,
            "split": printed[0].split,
            "stages": list(printed[0].stages),
            "epochs": printed[0].epochs,
            "no_recipe": why_not(printed[0]) or None,
            "figures": [
                {
                    "top1_error": row.error,
                    "printed_as": row.printed_as,
                    "source": row.source,
                    "note": row.note,
                    "compared": row.reliable,
                }
                for row in printed
            ],
        }
        for name, printed in found.items()
    ]
