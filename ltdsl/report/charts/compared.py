"""Groups of runs in one chart: colours, dashes and letters tell them apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import altair as alt

from ltdsl.judge.groups import Group, Spread, Which
from ltdsl.report.charts import theme
from ltdsl.report.charts.classes import MOST_NAMES, by_name, ranked, smooth
from ltdsl.report.charts.curves import epoch_axis

if TYPE_CHECKING:
    from ltdsl.runs.evaluation import Figures
    from ltdsl.runs.metrics import Epoch


_LEGEND = alt.Legend(
    columns=8,
    symbolType="stroke",
    symbolOpacity=1,
    symbolSize=250,
    symbolStrokeWidth=2.5,
    symbolFillColor="transparent",
)


def colours(groups: Sequence[Group]) -> alt.Color:
    """A colour for each group."""
    return alt.Color("group:N", **_scale(groups, theme.SERIES))


def _dashes(groups: Sequence[Group]) -> alt.StrokeDash:
    """A dash for each group, for those who see no colours."""
    return alt.StrokeDash("group:N", **_scale(groups, theme.DASHES))


def _scale(groups: Sequence[Group], palette: Sequence[Any]) -> dict[str, Any]:
    """What tells groups apart, and its legend."""
    return {
        "title": None,
        "scale": alt.Scale(
            domain=[group.letter for group in groups],
            range=[palette[i % len(palette)] for i in range(len(groups))],
        ),
        "legend": None if len(groups) < 2 else _LEGEND,
    }


def curve(groups: Sequence[Group], name: str, title: str, zero: bool = False) -> dict[str, Any]:
    """A figure of each epoch: the mean over seeds, and from the lowest to the highest run."""

    def value(epoch: Epoch) -> float | None:
        found: float | None = getattr(epoch, name)
        return found

    values = [
        _row(group, spread, epoch=number)
        for group in groups
        for number, spread in group.curve(value)
    ]
    last = max((row["epoch"] for row in values), default=1)
    return _lines(groups, values, epoch_axis(last), f"{title} of each epoch", zero, 220)


def tails(groups: Sequence[Group], which: Which) -> dict[str, Any] | None:
    """Mean accuracy of neighbouring classes from head to tail; None where data sets have unlike classes."""
    numbers = {len(figures.per_class) for group in groups for figures in group.figures(which)}
    if len(numbers) != 1 or 0 in numbers:
        return None
    orders = {
        tuple(row.name for row in ranked(figures.per_class).classes)
        for group in groups
        for figures in group.figures(which)
    }
    few = len(orders) == 1 and max(numbers) <= MOST_NAMES
    axis: dict[str, Any] = {"tickMinStep": 1, "tickCount": 10, "format": ",d"}
    values = []
    for group in groups:
        found: dict[float, list[float]] = {}
        for figures in group.figures(which):
            for rank, percent in smooth(ranked(figures.per_class)):
                found.setdefault(rank, []).append(percent)
        values += [_row(group, Spread(tuple(v)), rank=rank) for rank, v in sorted(found.items())]
    x = alt.X(
        "rank:Q",
        title="class, by training images",
        scale=alt.Scale(domain=[1, max(numbers)], nice=False, zero=False),
        axis=alt.Axis(**axis | by_name(next(iter(orders)) if few else ())),
    )
    return _lines(groups, values, x, "Accuracy of classes from head to tail", False, 240)


def dots(
    groups: Sequence[Group], which: Which, of: Callable[[Figures], float | None], title: str
) -> dict[str, Any]:
    """Every run as a dot, with its group's mean and standard deviation, a row each."""
    spreads = [(group, spread) for group in groups if (spread := group.spread(which, of))]
    values = [
        {"group": group.letter, "name": group.name, "value": value}
        for group, spread in spreads
        for value in spread.values
    ]
    means = [_row(group, spread) for group, spread in spreads]
    y = alt.Y(
        "group:N",
        title=None,
        sort=[group.letter for group in groups],
        axis=alt.Axis(labelColor=theme.INK, domain=False, ticks=False, minExtent=24, maxExtent=50),
    )
    x = alt.X(
        "value:Q",
        title=None,
        scale=alt.Scale(zero=False, nice=True, padding=8),
        axis=alt.Axis(tickCount=5),
    )
    quiet = colours(groups)
    quiet["legend"] = None
    base = alt.Chart(theme.rows(means))
    reach = base.mark_rule(strokeWidth=2, aria=False).encode(
        alt.X("low:Q", title=None), alt.X2("high:Q"), y, quiet
    )
    mean = base.mark_tick(thickness=3, size=16, aria=False).encode(
        alt.X("mean:Q", title=None), y, quiet
    )
    tips = [theme.tip("name", "recipe"), theme.tip("value", title, ".2f")]
    dot = (
        alt.Chart(theme.rows(values))
        .mark_point(filled=True, size=45, opacity=0.55)
        .encode(x, y, quiet, tooltip=tips)
    )
    said = f"{title} of every run, with mean and standard deviation of each group"
    return theme.finished(said, 14 + 26 * len(groups), reach, mean, dot)


def _row(group: Group, spread: Spread, **place: float) -> dict[str, Any]:
    deviation = spread.deviation or 0.0
    return place | {
        "group": group.letter,
        "name": group.name,
        "mean": spread.mean,
        "low": spread.mean - deviation,
        "high": spread.mean + deviation,
        "least": min(spread.values),
        "most": max(spread.values),
        "n": len(spread.values),
    }


def _lines(
    groups: Sequence[Group],
    values: list[dict[str, Any]],
    x: alt.X,
    title: str,
    zero: bool,
    height: int,
) -> dict[str, Any]:
    """Means as lines, and bands from the lowest to the highest run."""
    base = alt.Chart(theme.rows(values))
    scale = alt.Scale(zero=zero, nice=True)
    y = alt.Y("mean:Q", title=None, scale=scale)
    band_colour = colours(groups)
    band = base.mark_area(opacity=0.18, aria=False).encode(
        x, alt.Y("least:Q", title=None, scale=scale), alt.Y2("most:Q"), band_colour
    )
    line = base.mark_line().encode(x, y, colours(groups), _dashes(groups))
    tips = [
        theme.tip("group", "group"),
        theme.tip("name", "recipe"),
        alt.Tooltip("mean:Q", title="mean", format=".4~g"),
        alt.Tooltip("least:Q", title="lowest", format=".4~g"),
        alt.Tooltip("most:Q", title="highest", format=".4~g"),
        alt.Tooltip("n:Q", title="runs", format=",d"),
    ]
    catcher = base.mark_point(opacity=0, size=90, aria=False).encode(x, y, tooltip=tips)
    named = ", ".join(f"{group.letter} is {group.name}" for group in groups)
    return theme.finished(f"{title}; {named}", height, band, line, catcher)
