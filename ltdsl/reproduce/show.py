"""A table that was trained again, as a page in Markdown, as data, and in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ltdsl.evidence.rows import NOISE, SOURCES

if TYPE_CHECKING:
    from ltdsl.reproduce.agreement import Compared, Ranks

HEADS = ("row", "printed", "here", "printed − baseline", "here − baseline", "")


def cells(rows: Sequence[Compared]) -> Iterator[tuple[str, ...]]:
    """What stands in each row of the table, under :data:`HEADS`; best of ours first."""
    base = next((row for row in rows if row.entry.is_baseline), None)
    for row in sorted(rows, key=lambda row: row.ours.mean if row.ours else float("inf")):
        theirs, own = row.entry.theirs, row.ours
        printed = ", ".join(
            f"{error:.2f} %" + ("" if reliable else " (doubtful)")
            for error, reliable in dict.fromkeys((r.error, r.reliable) for r in row.entry.printed)
        )
        here = "–"
        if own:
            seeds = "" if len(own.errors) == 1 else f", {len(own.errors)} seeds"
            here = f"{own.mean:.2f} % [{own.interval[0]:.2f}, {own.interval[1]:.2f}]{seeds}"
        their_apart = "–"
        if base and base.entry.theirs is not None and theirs is not None and row is not base:
            their_apart = f"{theirs - base.entry.theirs:+.2f}"
        apart = "–"
        if row.apart:
            star = "*" if row.adjusted < 0.05 and not row.differs else ""
            apart = (
                f"{row.apart.difference:+.2f} [{row.apart.low:+.2f}, {row.apart.high:+.2f}]{star}"
            )
        yield row.entry.short, printed, here, their_apart, apart, row.verdict


def sentences(rows: Sequence[Compared], found: Ranks) -> Iterator[str]:
    """What both tables say together, and how figures were found."""
    if found.tau is not None:
        p = "" if found.p is None else f", p = {found.p:.2g} of no relation"
        yield f"Ranks of {found.rows} rows: Kendall's tau {found.tau:+.2f}{p}."
    if found.far:
        yield (
            f"Of {found.far} pairs that are printed more than {NOISE} points apart, {found.same} come in the same "
            f"order here ({100 * found.same / found.far:.0f} %)."
        )
    counted = [row.verdict for row in rows if row.verdict]
    if counted:
        told = ", ".join(f"{counted.count(each)} {each}" for each in dict.fromkeys(sorted(counted)))
        yield f"Rows against the baseline: {told}."
    for differs in dict.fromkeys(row.differs for row in rows if row.differs):
        names = ", ".join(row.entry.short for row in rows if row.differs == differs)
        yield f"Not comparable with the baseline ({'; '.join(differs)}): {names}."
    yield (
        "Top-1 error on test images after the last epoch. Intervals are of 95 %: over images where there is one seed, "
        "which says nothing of other seeds; over seeds where there are more. * is below 5 % after Holm's correction "
        f"over the table. Printed figures are of single runs, and differences of up to {NOISE} points are noise."
    )


def page(
    table: str,
    rows: Sequence[Compared],
    found: Ranks,
    scale: float,
    left_out: Iterable[tuple[str, str]],
    how: Iterable[str],
) -> str:
    """The whole of it in Markdown.

    Args:
        table: Its name.
        rows: Its rows.
        found: How they are ordered.
        scale: Part of the epochs.
        left_out: Rows that were not trained, and why.
        how: What else a reader has to know, a sentence each: what trained it, when.
    """
    lines = [f"# {table}, trained again", ""]
    epochs = "all" if scale == 1 else f"{scale:g} times the"
    lines += [f"Each row for {epochs} epochs that it was published with.", *how, ""]
    lines += ["| " + " | ".join(HEADS) + " |", "|---|--:|--:|--:|--:|---|"]
    for name, *rest in cells(rows):
        lines.append("| " + " | ".join((f"`{name}`", *rest)) + " |")
    lines += ["", *_spaced(sentences(rows, found))]
    for name, why in left_out:
        lines += [f"Not trained: `{name}`, as {why}.", ""]
    sources = dict.fromkeys(row.source for each in rows for row in each.entry.printed)
    lines += [f"* {source}: {SOURCES[source]}" for source in sources]
    notes = {
        each.entry.short: note for each in rows for row in each.entry.printed if (note := row.note)
    }
    lines += [f"* `{name}`: {note}" for name, note in notes.items()]
    return "\n".join(lines) + "\n"


def _spaced(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        yield text
        yield ""


def as_data(table: str, rows: Sequence[Compared], found: Ranks, scale: float) -> dict[str, Any]:
    """The same for programs."""
    return {
        "table": table,
        "epochs_scale": scale,
        "ranks": found.__dict__,
        "rows": [
            {
                "name": row.entry.name,
                "printed": [
                    {"top1_error": r.error, "compared": r.reliable, "source": r.source}
                    for r in row.entry.printed
                ],
                "here": row.ours
                and {
                    "runs": [str(run.path) for run in row.ours.group.runs],
                    "top1_errors": list(row.ours.errors),
                    "mean": row.ours.mean,
                    "interval": list(row.ours.interval),
                },
                "minus_baseline": row.apart
                and {
                    "difference": row.apart.difference,
                    "low": row.apart.low,
                    "high": row.apart.high,
                    "p": row.apart.p,
                    "adjusted_p": row.adjusted,
                },
                "verdict": row.verdict,
                "not_comparable": list(row.differs),
            }
            for row in rows
        ],
    }
