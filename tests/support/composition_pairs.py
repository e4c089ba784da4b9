"""Combinations of tricks in which all legal pairs of two kinds occur: chosen greedily, the same each time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations

from ltdsl import catalogue
from support.composition import BY_KIND, DEFAULTS, call_of, pair_is_legal

#: Where a hidden layer is mixed.
PLACES = ("layer = layer1", "layer = pool", "layer = fc")

#: Choices of each kind, as text; where a trick acts in different places, each is a choice.
CHOICES: dict[str, list[str]] = {
    kind: [
        *([] if kind in DEFAULTS else [""]),
        *(
            call_of(trick, place)
            for hidden in (False, True)  # those that act in several places come last
            for trick in tricks.values()
            if getattr(trick, "mixes_hidden", False) == hidden
            for place in (PLACES if hidden else ("",))
        ),
    ]
    for kind, tricks in BY_KIND.items()
}

KINDS = list(CHOICES)
Combination = dict[str, str]
Pair = tuple[tuple[str, str], tuple[str, str]]


def trick_of(text: str) -> type[catalogue.Trick]:
    return catalogue.TRICKS[text.split("(")[0]]


def is_legal(first: str, second: str) -> bool:
    return not first or not second or pair_is_legal(trick_of(first), trick_of(second))


def fits(chosen: Combination, text: str) -> bool:
    return all(is_legal(text, other) for other in chosen.values())


def pairs(chosen: Combination) -> Iterator[Pair]:
    """All pairs of choices, the kinds in order."""
    yield from combinations(sorted(chosen.items(), key=lambda item: KINDS.index(item[0])), 2)


def wanted_pairs() -> set[Pair]:
    """Every legal pair of choices of two kinds."""
    return {
        ((a, first), (b, second))
        for a, b in combinations(KINDS, 2)
        for first in CHOICES[a]
        for second in CHOICES[b]
        if is_legal(first, second)
    }


def all_pairs() -> list[Combination]:
    """Rows that cover every legal pair."""
    wanted = wanted_pairs()
    rows: list[Combination] = []

    def gain(chosen: Combination) -> int:
        return sum(pair in wanted for pair in pairs(chosen))

    while wanted:
        row = dict(min(wanted, key=lambda pair: [_place(*choice) for choice in pair]))
        rows.append(_filled(row, gain, rows))
        wanted.difference_update(pairs(rows[-1]))
    return rows


def every_kind_once() -> list[Combination]:
    """Rows in which each trick stands with some trick of each other kind that it can stand with."""
    wanted = {
        (text, other)
        for kind in KINDS
        for text in filter(None, CHOICES[kind])
        for other in KINDS
        if other != kind and any(is_legal(text, t) for t in filter(None, CHOICES[other]))
    }
    rows: list[Combination] = []

    def met(chosen: Combination) -> set[tuple[str, str]]:
        used = {kind: text for kind, text in chosen.items() if text}
        return {(text, b) for a, text in used.items() for b in used if a != b} & wanted

    while wanted:
        # the trick that is still missing most, with a kind that it is missing
        text, other = min(
            wanted, key=lambda w: (-sum(w[0] == t for t, _ in wanted), w[0], KINDS.index(w[1]))
        )
        kind = next(k for k in KINDS if text in CHOICES[k])
        rows.append(_filled({kind: text}, lambda chosen: len(met(chosen)), rows, first=other))
        wanted.difference_update(met(rows[-1]))
    return rows


def _filled(
    row: Combination,
    gain: Callable[[Combination], int],
    rows: list[Combination],
    first: str = "",
) -> Combination:
    """The row with the best legal choice of every kind that it lacks; of equals, the one least used in ``rows``."""

    def merit(kind: str, text: str) -> tuple[int, int, int]:
        used = sum(other[kind] == text for other in rows)
        return gain({**row, kind: text}), -used, -CHOICES[kind].index(text)

    missing = [kind for kind in KINDS if kind not in row]
    for kind in sorted(missing, key=lambda kind: kind != first):
        legal = [text for text in CHOICES[kind] if fits(row, text)]
        row = {**row, kind: max(legal, key=lambda text: merit(kind, text))}
    return {kind: row[kind] for kind in KINDS}


def _place(kind: str, text: str) -> tuple[int, int]:
    return KINDS.index(kind), CHOICES[kind].index(text)
