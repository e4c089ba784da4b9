"""What `ltdsl advise` prints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from ltdsl.evidence.benchmarks import Match, Nearness, nearest
from ltdsl.evidence.combination import describe, of_recipe
from ltdsl.evidence.neighbours import STEPS, Neighbour, first_change, neighbours
from ltdsl.evidence.rows import NOISE, SOURCES, SPLITS
from ltdsl.wording import counted

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ltdsl.evidence.rows import Row
    from ltdsl.recipe import Recipe


def advice(
    recipe: Recipe, shown: int, counts: Sequence[int] | None = None
) -> Iterator[RenderableType]:
    """The published neighbours of a recipe, and what they would change first, split by split.

    Args:
        recipe: The recipe.
        shown: Rows of each split.
        counts: Training images of each class, where the data set's files say and were read.
    """
    match = nearest(recipe.settings.dataset, counts)
    combination = of_recipe(recipe)
    epochs = recipe.settings.epochs
    yield Text(
        f"{describe(combination)}\n{recipe.settings.dataset}, {counted(epochs, 'epoch')}",
        style="bold",
    )
    yield Text(_benchmark(match))
    found = neighbours(combination, match.benchmark.name, epochs)
    notes: dict[str, int] = {}
    for split, near in found.items():
        yield Text(f"\nSplit {split}: {SPLITS[split]}", style="bold")
        yield _table(near[:shown], notes)
        yield Text(_change(near))
    yield Text()
    for note, number in notes.items():
        yield Text(f"[{number}] {note}", style="dim")
    for source in dict.fromkeys(n.row.source for near in found.values() for n in near[:shown]):
        yield Text(f"{source}: {SOURCES[source]}", style="dim")
    yield Text(
        "changes: a trick more, fewer or replaced is 1, a parameter 0.25, a stage more or fewer 1 and its tricks. "
        "Figures of different splits are never comparable, and epochs differ.",
        style="dim",
    )


def advice_data(recipe: Recipe, shown: int, counts: Sequence[int] | None = None) -> dict[str, Any]:
    """The same as plain data.

    Returns:
        ``combination``, ``dataset`` and ``epochs`` of the recipe; ``benchmark``, whose figures these are, ``same``,
        whether it is the data set itself, and ``caveat``, empty then; ``splits``, each with ``split``, ``title``, its
        nearest ``rows`` and ``first_change``: ``base``, ``better`` and ``gain`` in points of top-1 error, or None.
    """
    match = nearest(recipe.settings.dataset, counts)
    combination = of_recipe(recipe)
    epochs = recipe.settings.epochs
    splits = []
    for split, near in neighbours(combination, match.benchmark.name, epochs).items():
        change = first_change(list(near))
        splits.append(
            {
                "split": split,
                "title": SPLITS[split],
                "rows": [{"changes": each.changes, **row_data(each.row)} for each in near[:shown]],
                "first_change": change
                and {
                    "base": row_data(change.base),
                    "better": row_data(change.better),
                    "gain": round(change.gain, 2),
                },
            }
        )
    return {
        "combination": describe(combination),
        "dataset": str(recipe.settings.dataset),
        "epochs": epochs,
        "benchmark": match.benchmark.name,
        "same": match.nearness is Nearness.SAME,
        "caveat": match.caveat,
        "splits": splits,
    }


def row_data(row: Row) -> dict[str, Any]:
    """A published row: ``top1_error`` in percent, ``epochs`` or None, tricks, and where it is printed as what."""
    return {
        "top1_error": row.error,
        "epochs": row.epochs,
        "combination": row.recipe,
        "printed_as": row.printed_as,
        "source": SOURCES[row.source],
        "note": row.note,
    }


def _benchmark(match: Match) -> str:
    if match.nearness is Nearness.SAME:
        return f"Published on {match.benchmark.name}, the same data set:"
    return f"No evidence of its own: {match.caveat}. A figure from there is a hint, not a forecast."


def _table(near: Sequence[Neighbour], notes: dict[str, int]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("changes", justify="right")
    table.add_column("top-1 error", justify="right")
    table.add_column("epochs", justify="right")
    table.add_column("combination", overflow="fold")
    table.add_column("printed as", overflow="fold")
    for neighbour in near:
        row = neighbour.row
        mark = f" [{notes.setdefault(row.note, len(notes) + 1)}]" if row.note else ""
        table.add_row(
            f"{neighbour.changes:g}",
            f"{row.error:.2f} %",
            str(row.epochs or "–"),
            Text(f"{row.recipe}{mark}"),
            Text(f"{row.printed_as} in {row.source}"),
        )
    return table


def _change(near: Sequence[Neighbour]) -> str:
    """The sentence below a split's table."""
    change = first_change(list(near))
    if change is None:
        return f"No row within {STEPS} changes of the nearest was better by more than noise ({NOISE} points)."
    base, better = change.base, change.better
    own = near[0].row is base and near[0].changes == 0
    start = "What the rows would change first" if own else "From the nearest row on, first"
    lengths = (
        f"both {base.length}"
        if base.epochs == better.epochs
        else f"{better.length} against {base.length}"
    )
    return (
        f"{start}: `{base.recipe}` to `{better.recipe}`, {base.error:.2f} % to {better.error:.2f} %, "
        f"{change.gain:.2f} points ({lengths})."
    )
