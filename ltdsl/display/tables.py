"""Plans and results as tables for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from rich.console import ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from ltdsl.display.console import Console
from ltdsl.display.stages import chosen_by, stage_facts
from ltdsl.longtail import about_thirds
from ltdsl.plan import Plan, StagePlan

#: What stands for signs that a terminal without Unicode does not have.
_PLAIN = str.maketrans({"–": "-", "→": "->", "·": "/"})

#: Space between columns.
_GAP = 2

#: Longer words may be broken rather than take a column's place.
_WORD = 18


class StageTable:
    """Stages side by side, one column each, in as many tables below each other as the terminal's width asks for."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The fewest tables that leave each column room for its words, or for most of the long ones."""
        stages = self.plan.stages
        columns = [
            {
                label: showable(text, console)
                for label, text in stage_facts(self.plan, stage).items()
            }
            for stage in stages
        ]
        room = options.max_width - max(map(len, columns[0])) - _GAP
        needed = [
            min(_WORD, max(len(word) for text in column.values() for word in text.split())) + _GAP
            for column in columns
        ]
        edges = [0, len(stages)]
        for parts in range(1, len(stages) + 1):
            edges = [part * len(stages) // parts for part in range(parts + 1)]
            if all(sum(needed[start:end]) <= room for start, end in pairwise(edges)):
                break
        for start, end in pairwise(edges):
            if start:
                yield Text()
            yield _side_by_side(stages[start:end], columns[start:end])


def showable(text: str, console: Console) -> str:
    """The text with signs that the console's encoding has."""
    return text.translate(_PLAIN) if console.options.ascii_only else text


def plan_table(plan: Plan) -> StageTable:
    """Stages side by side, one column each."""
    return StageTable(plan)


def _side_by_side(stages: Sequence[StagePlan], columns: Sequence[dict[str, str]]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
    table.add_column("", no_wrap=True)
    for stage in stages:
        table.add_column(stage.name, overflow="fold")
    for label in columns[0]:
        table.add_row(Text(label, style="dim"), *(column[label] for column in columns))
    return table


def about_groups(result: Mapping[str, Any]) -> str:
    """What is said below the closing table where many, medium and few are not what they are called."""
    for which in ("last", "best", "checkpoint"):
        if which in result:
            return about_thirds([each["train_images"] for each in result[which]["per_class"]])
    return ""


def show_results(console: Console, result: Mapping[str, Any]) -> None:
    """Print the closing table, and what has to be known to read it."""
    console.print(result_table(result))
    if about := about_groups(result):
        console.say(about)


def result_table(result: Mapping[str, Any]) -> Table:
    """The closing table of a run: figures of the last and the best epoch."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("")
    for name in ("epoch", "top-1 error", "macro recall", "many", "medium", "few", "calibration"):
        table.add_column(name, justify="right")
    for which in ("last", "best", "checkpoint"):
        if which in result:
            figures = result[which]
            groups = [figures["groups"][name]["accuracy"] for name in ("many", "medium", "few")]
            error = figures["expected_calibration_error"]
            before = figures.get("uncalibrated_error")
            best = which == "best"
            called = chosen_by(result["best_on"], result["best_by"]) if best else which
            table.add_row(
                called + (f", {figures['weights']} weights" if "weights" in figures else ""),
                "–" if figures["epoch"] is None else str(figures["epoch"]),
                f"{figures['top1_error']:.2f} %",
                f"{figures['macro_recall']:.2f} %",
                *("–" if value is None else f"{value:.2f} %" for value in groups),
                f"{error:.2f} %" + (f" (was {before:.2f} %)" if before is not None else ""),
            )
    return table
