"""Curves over a run's epochs, with its stages marked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import altair as alt

from ltdsl.report.charts import theme
from ltdsl.runs.model import clean

if TYPE_CHECKING:
    from ltdsl.plan import Plan
    from ltdsl.runs.metrics import Epoch


def learning_rate(plan: Plan) -> dict[str, Any]:
    """The planned learning rate of each epoch."""
    stages = [stage for stage in plan.stages for _ in range(stage.epochs)]
    rates = [stage.rate(epoch) for epoch, stage in enumerate(stages)]
    values = [{"epoch": epoch, "rate": rate} for epoch, rate in enumerate(rates)]
    values = [*values, {**values[-1], "epoch": plan.epochs}]  # a rate holds to the epoch's end
    x = epoch_axis(plan.epochs)
    line = (
        alt.Chart(theme.rows(_corners(values)))
        .mark_line(interpolate="step-after", color=theme.SERIES[0])
        .encode(x, theme.y_of("rate", rates, zero=True))
    )
    description = f"Learning rate of each epoch, from {rates[0]:.3g} to {rates[-1]:.3g}"
    return theme.finished(description, 110, *stage_bands(plan, x, True), line)


def measured(
    epochs: Sequence[Epoch],
    plan: Plan | None,
    name: str,
    title: str,
    form: str,
    best: int | None = None,
    zero: bool = False,
    names: bool = False,
) -> dict[str, Any]:
    """A figure of each epoch.

    Args:
        epochs: As they were recorded. Those without the figure are left out; where there are such, the others are dots.
        plan: For the stages.
        name: The figure's field.
        title: What it is called.
        form: How its numbers are written, in d3's notation.
        best: An epoch to mark.
        zero: Whether its scale starts at 0.
        names: Whether stages are named.
    """
    values = [
        {"epoch": epoch.epoch, "value": value, "stage": epoch.stage}
        for epoch in epochs
        if (value := getattr(epoch, name)) is not None
    ]
    known = [row["value"] for row in values]
    x = epoch_axis(max(plan.epochs if plan else 0, epochs[-1].epoch))
    base = alt.Chart(theme.rows(values)).encode(
        x, alt.Y("value:Q", title=None, scale=alt.Scale(zero=zero, nice=True))
    )
    layers = [
        *(stage_bands(plan, x, names) if plan else []),
        base.mark_line(color=theme.SERIES[0]),
        *_pointer(base, title, form),
    ]
    if len(values) == 1 or len(values) < len(epochs):
        layers.append(base.mark_point(color=theme.SERIES[0], filled=True, size=50, opacity=1))
    if best is not None:
        layers += _marked(base, best)
    description = f"{title} of each epoch"
    if len(values) < len(epochs):
        description += " that was evaluated"
    description += (
        f": {known[0]:.3g} at first, {known[-1]:.3g} at last, "
        f"and between {min(known):.3g} and {max(known):.3g}"
    )
    return theme.finished(description, 170, *layers)


def epoch_axis(last: int) -> alt.X:
    """The x axis of what is known epoch by epoch."""
    return alt.X(
        "epoch:Q",
        title="epoch",
        scale=alt.Scale(domain=[0, last], nice=False),
        axis=alt.Axis(tickMinStep=1, tickCount=10, format=",d"),
    )


def _corners(values: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """A step function without the points in the middle of its steps."""
    inner = range(1, len(values) - 1)
    kept = [i for i in inner if values[i]["rate"] != values[i - 1]["rate"]]
    return [values[i] for i in (0, *kept, len(values) - 1)]


def stage_bands(plan: Plan, x: alt.X, names: bool) -> list[alt.Chart]:
    """A plan's stages."""
    parts = [(clean(stage.name), stage.start, stage.end) for stage in plan.stages]
    return theme.bands(parts, x, names)


def _pointer(base: alt.Chart, title: str, form: str) -> list[alt.Chart]:
    """The epoch nearest to the pointer, with its figures."""
    near = alt.selection_point(
        name="near",
        fields=["epoch"],
        nearest=True,
        on="pointermove",
        clear="pointerout",
        empty=False,
    )
    tips = [
        theme.tip("epoch", "epoch", ",d"),
        theme.tip("stage", "stage"),
        theme.tip("value", title, form),
    ]
    catcher = base.mark_point(opacity=0, size=1, aria=False).encode(tooltip=tips).add_params(near)
    dot = base.mark_point(color=theme.SERIES[0], filled=True, size=60, aria=False).encode(
        opacity=alt.condition(near, alt.value(1), alt.value(0)), tooltip=tips
    )
    return [catcher, dot]


def _marked(base: alt.Chart, epoch: int) -> list[alt.Chart]:
    chosen = base.transform_filter(f"datum.epoch === {epoch}")
    ring = chosen.mark_point(
        color=theme.SERIES[1], fill=theme.PAPER, size=70, strokeWidth=2, opacity=1
    )
    text = chosen.mark_text(dy=-13, color=theme.SERIES[1]).encode(text=alt.value("best"))
    return [ring, text]
