"""Which class is taken for which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt

from ltdsl.report.charts import theme


def matrix(
    cells: Sequence[tuple[int, int, int]], names: Sequence[str], band: bool = False
) -> dict[str, Any]:
    """Confusion as shares of each row.

    Args:
        cells: (label, prediction, images) of the cells that are not zero.
        names: Of rows and columns, in their order.
        band: True where rows are bands of classes.
    """
    totals = [0] * len(names)
    for label, _, images in cells:
        totals[label] += images
    # numbers come first, so that two classes of one name stay two
    keys = [f"{number}\N{INFORMATION SEPARATOR ONE}{name}" for number, name in enumerate(names)]
    values = [
        {
            "label": keys[label],
            "prediction": keys[prediction],
            "from": names[label],
            "to": names[prediction],
            "images": images,
            "share": 100 * images / totals[label],
        }
        for label, prediction, images in cells
    ]
    what = "bands" if band else "classes"
    axis: dict[str, Any] = {
        "labelExpr": "split(datum.label, '\\u001f')[1]",
        "labelLimit": 120,
        "domain": False,
        "ticks": False,
        "minExtent": 0,
        "maxExtent": 140,
        "labelOverlap": False,
        "grid": False,
    }
    scale = alt.Scale(domain=keys)
    angle = 0 if max(map(len, names)) <= 3 else -90
    across = alt.Axis(labelAngle=angle, **axis)
    x = alt.X("prediction:N", title="predicted", sort=keys, scale=scale, axis=across)
    y = alt.Y("label:N", title="true", sort=keys, scale=scale, axis=alt.Axis(**axis))
    base = alt.Chart(theme.rows(values)).encode(x, y)
    cell = base.mark_rect(fill=theme.SERIES[0], stroke=theme.PAPER, strokeWidth=1).encode(
        fillOpacity=alt.FillOpacity(
            "share:Q",
            scale=alt.Scale(type="sqrt", domain=[0, 100], range=[0, 1]),
            legend=None,
        ),
        tooltip=[
            theme.tip("from", "true"),
            theme.tip("to", "predicted"),
            theme.tip("images", "images", ",d"),
            theme.tip("share", "share of the true class, %", ".1f"),
        ],
    )
    layers = [cell]
    if len(names) <= 12:
        layers.append(
            base.mark_text(fontSize=11, aria=False).encode(
                alt.Text("share:Q", format=".0f"),
                color=alt.condition(
                    "datum.share > 40", alt.value(theme.PAPER), alt.value(theme.INK)
                ),
            )
        )
    right = sum(images for label, prediction, images in cells if label == prediction)
    description = (
        f"Confusion of {len(names)} {what}: {100 * right / max(1, sum(totals)):.1f} % of the images "
        f"lie on the diagonal"
    )
    height = max(220, min(560, 36 * len(names)))
    return theme.finished(description, height, *layers)
