"""What all charts look like."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import altair as alt

#: Colours of series, told apart by people with any kind of colour vision; report.css has them for light and dark.
SERIES = tuple(f"var(--series-{number})" for number in range(1, 9))

#: Told apart without colours.
DASHES: tuple[list[int], ...] = ([1, 0], [6, 3], [2, 2], [8, 2, 2, 2])

INK, MUTED, FAINT, PAPER = (f"var(--{name})" for name in ("ink", "muted", "faint", "paper"))

#: Width of the y axis with its labels: charts above each other stand on one x axis.
_AXIS_WIDTH = 50

#: Labels of small numbers that find room beside an axis: 0.00001 does not.
_SHORT = "0 < datum.value && datum.value < 0.001 ? format(datum.value, '~e') : datum.label"

CONFIG: dict[str, Any] = {
    "background": "transparent",
    # that of report.css by name: of an inherited one Vega cannot tell how much room a label takes
    "font": 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif',
    "view": {"stroke": None},
    "axis": {
        "labelColor": MUTED,
        "titleColor": MUTED,
        "gridColor": FAINT,
        "domainColor": FAINT,
        "tickColor": FAINT,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "labelPadding": 5,
        "titlePadding": 8,
        "tickSize": 4,
    },
    "axisX": {"grid": False, "labelOverlap": True, "labelFlush": False},
    "axisY": {
        "domain": False,
        "ticks": False,
        "tickCount": 4,
        "minExtent": _AXIS_WIDTH,
        "maxExtent": _AXIS_WIDTH,
    },
    "legend": {
        "labelColor": INK,
        "titleColor": MUTED,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "orient": "top",
        "labelLimit": 300,
        "symbolStrokeWidth": 2.5,
    },
    "text": {"color": INK, "fontSize": 12},
    "line": {"strokeWidth": 2},
    "rule": {"color": FAINT},
}


def finished(description: str, height: int, *layers: alt.Chart) -> dict[str, Any]:
    """The specification of a chart that is as wide as its place.

    Args:
        description: What it shows, for those who do not see it.
        height: In pixels.
        *layers: What is drawn, from back to front.
    """
    chart = alt.layer(*layers).properties(width="container", height=height, description=description)
    spec: dict[str, Any] = chart.to_dict()
    spec["config"] = CONFIG
    spec["autosize"] = {"type": "fit-x", "contains": "padding"}
    spec["padding"] = {"left": 0, "right": 8, "top": 6, "bottom": 4}
    return spec


def rows(values: Iterable[Mapping[str, Any]]) -> alt.Data:
    """Data of a chart."""
    return alt.Data(values=[dict(row) for row in values])


def tip(field: str, title: str, form: str | None = None) -> alt.Tooltip:
    """A line of what is shown beside the pointer; names are shown as they are."""
    if form is None:
        return alt.Tooltip(field, type="nominal", title=title)
    return alt.Tooltip(field, type="quantitative", title=title, format=form)


def logarithmic(values: Sequence[float]) -> bool:
    """True for positive values that a linear scale would press against its floor."""
    return bool(values) and min(values) > 0 and max(values) > 20 * min(values)


def y_of(field: str, values: Sequence[float], form: str = "~g", zero: bool = False) -> alt.Y:
    """A y axis for values that may span orders of magnitude: powers of ten are labelled then."""
    if not logarithmic(values):
        scale = alt.Scale(zero=zero, nice=True)
        return alt.Y(f"{field}:Q", title=None, scale=scale, axis=alt.Axis(labelExpr=_SHORT))
    low, high = (math.floor(math.log10(min(values))), math.ceil(math.log10(max(values))))
    step = max(1, (high - low) // 4)
    powers = [10.0**power for power in range(low, high + 1, step)]
    return alt.Y(
        f"{field}:Q",
        title=None,
        scale=alt.Scale(type="log", domain=[0.85 * min(values), 1.15 * max(values)], nice=False),
        axis=alt.Axis(values=powers, format=form, labelExpr=_SHORT),
    )


def bands(
    parts: Sequence[tuple[str, float, float]], x: alt.X, names: bool, ends: bool = False
) -> list[alt.Chart]:
    """Ranges of the x axis, every other one shaded, and their names above it.

    Args:
        parts: Name, start and end of each.
        x: What the chart has as x.
        names: Whether names are shown.
        ends: Write the first name at the left, the last at the right and others in the middle, for three names.
    """
    data = rows(
        {"start": start, "end": end, "odd": number % 2}
        for number, (_, start, end) in enumerate(parts)
    )
    written: dict[str, Any] = dict(x.to_dict())  # type: ignore[arg-type]  # one dictionary: it has no condition
    place = {key: written[key] for key in ("scale", "axis", "title") if key in written}

    def at(field: str) -> alt.X:
        return alt.X(f"{field}:Q", **place)

    shades = alt.Opacity("odd:Q", scale=alt.Scale(domain=[0, 1], range=[0, 0.45]), legend=None)
    shaded = alt.Chart(data).mark_rect(color=FAINT, aria=False)
    layers = [shaded.encode(at("start"), alt.X2("end:Q"), opacity=shades)]
    for (align, row), named in _places(parts, ends).items() if names else ():
        text = alt.Chart(rows(named)).mark_text(
            align=align, baseline="bottom", color=MUTED, limit=140, aria=False
        )
        layers.append(text.encode(at("at"), alt.YValue(-4 - 14 * row), alt.Text("name:N")))
    return layers


def _places(
    parts: Sequence[tuple[str, float, float]], ends: bool
) -> dict[tuple[Any, int], list[dict[str, Any]]]:
    """Where the names of bands stand: (alignment, row, from below) -> names. Narrow bands take turns in two rows."""
    whole = parts[-1][2] - parts[0][1]
    rows_of_names = 1 if ends or all(end - start >= whole / 6 for _, start, end in parts) else 2
    found: dict[tuple[Any, int], list[dict[str, Any]]] = {}
    for number, (name, start, end) in enumerate(parts):
        align, at = "left", start
        if ends and number > 0:
            last = number == len(parts) - 1
            align, at = ("right", end) if last else ("center", (start + end) / 2)
        found.setdefault((align, number % rows_of_names), []).append({"at": at, "name": name})
    return found
