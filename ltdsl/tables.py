"""Plans and results as tables for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from ltdsl.plan import Plan, StagePlan

#: The class in the middle and both ends, named in this order wherever three figures stand for all classes.
ENDS = "head · middle · tail"


def headline(plan: Plan) -> str:
    """Two lines: data and protocol."""
    counts = plan.class_counts
    validation = f", {plan.validation:.3g} of them for validation" if plan.validation else ""
    return (
        f"{plan.dataset}: {len(counts)} classes, {sum(counts):,} training images{validation}; "
        f"a class has {max(counts):,} down to {min(counts):,}\n"
        f"{plan.model}, {plan.epochs} epochs, seed {plan.seed}"
        + (f", best epoch by {plan.best_on} error" if plan.best_on else "")
    )


def plan_table(plan: Plan) -> Table:
    """Stages side by side, one column each."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("")
    for stage in plan.stages:
        table.add_column(stage.name, overflow="fold")
    columns = [_column(plan, stage) for stage in plan.stages]
    for label in columns[0]:
        table.add_row(Text(label, style="dim"), *(column[label] for column in columns))
    return table


def _column(plan: Plan, stage: StagePlan) -> dict[str, str]:
    counts = plan.class_counts
    draws = stage.sampler.draws(counts)
    shares = _mean_shares(plan, stage)
    weights = stage.loss.class_weights(counts) or (1.0,) * len(counts)
    loss_shares = [share * weight for share, weight in zip(shares, weights, strict=True)]
    total = sum(loss_shares)
    optimizer = str(stage.optimizer) if stage.fresh_optimizer else "continues"
    return {
        "epochs": f"{stage.start} to {stage.end - 1} ({stage.epochs})",
        "starts from": "initial weights" if stage.start == 0 else f"{stage.handoff} weights",
        "sampler": str(stage.sampler),
        "mixer": str(stage.mixer or "–"),
        "loss": str(stage.loss),
        "other": ", ".join(map(str, filter(None, (stage.classifier, stage.teacher, stage.posthoc))))
        or "–",
        "augment": ", ".join(map(str, stage.augment)) or "–",
        "optimizer": optimizer,
        "learning rate": f"{stage.rates[0][1]:.4g} → {stage.rates[-1][1]:.4g}",
        "batch": f"{stage.batch_size} images, {draws // stage.batch_size} steps an epoch",
        "draws of a class": _ends([f"{draws * share:,.0f}" for share in shares], counts),
        "share of the loss": _ends([f"{100 * s / total:.2g} %" for s in loss_shares], counts),
    }


def _mean_shares(plan: Plan, stage: StagePlan) -> list[float]:
    """Each class's share of the stage's draws; those of a sampler that changes are averaged over its epochs."""
    sampler = stage.sampler
    times = {
        sampler.passed(epoch, stage.start, stage.end, plan.epochs)
        for epoch in range(stage.start, stage.end)
    }
    columns = zip(*(sampler.class_shares(plan.class_counts, time) for time in times), strict=True)
    return [sum(column) / len(times) for column in columns]


def _ends(values: list[str], counts: tuple[int, ...]) -> str:
    """The values of the most frequent, the median and the rarest class."""
    order = sorted(range(len(counts)), key=lambda c: -counts[c])
    return " · ".join(values[order[i]] for i in (0, len(order) // 2, -1))


def result_table(result: Mapping[str, Any]) -> Table:
    """The closing table of a run: figures of the last and the best epoch."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("")
    for name in ("epoch", "top-1 error", "macro recall", "many", "medium", "few", "calibration"):
        table.add_column(name, justify="right")
    for which in ("last", "best"):
        if which in result:
            figures = result[which]
            groups = [figures["groups"][name]["accuracy"] for name in ("many", "medium", "few")]
            error = figures["expected_calibration_error"]
            table.add_row(
                f"best by {result['best_on']} error" if which == "best" else which,
                str(figures["epoch"] + 1),
                f"{figures['top1_error']:.2f} %",
                f"{figures['macro_recall']:.2f} %",
                *("–" if value is None else f"{value:.2f} %" for value in groups),
                f"{error:.2f} %",
            )
    return table
