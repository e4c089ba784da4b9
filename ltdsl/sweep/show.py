"""What people see of a sweep: the table before it, its progress, and the table after it."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from rich.table import Table as RichTable
from rich.text import Text

from ltdsl.runs.sweep import Record
from ltdsl.sweep.grid import SEED
from ltdsl.sweep.names import short_addresses
from ltdsl.wording import counted

if TYPE_CHECKING:
    from ltdsl.sweep.drive import Sweep
    from ltdsl.sweep.shared import Epochs

#: Space between columns.
_GAP = 2

_HEADS = {
    "top1_error": "top-1 error",
    "macro_recall": "macro recall",
    "many": "many",
    "medium": "medium",
    "few": "few",
}

_STYLES = {"finished": "green", "failed": "bold red", "interrupted": "yellow", "running": "cyan"}


def planned_table(work: Sweep) -> RichTable:
    """Every run with its values, what it takes from another, and what has become of it so far."""
    shown, table = _empty("run"), work.table
    names = short_addresses(table.addresses)
    for address in table.addresses:
        shown.add_column(names[address])
    if work.shared:
        shown.add_column("trained with")
    shown.add_column("status")
    for row in table.rows:
        values = dict(row.choice.changes)
        share = work.shared.get(row)
        taken = f"{_range(share.epochs)} of {work.places[share.leader].name}" if share else "–"
        shown.add_row(
            work.places[row].name,
            *(values.get(address, "–") for address in table.addresses),
            *([taken] if work.shared else []),
            _status(work.records[row]),
        )
    return shown


def _range(epochs: int) -> str:
    return "epoch 0" if epochs == 1 else f"epochs 0-{epochs - 1}"


def epochs_to_train(epochs: Epochs) -> str:
    """How many epochs are to be trained, with and without sharing."""
    if epochs.shared == epochs.alone:
        return f"{counted(epochs.alone, 'epoch')} to train; no two runs begin alike"
    share = 100 * epochs.shared / epochs.alone
    number = counted(epochs.shared, "epoch")
    return f"{number} to train instead of {epochs.alone:,} ({share:.0f} %), as runs share what is alike"


def result_table(records: Sequence[Record], width: int) -> RichTable:
    """Every run with its figures in percent; mean ± standard deviation where seeds repeat one.

    Args:
        records: The runs.
        width: Cells of the terminal: figures that find no room are left out, the last ones first.
    """
    columns = _columns(records)
    labels, shared = _labels(records)
    rows: list[tuple[str, list[str], Text]] = []
    means = set()
    for members in repetitions(records):
        rows += [
            (labels[record.name], _cells(columns, [record]), _status(record)) for record in members
        ]
        if len(members) > 1:
            finished = [record for record in members if record.last]
            of = "" if len(finished) == len(members) else f"{len(finished)} of "
            means.add(len(rows))
            rows.append((f"mean of {of}{len(members)} seeds", _cells(columns, finished), Text()))
    head = "in %"
    names = max(len(head), *(len(name) for name, _, _ in rows))
    statuses = max(len(status) for _, _, status in rows)
    room = width - names - statuses - 2 * _GAP
    heads = _that_fit(list(columns), [cells for _, cells, _ in rows], room)
    shown = _empty(head)
    if shared:
        shown.caption, shown.caption_justify = Text(f"all with {', '.join(shared)}"), "left"
    for name in heads:
        shown.add_column(name, justify="right", no_wrap=True)
    shown.add_column("", no_wrap=True)
    for number, (name, cells, status) in enumerate(rows):
        style = "bold" if number in means else ""
        shown.add_row(name, *cells[: len(heads)], status, style=style)
    return shown


def _labels(records: Sequence[Record]) -> tuple[dict[str, str], list[str]]:
    """Names of runs without what all of them share, and that: figures need the room."""
    parts = {record.name: record.name.split(",") for record in records}
    first, *others = parts.values()
    shared = [part for part in first if all(part in other for other in others)] if others else []
    labels = {
        name: ",".join(part for part in own if part not in shared) or name
        for name, own in parts.items()
    }
    return labels, shared


def _columns(records: Sequence[Record]) -> dict[str, Callable[[Record], float | None]]:
    """The figures of a run by their heads, most wanted first."""
    columns: dict[str, Callable[[Record], float | None]] = {
        head: lambda record, name=name: record.last.get(name)  # type: ignore[misc]
        for name, head in _HEADS.items()
    }
    chosen_on = sorted({str(record.best_on) for record in records if record.best})
    if not chosen_on:
        return columns
    best = f"best by {' or '.join(chosen_on)}"
    first, *more = columns
    return {
        first: columns[first],
        best: lambda record: record.best.get("top1_error"),
        **{head: columns[head] for head in more},
    }


def _cells(
    columns: Mapping[str, Callable[[Record], float | None]], records: Sequence[Record]
) -> list[str]:
    values = ([figure(record) for record in records] for figure in columns.values())
    return [spread([value for value in row if value is not None]) for row in values]


def _that_fit(heads: Sequence[str], rows: Sequence[Sequence[str]], room: int) -> Sequence[str]:
    """The first heads whose columns find room; at least one."""
    for number, head in enumerate(heads):
        room -= max(len(head), *(len(cells[number]) for cells in rows)) + _GAP
        if room < 0 and number:
            return heads[:number]
    return heads


def repetitions(records: Iterable[Record]) -> list[list[Record]]:
    """Runs that differ in their seeds only, together; in order of their first ones."""
    groups: dict[tuple[str, ...], list[Record]] = {}
    for record in records:
        changes = record.changes.items()
        values = [f"{address}={value}" for address, value in changes if address != SEED]
        groups.setdefault((record.recipe, *values), []).append(record)
    return list(groups.values())


def counts(records: Iterable[Record]) -> str:
    """``3 finished, 1 failed``."""
    statuses = [record.status for record in records]
    order = ("finished", "failed", "interrupted", "running", "new")
    return ", ".join(f"{statuses.count(status)} {status}" for status in order if status in statuses)


def spread(values: Sequence[float]) -> str:
    """Mean, and the sample's standard deviation where there are several values; empty where there is none."""
    if not values:
        return ""
    mean = f"{statistics.fmean(values):.2f}"
    return f"{mean} ± {statistics.stdev(values):.2f}" if len(values) > 1 else mean


def _status(record: Record) -> Text:
    return Text(record.status, style=_STYLES.get(record.status, ""))


def _empty(first: str) -> RichTable:
    shown = RichTable(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
    shown.add_column(first, overflow="fold")
    return shown
