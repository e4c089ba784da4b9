"""Small plots made of characters, for terminals of any width."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

#: Columns that the value at a row takes in front of a plot.
MARGIN = 11

#: A plot gets no wider: the eye would not see more.
WIDEST = 100


@dataclass(frozen=True)
class Ink:
    """The characters of a plot.

    Attributes:
        levels: From nothing to a full cell.
        border: Between the values and the plot.
    """

    levels: str
    border: str


BLOCKS = Ink(" ▁▂▃▄▅▆▇█", "│")
ASCII = Ink(" .:#", "|")


def ink(encoding: str) -> Ink:
    """The best characters that an output's encoding has."""
    try:
        f"{BLOCKS.levels}{BLOCKS.border}".encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return BLOCKS


def plot(
    values: Sequence[float], width: int, style: Ink, height: int = 3, log: bool = False
) -> list[str]:
    """Bars from left to right, with the highest and the lowest value of the scale in front.

    Args:
        values: One for each bar; columns that have to share are averaged. None may be negative.
        width: Columns for the whole plot, values in front included.
        style: Characters.
        height: Rows.
        log: Use a logarithmic scale from the smallest positive value on, instead of a linear one from 0.
    """
    columns = resample(values, columns_of(len(values), width), log)
    high = max(values)
    low = min((value for value in values if value > 0), default=0.0) if log else 0.0
    scale = math.log(high / low) if log and low > 0 else 0.0
    full = height * (len(style.levels) - 1)
    bars = []
    for value in columns:
        if value <= 0:
            bars.append(0)
            continue
        share = (math.log(value / low) / scale if scale else 1.0) if log else value / high
        bars.append(max(1, round(share * full)))  # what is there can be seen
    rows = []
    for row in reversed(range(height)):
        label = high if row == height - 1 else low if row == 0 else None
        front = "" if label is None else f"{label:,.4g}"
        base = row * (len(style.levels) - 1)
        cells = (style.levels[min(max(bar - base, 0), len(style.levels) - 1)] for bar in bars)
        rows.append(f"{front:>{MARGIN - 2}} {style.border}{''.join(cells)}".rstrip())
    return rows


def columns_of(number: int, width: int) -> int:
    """How many columns a plot of ``number`` values takes."""
    room = max(8, min(width - MARGIN, WIDEST))
    return room if number > room else number * (room // number)


def resample(values: Sequence[float], columns: int, log: bool = False) -> list[float]:
    """One value a column: repeated where there are more columns than values, averaged where there are fewer."""
    if columns >= len(values):
        return [value for value in values for _ in range(columns // len(values))]
    edges = [column * len(values) // columns for column in range(columns + 1)]
    mean = _geometric if log else _mean
    return [mean(values[start:end]) for start, end in pairwise(edges)]


def ruler(marks: Iterable[tuple[int, str]], columns: int) -> str:
    """Labels below a plot, each from its column on; those without room are left out, the last one never.

    Args:
        marks: Column and label, by column; the last label ends at the right border.
        columns: Those of the plot.
    """
    *others, (_, last) = marks
    end = max(0, columns - len(last))
    line = ""
    for column, text in others:
        if (not line or column > len(line)) and column + len(text) < end:
            line = f"{line:<{column}}{text}"
    return " " * MARGIN + f"{line:<{end}}{last}".rstrip()


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _geometric(values: Sequence[float]) -> float:
    if min(values) <= 0:
        return _mean(values)
    return math.exp(math.fsum(map(math.log, values)) / len(values))
