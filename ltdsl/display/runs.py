"""Runs in a table: how each stands, what it trained, and what came of it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import accumulate
from pathlib import Path
from typing import Any

from rich.cells import cell_len
from rich.filesize import decimal
from rich.table import Table
from rich.text import Text

from ltdsl.catalogue import CrossEntropy, InstanceBalanced
from ltdsl.plan import Plan, StagePlan
from ltdsl.runs import Run

#: Heads of the columns that have figures.
_FIGURES = ("error", "macro recall", "few", "time", "disk")

#: Space between columns, and what is left for a recipe before figures are left out.
_GAP, _RECIPE = 2, 24


def run_facts(run: Run) -> dict[str, Any]:
    """What is told of a run, as plain data; None for what is not known.

    Returns:
        ``status``; ``recipe``, its stages in a line; ``epochs`` done and ``of`` how many; of the last epoch's
        evaluation ``top1_error``, ``macro_recall`` and ``few``, in percent; ``seconds`` of training; ``bytes``.
    """
    plan, last = run.plan, run.evaluation.last if run.evaluation else None
    few = last.groups.get("few") if last else None
    taken = run.facts.from_cache
    return {
        "run": str(run.path),
        "status": run.facts.status,
        "recipe": in_a_line(plan) if plan else None,
        "epochs": len(run.metrics),
        "of": plan.epochs if plan else None,
        "from_cache": taken.epochs if taken else 0,
        "top1_error": last.top1_error if last else None,
        "macro_recall": last.macro_recall if last else None,
        "few": few.accuracy if few else None,
        "seconds": sum(each.seconds or 0.0 for each in run.metrics[taken.epochs if taken else 0 :]),
        "bytes": sum(_sizes(run)),
    }


def _sizes(run: Run) -> Iterator[int]:
    """Bytes of each of a run's files; no link is followed."""
    for folder, _, names in os.walk(run.path):
        for name in names:
            with suppress(OSError):  # just removed
                yield (Path(folder) / name).lstat().st_size


def in_a_line(plan: Plan) -> str:
    """A plan's stages as a recipe would write them, without arguments: ``input_mixup; cam_bs + cs_ce @ epoch 160``."""
    return "; ".join(
        _tricks(stage) + (f" @ epoch {stage.start}" if stage.start else "") for stage in plan.stages
    )


def _tricks(stage: StagePlan) -> str:
    named = (
        stage.mixer,
        None if isinstance(stage.sampler, InstanceBalanced) else stage.sampler,
        None if isinstance(stage.loss, CrossEntropy) else stage.loss,
        stage.classifier,
        stage.teacher,
        stage.posthoc,
    )
    return " + ".join(trick.name for trick in named if trick is not None) or stage.loss.name


def runs_table(facts: Sequence[dict[str, Any]], width: int) -> Table:
    """The facts of runs, a row each; names are whole however narrow it is, since they are copied.

    Args:
        facts: Of each run.
        width: Columns of the terminal: figures that find no room beside names are left out, the last ones first, which
            is said below.
    """
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
    figures = [_figures(each) for each in facts]
    whole = [[each["run"] for each in facts], [_status(each) for each in facts]]
    columns = [[head, *(row[place] for row in figures)] for place, head in enumerate(_FIGURES)]
    widths = [max(map(cell_len, cells)) + _GAP for cells in [*whole, *columns]]
    recipe = min(_RECIPE, max(len(each["recipe"] or "?") for each in facts))
    least = widths[0] + widths[1] + recipe + _GAP
    shown = sum(taken <= width - least for taken in accumulate(widths[2:]))
    table.width = (
        least if least > width else None
    )  # lines that are too long before names that are cut
    table.add_column("run", no_wrap=True, min_width=widths[0] - _GAP)
    table.add_column("status", no_wrap=True, min_width=widths[1] - _GAP)
    table.add_column("recipe", overflow="fold", min_width=recipe)
    for head in _FIGURES[:shown]:
        table.add_column(head, justify="right", no_wrap=True)
    if shown < len(_FIGURES):
        table.caption = f"no room here for: {', '.join(_FIGURES[shown:])}"
        table.caption_justify, table.caption_style = "left", "dim"
    for each, row in zip(facts, figures, strict=True):
        table.add_row(Text(each["run"]), _status(each), Text(each["recipe"] or "?"), *row[:shown])
    return table


def _figures(facts: dict[str, Any]) -> list[str]:
    shares = [_percent(facts[name]) for name in ("top1_error", "macro_recall", "few")]
    return [*shares, _time(facts["seconds"]), decimal(facts["bytes"])]


def _status(facts: dict[str, Any]) -> str:
    status = facts["status"] or "unknown"
    if status == "finished" or facts["of"] is None:
        return str(status)
    return f"{status} {facts['epochs']}/{facts['of']}"


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"
