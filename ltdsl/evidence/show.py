"""Published figures as text: a table for each split, one line a combination, one column a benchmark."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ltdsl.evidence.combination import of_row
from ltdsl.evidence.rows import SOURCES, SPLITS, Row, rows

if TYPE_CHECKING:
    from collections.abc import Sequence


def mentioning(trick: str) -> list[Row]:
    """The rows whose combination has a trick, alone first."""
    found = [row for row in rows() if any(trick == use.name for s in of_row(row) for use in s)]
    return sorted(found, key=_size)


def _size(row: Row) -> tuple[int, int]:
    combination = of_row(row)
    return len(combination), sum(map(len, combination))


def figures(shown: Iterable[Row], baseline: bool = False) -> str:
    """Markdown tables of rows, by split, then footnotes and sources.

    Args:
        shown: The rows.
        baseline: Put the rows of plain cross entropy of each split first.
    """
    chosen = list(shown)
    if baseline:
        splits = {row.split for row in chosen}
        plain = [row for row in rows() if row.stages == ("ce",) and row.split in splits]
        chosen = plain + chosen
    chosen = _once(chosen)
    parts, notes = [], _Notes()
    for split, meaning in SPLITS.items():
        here = [row for row in chosen if row.split == split]
        if here:
            parts += [f"Split `{split}`: {meaning}.", _table(here, notes)]
    sources = dict.fromkeys(row.source for row in chosen)
    legend = [f"* {source}: {SOURCES[source]}" for source in sources]
    return "\n\n".join(
        [*parts, *(["\n".join(notes.lines())] if notes.lines() else []), "\n".join(legend)]
    )


def _once(chosen: Iterable[Row]) -> list[Row]:
    """Rows without those that print a figure again in another document."""
    found: dict[tuple[object, ...], Row] = {}
    for row in chosen:
        found.setdefault((row.dataset, row.split, row.stages, row.epochs, row.error), row)
    return list(found.values())


class _Notes:
    """Footnotes, numbered as they come up."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def mark(self, note: str) -> str:
        """`` [2]``; nothing for an empty note."""
        if not note:
            return ""
        return f" [{self._numbers.setdefault(note, len(self._numbers) + 1)}]"

    def lines(self) -> list[str]:
        """A list item each."""
        return [f"* [{number}] {note}" for note, number in self._numbers.items()]


def _table(here: Sequence[Row], notes: _Notes) -> str:
    benchmarks = list(dict.fromkeys(row.dataset for row in here))
    lines: dict[tuple[str, int | None, str], dict[str, list[str]]] = {}
    for row in here:
        cells = lines.setdefault((row.recipe, row.epochs, row.source), {})
        cell = f"{row.error:.2f}{notes.mark(row.note)}"
        if cell not in cells.setdefault(row.dataset, []):
            cells[row.dataset].append(cell)
    header = ("combination", "epochs", *benchmarks, "source")
    table = [header, ("---", *["--:"] * (len(benchmarks) + 1), "---")]
    table += [
        (
            f"`{text}`",
            str(epochs or "–"),
            *(", ".join(cells.get(b, ["–"])) for b in benchmarks),
            source,
        )
        for (text, epochs, source), cells in lines.items()
    ]
    return "\n".join("| " + " | ".join(line) + " |" for line in table)
