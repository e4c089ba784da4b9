"""Published figures as text: a table for each split, one line a combination, one column a benchmark."""

from __future__ import annotations

from collections.abc import Callable, Iterable
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
    parts, notes = [_COLUMNS], _Marks(str)
    sources = _Marks(lambda number: chr(ord("A") + number - 1))
    for split, meaning in SPLITS.items():
        here = [row for row in chosen if row.split == split]
        if here:
            parts += [f"Split `{split}`: {meaning}.", _table(here, notes, sources)]
    legend = [f"* {source}: {SOURCES[name]}, {name}" for name, source in sources.given.items()]
    footnotes = [f"* [{number}] {note}" for note, number in notes.given.items()]
    return "\n\n".join([*parts, "\n".join([*footnotes, *legend])])


#: Column heads are short, so that a terminal has room for a table.
_COLUMNS = "`10-LT-100` is CIFAR-10-LT with imbalance 100, and so on."


def _once(chosen: Iterable[Row]) -> list[Row]:
    """Rows without those that print a figure again in another document."""
    found: dict[tuple[object, ...], Row] = {}
    for row in chosen:
        found.setdefault((row.dataset, row.split, row.stages, row.epochs, row.error), row)
    return list(found.values())


class _Marks:
    """Short marks for long texts, in the order in which they come up."""

    def __init__(self, write: Callable[[int], str]) -> None:
        self._write = write
        self.given: dict[str, str] = {}

    def of(self, text: str) -> str:
        """The mark of a text."""
        return self.given.setdefault(text, self._write(len(self.given) + 1))


def _table(here: Sequence[Row], notes: _Marks, sources: _Marks) -> str:
    benchmarks = list(dict.fromkeys(row.dataset for row in here))
    lines: dict[tuple[str, str, str], dict[str, str]] = {}
    for row in here:
        mark = f" [{notes.of(row.note)}]" if row.note else ""
        cell = f"{row.error:.2f}{mark}"
        cells = lines.setdefault((row.recipe, str(row.epochs or "–"), sources.of(row.source)), {})
        cells[row.dataset] = f"{cells[row.dataset]}, {cell}" if row.dataset in cells else cell
    header = ("combination", "epochs", *(b.removeprefix("CIFAR-") for b in benchmarks), "source")
    table = [header, ("---", *["--:"] * (len(benchmarks) + 1), "---")]
    table += [
        (f"`{text}`", epochs, *(cells.get(b, "–") for b in benchmarks), source)
        for (text, epochs, source), cells in lines.items()
    ]
    return "\n".join("| " + " | ".join(line) + " |" for line in table)
