"""What was judged, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from rich.table import Table

from ltdsl.wording import counted

if TYPE_CHECKING:
    from ltdsl.judge.pairs import Difference, Judged, Pair, Which

#: Figures by the names that tables have for them.
NAMES = {
    "error": "top-1 error",
    "macro_recall": "macro recall",
    "many": "many",
    "medium": "medium",
    "few": "few",
}


def figures(judged: Judged) -> dict[str, tuple[float, tuple[float, float] | None]]:
    """Figures of :data:`NAMES` in percent, each with its interval where it rests on one network."""
    found = {name: judged.figure(name) for name in judged.weights if name != "accuracy"}
    mean, ends = judged.figure("accuracy")
    error = 100 - mean, ends and (100 - ends[1], 100 - ends[0])
    return {"error": error} | found


def table(groups: Sequence[Judged], pairs: Sequence[Pair]) -> Table:
    """A row for each recipe, with its differences below its figures."""
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    made.add_column("", overflow="fold")
    for name in ("seeds", *NAMES.values()):
        made.add_column(name, justify="right")
    by_group = {pair.group.letter: pair for pair in pairs}
    for each in groups:
        given = figures(each)
        cells = [f"{given[name][0]:.2f} %" if name in given else "–" for name in NAMES]
        made.add_row(f"{each.group.letter}  {each.group.name}", str(len(each.group.runs)), *cells)
        pair = by_group.get(each.group.letter)
        if pair is not None and pair.differences:
            apart = {difference.figure: difference for difference in pair.differences}
            cells = [apart_text(apart[name]) if name in apart else "–" for name in NAMES]
            made.add_row(f"   minus {pair.against.letter}", "", *cells, style="dim")
    return made


def apart_text(difference: Difference) -> str:
    """``-3.1 [-4.4, -1.8]``, with a star where it may be claimed."""
    found = difference.interval
    star = "*" if difference.is_one else ""
    return f"{found.difference:+.1f} [{found.low:+.1f}, {found.high:+.1f}]{star}"


def sentences(groups: Sequence[Judged], pairs: Sequence[Pair], which: Which) -> Iterator[str]:
    """What may be claimed of each recipe, and how it was found out."""
    for pair in pairs:
        exact = "" if pair.mcnemar is None else f" (McNemar on top-1 error: p = {pair.mcnemar:.2g})"
        yield f"{pair.group.letter} against {pair.against.letter}: {pair.claim()}{exact}"
    told = sum(len(pair.differences) for pair in pairs if not pair.not_comparable)
    if told:
        yield (
            f"{which} epoch, {counted(len(groups[0].labels), 'test image')}; differences in points with 95 % "
            f"intervals; * = below 5 % after Holm's correction for {counted(told, 'difference')}"
        )


def as_data(groups: Sequence[Judged], pairs: Sequence[Pair], which: Which) -> dict[str, Any]:
    """The same as JSON-able data."""
    return {
        "checkpoint": which,
        "test_images": len(groups[0].labels),
        "recipes": [
            {
                "letter": each.group.letter,
                "name": each.group.name,
                "runs": [str(run.path) for run in each.group.runs],
                "figures": {
                    name: {"mean": mean, "interval": ends}
                    for name, (mean, ends) in figures(each).items()
                },
            }
            for each in groups
        ],
        "comparisons": [
            {
                "recipe": pair.group.letter,
                "against": pair.against.letter,
                "seeds": pair.seeds,
                "not_comparable": pair.not_comparable,
                "claim": pair.claim(),
                "mcnemar": pair.mcnemar,
                "differences": {
                    each.figure: {
                        "difference": each.interval.difference,
                        "low": each.interval.low,
                        "high": each.interval.high,
                        "p": each.interval.p,
                        "adjusted_p": None if pair.not_comparable else each.adjusted,
                    }
                    for each in pair.differences
                },
            }
            for pair in pairs
        ],
    }
