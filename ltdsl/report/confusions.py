"""A confusion matrix as a page can hold it: whole for a few classes, in bands of classes for many."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ltdsl.runs.evaluation import Figures

#: Classes of a matrix that is shown whole.
MOST_CLASSES = 30

#: Rows of a matrix of bands.
BANDS = 15

#: Pairs that are listed.
PAIRS = 12


@dataclass(frozen=True)
class Pair:
    """Images of one class that were taken for another."""

    label: str
    prediction: str
    images: int
    share: float


@dataclass(frozen=True)
class Confusions:
    """A matrix as cells that are not zero, and the most frequent mistakes.

    Attributes:
        names: Of its rows and columns.
        cells: (label, prediction, images).
        banded: True where rows are bands of classes of like frequency.
        pairs: Most frequent first.
    """

    names: tuple[str, ...]
    cells: tuple[tuple[int, int, int], ...]
    banded: bool
    pairs: tuple[Pair, ...]


def confusions(figures: Figures) -> Confusions | None:
    """What is known of a checkpoint's mistakes; None where nothing is."""
    classes = figures.per_class
    cells = _cells(figures)
    if not cells or not classes:
        return None
    mistakes = sorted(
        (cell for cell in cells if cell[0] != cell[1]), key=lambda cell: (-cell[2], cell)
    )
    pairs = tuple(
        Pair(
            classes[label].name,
            classes[prediction].name,
            images,
            100 * images / max(1, classes[label].test_images),
        )
        for label, prediction, images in mistakes[:PAIRS]
    )
    order = sorted(range(len(classes)), key=lambda c: -classes[c].train_images)
    if len(classes) <= MOST_CLASSES:
        place = {c: rank for rank, c in enumerate(order)}
        moved = tuple((place[a], place[b], images) for a, b, images in cells)
        return Confusions(tuple(classes[c].name for c in order), moved, False, pairs)
    return Confusions(*_banded(cells, order, [row.train_images for row in classes]), True, pairs)


def _cells(figures: Figures) -> list[tuple[int, int, int]]:
    """The matrix's cells: (label, prediction, images); none where they do not fit the classes."""
    columns, size = figures.confusion, len(figures.per_class)
    if columns is None or not len(columns.label) == len(columns.prediction) == len(columns.count):
        return []
    if max((*columns.label, *columns.prediction), default=0) >= size:
        return []
    return list(zip(columns.label, columns.prediction, columns.count, strict=True))


def _banded(
    cells: Sequence[tuple[int, int, int]], order: Sequence[int], counts: Sequence[int]
) -> tuple[tuple[str, ...], tuple[tuple[int, int, int], ...]]:
    """Bands of equally many classes from head to tail."""
    edges = [band * len(order) // BANDS for band in range(BANDS + 1)]
    band_of, names = {}, []
    for band in range(BANDS):
        members = order[edges[band] : edges[band + 1]]
        band_of.update(dict.fromkeys(members, band))
        most, least = counts[members[0]], counts[members[-1]]
        names.append(f"{most:,}–{least:,}" if most != least else f"{most:,}")
    merged: Counter[tuple[int, int]] = Counter()
    for label, prediction, images in cells:
        merged[band_of[label], band_of[prediction]] += images
    return tuple(names), tuple((a, b, images) for (a, b), images in sorted(merged.items()))
