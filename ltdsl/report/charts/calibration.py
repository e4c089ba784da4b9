"""Whether confidence is what it says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import altair as alt

from ltdsl.report.charts import theme

if TYPE_CHECKING:
    from ltdsl.runs.evaluation import Bin


def reliability(bins: Sequence[Bin]) -> dict[str, Any]:
    """Accuracy of the images of each bin of confidence, against that confidence."""
    values = _rows(bins)
    x = alt.X(
        "left:Q",
        title=None,
        scale=alt.Scale(domain=[0, 100], nice=False),
        axis=alt.Axis(labels=False, tickCount=5),
    )
    y = alt.Y("accuracy:Q", title=None, scale=alt.Scale(domain=[0, 100]))
    base = alt.Chart(theme.rows(values)).encode(x, alt.X2("right:Q"), tooltip=_tips())
    bars = base.mark_rect(fill=theme.SERIES[0], stroke=theme.PAPER, strokeWidth=1).encode(
        y, y2=alt.Y2Datum(0)
    )
    gap = base.mark_rule(color=theme.SERIES[1], strokeWidth=2.5, aria=False).encode(
        alt.X("confidence:Q"), alt.Y("accuracy:Q"), alt.Y2("confidence:Q")
    )
    gap.encoding.x2 = alt.Undefined
    ideal = (
        alt.Chart(theme.rows([{"at": 0}, {"at": 100}]))
        .mark_line(color=theme.INK, strokeDash=[4, 3], strokeWidth=1.2, aria=False)
        .encode(alt.X("at:Q"), alt.Y("at:Q"))
    )
    worst = max(values, key=lambda row: abs(row["accuracy"] - row["confidence"]), default=None)
    description = "Accuracy against confidence"
    if worst:
        description += (
            f"; furthest apart at confidence {worst['confidence']:.0f} %, "
            f"where {worst['accuracy']:.0f} % are right"
        )
    return theme.finished(description, 240, bars, gap, ideal)


def confidences(bins: Sequence[Bin]) -> dict[str, Any]:
    """How many images have which confidence."""
    chart = (
        alt.Chart(theme.rows(_rows(bins)))
        .mark_rect(fill=theme.MUTED, fillOpacity=0.6)
        .encode(
            alt.X(
                "left:Q",
                title="confidence, %",
                scale=alt.Scale(domain=[0, 100], nice=False),
                axis=alt.Axis(tickCount=5),
            ),
            alt.X2("right:Q"),
            alt.Y("images:Q", title=None, axis=alt.Axis(format=",d", tickCount=2)),
            y2=alt.Y2Datum(0),
            tooltip=_tips(),
        )
    )
    return theme.finished("Test images by confidence", 70, chart)


def _rows(bins: Sequence[Bin]) -> list[dict[str, Any]]:
    return [
        {
            "left": found.above,
            "right": found.to,
            "range": f"{found.above:.0f} to {found.to:.0f} %",
            "images": found.count,
            "accuracy": found.accuracy,
            "confidence": found.confidence,
        }
        for found in bins
        if found.count and found.accuracy is not None and found.confidence is not None
    ]


def _tips() -> list[alt.Tooltip]:
    return [
        theme.tip("range", "confidence"),
        theme.tip("images", "images", ",d"),
        theme.tip("accuracy", "accuracy, %", ".1f"),
        theme.tip("confidence", "mean confidence, %", ".1f"),
    ]
