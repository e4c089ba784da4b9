"""Comparing published rows: only within a split, only reliable ones, and only differences beyond noise."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING, TypeAlias

from ltdsl.evidence.combination import Combination, names_in, of_row
from ltdsl.evidence.rows import NOISE, SPLITS, Row, rows

if TYPE_CHECKING:
    from ltdsl.evidence.benchmarks import Match

#: Two rows of one benchmark and split: the worse and the better.
Pair: TypeAlias = tuple[Row, Row]

#: Combinations to look for, worse and better, the most fitting first.
Candidates: TypeAlias = Sequence[tuple[Combination, Combination]]


def find(benchmark: str, split: str, combination: Combination) -> list[Row]:
    """The reliable rows of a combination."""
    names = frozenset(use.name for stage in combination for use in stage)
    return _index(benchmark, names).get((split, combination), [])


@cache
def _index(benchmark: str, names: frozenset[str]) -> dict[tuple[str, Combination], list[Row]]:
    """The rows with these tricks: to know that others differ, what they were trained with need not be read."""
    found: dict[tuple[str, Combination], list[Row]] = {}
    for row in rows():
        if row.dataset == benchmark and row.reliable and names_in(row.stages) == names:
            found.setdefault((row.split, of_row(row)), []).append(row)
    return found


def pairs(benchmark: str, candidates: Candidates, same_epochs: bool = True) -> list[Pair]:
    """For each split the first candidate of which both rows were published, in the least favourable figures.

    Args:
        benchmark: Name of the benchmark.
        candidates: What to look for.
        same_epochs: Only rows that were trained equally long.
    """
    found = []
    for split in SPLITS:
        for worse, better in candidates:
            both = [
                (one, other)
                for one in find(benchmark, split, worse)
                for other in find(benchmark, split, better)
                if one.epochs == other.epochs or not same_epochs
            ]
            if both:
                found.append(min(both, key=gain))
                break
    return found


def gain(pair: Pair) -> float:
    """By how many points of top-1 error the second row is better."""
    worse, better = pair
    return worse.error - better.error


def agree(found: Iterable[Pair]) -> bool:
    """True where the second row is better in every pair, and beyond noise on average."""
    gains = [gain(pair) for pair in found]
    return bool(gains) and min(gains) > 0 and sum(gains) / len(gains) > NOISE


def supported(match: Match, candidates: Callable[[str], Candidates]) -> list[Pair]:
    """The pairs of the matched benchmark; none where any benchmark that must agree does not.

    Args:
        match: The benchmark that speaks for a data set.
        candidates: What to look for on a benchmark of this name.
    """
    own = pairs(match.benchmark.name, candidates(match.benchmark.name))
    if not own:
        return []
    for benchmark in match.must_agree:
        same = benchmark == match.benchmark
        found = own if same else pairs(benchmark.name, candidates(benchmark.name))
        if found and not agree(found):
            return []
    return own
