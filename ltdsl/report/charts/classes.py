"""Classes from head to tail: their images and their accuracy."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import altair as alt

from ltdsl.longtail import class_groups
from ltdsl.report.charts import theme
from ltdsl.wording import counted

if TYPE_CHECKING:
    from ltdsl.runs.evaluation import ClassFigures

#: More classes are shown as a curve: bars would be thinner than a pixel.
MOST_BARS = 150

#: More classes have numbers below them instead of names, which would meet on a phone.
MOST_NAMES = 12

#: More have numbers on a wide screen too.
MOST_NAMES_WIDE = 45

#: Pixels that a name takes where it stands upright.
_UPRIGHT = 14

#: Points of a smoothed curve, at most.
_POINTS = 200


@dataclass(frozen=True)
class Ranked:
    """Classes in order of their training images, most frequent first, and where groups end."""

    classes: tuple[ClassFigures, ...]
    groups: tuple[tuple[str, int, int], ...]


def ranked(classes: Sequence[ClassFigures]) -> Ranked:
    """Order classes from head to tail."""
    order = sorted(range(len(classes)), key=lambda c: -classes[c].train_images)
    sizes = [
        (name, len(members))
        for name, members in class_groups([c.train_images for c in classes])._asdict().items()
    ]
    ends = [0]
    for _, size in sizes:
        ends.append(ends[-1] + size)
    groups = tuple(
        (name, start, end)
        for (name, _), (start, end) in zip(sizes, pairwise(ends), strict=True)
        if end > start
    )
    return Ranked(tuple(classes[c] for c in order), groups)


#: The page makes these rows from its table of classes, so that it holds names and figures once.
CLASSES = alt.NamedData("classes")


def columns(order: Ranked, accuracies: Mapping[str, Sequence[float | None]]) -> dict[str, Any]:
    """What the page makes rows of: a class's rank is its place.

    Args:
        order: The classes.
        accuracies: For each checkpoint those of all classes, in the order of ``order``.
    """
    return {
        "name": [row.name for row in order.classes],
        "images": [row.train_images for row in order.classes],
        "tested": [row.test_images for row in order.classes],
        "accuracies": {key: list(values) for key, values in accuracies.items()},
    }


def histogram(order: Ranked, key: str) -> dict[str, Any]:
    """Training images of each class.

    Args:
        order: The classes.
        key: The checkpoint whose accuracies are shown with them.
    """
    counts = [row.train_images for row in order.classes]
    log = theme.logarithmic(counts)
    x, base = _x(len(counts), labels=False), alt.Chart(CLASSES)
    y = theme.y_of("images", counts, "~s", zero=True)
    if len(counts) <= MOST_BARS:
        shape = base.mark_rect(color=theme.SERIES[0]).encode(
            _x(len(counts), labels=False, field="left"),
            alt.X2("right:Q"),
            y,
            alt.Y2Datum(0.85 * min(counts) if log else 0),
            tooltip=_tips(key),
        )
    else:
        shape = base.mark_area(
            color=theme.SERIES[0], opacity=0.8, interpolate="step", aria=False
        ).encode(x, y, alt.Y2Datum(0.85 * min(counts) if log else 0))
    description = (
        f"Training images of {counted(len(counts), 'class')}, from {max(counts):,} down to {min(counts):,}"
        f"{', on a logarithmic scale' if log else ''}"
    )
    groups = theme.bands(_edges(order), x, names=True, ends=True)
    return theme.finished(description, 120, *groups, shape)


def accuracy(order: Ranked, key: str) -> dict[str, Any]:
    """Accuracy of each class on the test images.

    Args:
        order: The classes, with the accuracies of a checkpoint.
        key: The checkpoint.
    """
    number = len(order.classes)
    few = number <= MOST_BARS
    names = [row.name for row in order.classes] if number <= MOST_NAMES_WIDE else []
    x = _x(number, names=names)
    y = alt.Y(f"{key}:Q", title=None, scale=alt.Scale(domain=[0, 100]))
    points = (
        alt.Chart(CLASSES)
        .mark_point(
            color=theme.SERIES[0],
            filled=True,
            size=60 if few else 12,
            opacity=1 if few else 0.35,
            aria=few,
        )
        .encode(x, y, tooltip=_tips(key))
    )
    means = _means(order, names, y, key)
    layers = theme.bands(_edges(order), x, names=False)
    if few:
        layers += [means, points]  # what has a name to tell lies on top
    else:
        trend = theme.rows({"rank": rank, key: value} for rank, value in smooth(order))
        line = alt.Chart(trend).mark_line(color=theme.SERIES[1], strokeWidth=2.5, aria=False)
        layers += [points, line.encode(x, y), means]
    known = [row.accuracy for row in order.classes if row.accuracy is not None]
    description = f"Accuracy of {counted(number, 'class')} from head to tail"
    if known:
        description += f", {min(known):.1f} to {max(known):.1f} %"
    return theme.finished(description, 220, *layers)


def neighbours(number: int) -> int:
    """How many of so many classes are averaged."""
    return max(1, number // 40)


def smooth(order: Ranked) -> list[tuple[float, float]]:
    """Mean accuracy of neighbours in rank: (rank, percent), at most 200 points."""
    classes = order.classes
    width = neighbours(len(classes))
    step = max(1, len(classes) // _POINTS)
    points = []
    for start in range(0, max(1, len(classes) - width + 1), step):
        part = classes[start : start + width]
        known = [row.accuracy for row in part if row.accuracy is not None]
        if known:
            points.append((start + (len(part) + 1) / 2, sum(known) / len(known)))
    return points


def _x(number: int, labels: bool = True, field: str = "rank", names: Sequence[str] = ()) -> alt.X:
    axis: dict[str, Any] = {"tickMinStep": 1, "format": ",d", "labels": labels, "ticks": labels}
    axis |= by_name(names)
    return alt.X(
        f"{field}:Q",
        title="class, by training images" if labels else None,
        scale=alt.Scale(domain=[0.5, number + 0.5], nice=False, zero=False),
        axis=alt.Axis(**axis),
    )


def by_name(names: Sequence[str]) -> dict[str, Any]:
    """What an axis of ranks needs to show names instead, from head to tail; nothing where there are none."""
    if not names:
        return {}
    # with a sign before each: some literals, such as `toString`, are taken for what objects have
    name = f"slice({json.dumps([f'_{name}' for name in names])}[datum.value - 1], 1)"
    angle = -40 if max(map(len, names)) > 3 else 0
    if len(names) > MOST_NAMES:
        angle = -90
        number = "(datum.value == 1 || datum.value % 10 == 0 ? datum.value : '')"
        name = f"width < {_UPRIGHT * len(names)} ? {number} : {name}"
    return {
        "values": list(range(1, len(names) + 1)),
        "labelExpr": name,
        "labelAngle": angle,
        "labelLimit": 110,
        "labelOverlap": False,
    }


def _tips(key: str) -> list[alt.Tooltip]:
    return [
        theme.tip("name", "class"),
        theme.tip("rank", "rank", ",d"),
        theme.tip("images", "training images", ",d"),
        theme.tip(key, "accuracy, %", ".1f"),
        theme.tip("tested", "test images", ",d"),
    ]


def _edges(order: Ranked) -> list[tuple[str, float, float]]:
    return [(name, start + 0.5, end + 0.5) for name, start, end in order.groups]


def _means(order: Ranked, names: Sequence[str], y: alt.Y, key: str) -> alt.Chart:
    """A line at the mean of each group."""
    values = []
    for name, start, end in order.groups:
        known = [
            row.accuracy
            for row in order.classes[start:end]
            if row.accuracy is not None and row.test_images
        ]
        if known:
            mean = sum(known) / len(known)
            values.append({"start": start + 0.5, "end": end + 0.5, "group": name, key: mean})
    line: alt.Chart = (
        alt.Chart(theme.rows(values))
        .mark_rule(color=theme.INK, strokeDash=[5, 3], strokeWidth=1.2)
        .encode(
            _x(len(order.classes), field="start", names=names),
            alt.X2("end:Q"),
            y,
            tooltip=[theme.tip("group", "group"), theme.tip(key, "mean accuracy, %", ".1f")],
        )
    )
    return line
