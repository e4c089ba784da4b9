"""What `ltdsl plan --details` adds: steps, the learning rate over time, and what each class gets, as plots."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import Literal

from ltdsl.display.plots import Ink, columns_of, plot, ruler
from ltdsl.display.stages import mean_shares, training_counts
from ltdsl.plan import Plan, StagePlan
from ltdsl.wording import counted

#: A learning rate that falls by more is drawn on a logarithmic scale.
_LOG_FROM = 20


def details(plan: Plan, width: int, style: Ink) -> Iterator[str]:
    """The lines, none wider than ``width``.

    Args:
        plan: What to describe.
        width: That of the terminal.
        style: Characters to plot with.
    """
    if plan.class_counts is None:
        yield from _rates(plan, width, style)
        return
    yield from _steps(plan)
    yield ""
    yield from _rates(plan, width, style)
    counts = training_counts(plan)
    order = sorted(range(len(counts)), key=lambda c: -counts[c])
    yield ""
    yield "expected draws of a class in an epoch"
    for title, stage in _distinct(plan, "sampler"):
        draws = stage.sampler.draws(counts)
        shares = mean_shares(plan, stage)
        mean = ", mean over the stage" if _changes(plan, stage) else ""
        yield from _title(f"{title}: {stage.sampler}{mean}", width)
        yield from _classes([draws * shares[c] for c in order], counts, width, style)
    yield ""
    yield "weight of a class in the loss"
    for title, stage in _distinct(plan, "loss"):
        weights = stage.loss.class_weights(counts) or (1.0,) * len(counts)
        yield from _title(f"{title}: {stage.loss}", width)
        yield from _classes([weights[c] for c in order], counts, width, style)


def _steps(plan: Plan) -> Iterator[str]:
    counts = training_counts(plan)
    rows, total = [], 0
    for stage in plan.stages:
        steps = stage.steps_per_epoch(counts)
        total += steps * stage.epochs
        rows.append((stage.name, stage.epochs, steps, steps * stage.epochs))
    wide = max(len(name) for name, *_ in rows)
    for name, epochs, steps, all_steps in rows:
        yield f"{name:<{wide}}  {_epochs(epochs)} of {counted(steps, 'step')}: {all_steps:,}"
    if len(rows) > 1:
        yield f"{'all':<{wide}}  {_epochs(plan.epochs)}, {counted(total, 'step')}"


def _epochs(number: int) -> str:
    return f"{counted(number, 'epoch'):>14}"


def _rates(plan: Plan, width: int, style: Ink) -> Iterator[str]:
    rates = [stage.rate(epoch) for stage in plan.stages for epoch in range(stage.start, stage.end)]
    positive = [rate for rate in rates if rate > 0]
    log = bool(positive) and max(positive) > _LOG_FROM * min(positive)
    yield f"learning rate of each epoch{', logarithmic' if log else ''}"
    if len(set(rates)) == 1:
        yield f"  {rates[0]:.4g} throughout"
        return
    yield from plot(rates, width, style, height=4, log=log)
    columns = columns_of(plan.epochs, width)
    starts = [(stage.start * columns // plan.epochs, stage) for stage in plan.stages]
    end = (columns, str(plan.epochs))
    yield ruler([*((at, str(stage.start)) for at, stage in starts), end], columns)
    if len(plan.stages) > 1:
        yield ruler([*((at, stage.name) for at, stage in starts), (columns, "")], columns)


def _title(text: str, width: int) -> list[str]:
    return wrap(text, width, initial_indent="  ", subsequent_indent="    ")


def _classes(
    values: Sequence[float], counts: Sequence[int], width: int, style: Ink
) -> Iterator[str]:
    """A plot from the most frequent to the rarest class."""
    if max(values) - min(values) <= 1e-9 * max(values):
        yield f"    every class {values[0]:,.4g}"
        return
    yield from plot(values, width, style)
    columns = columns_of(len(values), width)
    ends = (f"head, {counted(max(counts), 'image')}", f"tail, {min(counts):,}")
    yield ruler([(0, ends[0]), (columns, ends[1])], columns)


def _distinct(plan: Plan, kind: Literal["sampler", "loss"]) -> list[tuple[str, StagePlan]]:
    """A stage for each different sampler or loss, with the names of all stages that share it.

    A sampler that changes with time is another one in each stage.
    """
    found: list[tuple[list[str], StagePlan]] = []
    for stage in plan.stages:
        for names, other in found:
            same = getattr(other, kind) == getattr(stage, kind)
            if same and not (kind == "sampler" and _changes(plan, stage)):
                names.append(stage.name)
                break
        else:
            found.append(([stage.name], stage))
    return [(", ".join(names), stage) for names, stage in found]


def _changes(plan: Plan, stage: StagePlan) -> bool:
    """True where the sampler's distribution is another one at the stage's end."""
    times = (stage.start, stage.end, plan.epochs)
    first, last = (stage.sampler.passed(at, *times) for at in (stage.start, stage.end - 1))
    return first != last
