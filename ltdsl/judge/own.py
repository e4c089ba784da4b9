"""One's own runs nearest to a recipe, and what they would change first: beside published rows, never among them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rich.table import Table
from rich.text import Text

from ltdsl.evidence.combination import Combination, describe, distance, of_plan
from ltdsl.evidence.neighbours import STEPS
from ltdsl.judge.comparable import of_plan as plan_key
from ltdsl.judge.comparable import unlike
from ltdsl.judge.groups import Group, Which, grouped
from ltdsl.judge.pairs import Pair, judge, read_group, which_epoch
from ltdsl.judge.shares import shares
from ltdsl.runs.errors import UnreadableError
from ltdsl.runs.reading import Run, found_runs, is_run

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ltdsl.plan import Plan


class Own(NamedTuple):
    """A recipe of one's own that was trained, and how many changes it is away."""

    group: Group
    combination: Combination
    changes: float


def nearest_own(plan: Plan, folders: Sequence[Path]) -> tuple[list[Own], int]:
    """Recipes that were trained on a plan's images, nearest first, and how many runs are of others.

    Runs count that are finished and whose data set, validation part and choice of images are the plan's.

    Args:
        plan: What is to be trained.
        folders: Runs, and folders that hold some.
    """
    runs = [Run(path) for path in found_runs(folders) if is_run(path)]
    fit = [run for run in runs if run.evaluation and run.plan and _on_same(run.plan, plan)]
    combination = of_plan(plan)
    found = [
        Own(group, theirs, distance(combination, theirs))
        for group in grouped(fit)
        if group.plan and (theirs := of_plan(group.plan))
    ]
    found.sort(
        key=lambda own: (
            own.changes,
            len(_otherwise(plan, own.group)),
            own.group.plan is not None and abs(own.group.plan.epochs - plan.epochs),
        )
    )
    return found, len(runs) - len(fit)


def _on_same(one: Plan, other: Plan) -> bool:
    return all(
        getattr(one, name) == getattr(other, name)
        for name in ("dataset", "validation", "split_seed")
    )


def _otherwise(plan: Plan, group: Group) -> tuple[str, ...]:
    """What a group of runs differs in from a plan beside its tricks."""
    return unlike(plan_key(plan, "last"), plan_key(group.plan, "last")) if group.plan else ()


def own_advice(plan: Plan, folders: Sequence[Path], shown: int) -> Iterator[RenderableType]:
    """The nearest runs of one's own, and what they would change first.

    Args:
        plan: What is to be trained.
        folders: Runs, and folders that hold some.
        shown: How many recipes.
    """
    near, others = nearest_own(plan, folders)
    yield Text(
        f"\nYour own runs on {plan.dataset}, in {', '.join(map(str, folders))}", style="bold"
    )
    if near:
        which = which_epoch([run for own in near for run in own.group.runs])
        yield _table(plan, near[:shown], which)
        yield Text(_change(near, which))
    else:
        yield Text("None is finished that was trained and tested on these images.")
    if others:
        yield Text(f"Not among them: {others} of other images, or not finished.", style="dim")
    yield Text(
        "Figures of your own are never comparable with published ones; intervals of 95 % are over images where there "
        "is one seed.",
        style="dim",
    )


def _table(plan: Plan, near: Iterable[Own], which: Which) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("changes", justify="right")
    table.add_column("top-1 error", justify="right")
    table.add_column("seeds", justify="right")
    table.add_column("combination", overflow="fold")
    table.add_column("runs", overflow="fold")
    table.add_column("otherwise", overflow="fold")
    for own in near:
        runs = own.group.runs
        names = runs[0].name + (f" and {len(runs) - 1} more" if len(runs) > 1 else "")
        table.add_row(
            f"{own.changes:g}",
            _error(own.group, which),
            str(len(runs)),
            Text(describe(own.combination)),
            Text(names),
            Text("; ".join(_otherwise(plan, own.group))),
        )
    return table


def _error(group: Group, which: Which) -> str:
    spread = group.spread(which, lambda figures: figures.top1_error)
    if spread is None:
        return "–"
    if spread.deviation is not None:
        return f"{spread.mean:.2f} ± {spread.deviation:.2f} %"
    share = shares(group.figures(which)[0]).get("error")
    return f"{spread.mean:.2f} %" + (f" [{share.low:.1f}, {share.high:.1f}]" if share else "")


def _change(near: Sequence[Own], which: Which) -> str:
    """The fewest steps from the nearest recipe to one that is better beyond doubt, of several the best."""
    base, *rest = near
    steps = [
        (own, distance(base.combination, own.combination))
        for own in rest
        if 0 < distance(base.combination, own.combination) <= STEPS
    ]
    try:
        judged = [read_group(own.group, which) for own in (base, *(own for own, _ in steps))]
    except UnreadableError as error:
        return f"Nothing is claimed of differences: {error}." + (
            f" ({error.hint})" if error.hint else ""
        )
    pairs = judge(judged, 0, which) if steps else []
    better = [
        (changes, pair, own)
        for (own, changes), pair in zip(steps, pairs, strict=True)
        if _is_better(pair)
    ]
    if not better:
        return f"None within {STEPS} changes of the nearest is better in top-1 error beyond doubt."
    _, pair, own = min(better, key=lambda each: (each[0], _gain(each[1])))
    start = "What they would change first" if base.changes == 0 else "From the nearest on, first"
    return (
        f"{start}: `{describe(base.combination)}` to `{describe(own.combination)}`: {pair.claim()}."
    )


def _is_better(pair: Pair) -> bool:
    return not pair.not_comparable and any(
        each.figure == "error" and each.is_one and each.better for each in pair.differences
    )


def _gain(pair: Pair) -> float:
    return next(each.interval.difference for each in pair.differences if each.figure == "error")
