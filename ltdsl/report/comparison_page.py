"""The comparison of several runs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ltdsl.compare import Comparison, compare
from ltdsl.judge.groups import Group, Which, grouped, plus_minus, without_seed
from ltdsl.report.charts import compared
from ltdsl.report.charts.classes import neighbours
from ltdsl.report.charts.theme import SERIES
from ltdsl.report.judged import bases
from ltdsl.report.notes import Note, about_groups, chosen_on, notes
from ltdsl.report.page import render
from ltdsl.runs.layout import REPORT

if TYPE_CHECKING:
    from ltdsl.runs.evaluation import Figures
    from ltdsl.runs.reading import Run

_Get = Callable[["Figures"], "float | None"]

#: What groups are compared by.
METRICS: dict[str, _Get] = {
    "top-1 error": lambda figures: figures.top1_error,
    "macro recall": lambda figures: figures.macro_recall,
    "many": lambda figures: _accuracy(figures, "many"),
    "medium": lambda figures: _accuracy(figures, "medium"),
    "few": lambda figures: _accuracy(figures, "few"),
    "ECE": lambda figures: figures.expected_calibration_error,
}

#: Those that are plotted.
PLOTTED = ("top-1 error", "many", "medium", "few")


@dataclass(frozen=True)
class Difference:
    """How a group's plan differs from the first one's."""

    group: Group
    comparison: Comparison


def comparison_page(runs: Sequence[Run], out: Path) -> str:
    """The page's HTML.

    Args:
        runs: At least one.
        out: Where the page will be, which links to the runs' own reports start from.
    """
    groups = grouped(runs)
    results = list(_results(groups))
    held, missing = bases(groups)
    return render(
        "comparison.html",
        dict(_charts(groups, results)),
        {},
        title=f"Comparison of {len(runs)} runs – ltdsl report",
        groups=groups,
        runs=[(group, run, _link(run, out)) for group in groups for run in group.runs],
        repeated=[(group, run, _link(run, out)) for group in groups for run in group.repeated],
        results=results,
        metrics=list(METRICS),
        bases=held,
        missing=missing,
        plotted=PLOTTED,
        differences=_differences(groups),
        notes=list(_notes(groups)),
        series=len(SERIES),
    )


def _accuracy(figures: Figures, name: str) -> float | None:
    group = figures.groups.get(name)
    return group.accuracy if group else None


def _results(groups: Sequence[Group]) -> Iterator[dict[str, Any]]:
    """A table for the last epochs, and one for the best ones where there are any."""
    titles: dict[Which, str] = {"last": "last epoch", "best": "best epoch"}
    for which, title in titles.items():
        if any(group.figures(which) for group in groups):
            rows = [
                (
                    group,
                    len(group.figures(which)),
                    [plus_minus(group.spread(which, of)) for of in METRICS.values()],
                )
                for group in groups
            ]
            yield {"key": which, "title": title, "rows": rows}


def _charts(
    groups: Sequence[Group], results: Sequence[dict[str, Any]]
) -> Iterator[tuple[str, dict[str, Any]]]:
    epochs = [epoch for group in groups for run in group.runs for epoch in run.metrics]
    if epochs:
        yield "error", compared.curve(groups, "top1_error", "top-1 error, %", zero=True)
        if any(epoch.is_imbalanced for epoch in epochs):
            yield "recall", compared.curve(groups, "macro_recall", "macro recall, %")
        yield "loss", compared.curve(groups, "loss", "training loss")
    for key in (result["key"] for result in results):
        for name in PLOTTED:
            yield (
                f"{name}-{key}",
                compared.dots(groups, key, METRICS[name], name),
            )
        # single classes have nothing to do with their neighbours: a table says what they gained and lost
        if any(neighbours(len(f.per_class)) > 1 for g in groups for f in g.figures(key)):
            tails = compared.tails(groups, key)
            if tails is not None:
                yield f"tail-{key}", tails


def _differences(groups: Sequence[Group]) -> list[Difference]:
    first = groups[0].plan
    if first is None:
        return []
    return [
        Difference(group, compare(without_seed(first), without_seed(group.plan)))
        for group in groups[1:]
        if group.plan is not None
    ]


def _link(run: Run, out: Path) -> str | None:
    """The path to a run's own report from the page's folder; None where it has none."""
    report = run.path / REPORT
    if not report.is_file():
        return None
    path = os.path.relpath(report.resolve(), out.resolve().parent)
    return Path(path).as_posix()


def _notes(groups: Sequence[Group]) -> Iterator[Note]:
    runs = [run for group in groups for run in group.runs]
    unfinished = [run for run in runs if run.evaluation is None]
    if unfinished:
        names = ", ".join(run.name for run in unfinished)
        yield Note(f"Without a final evaluation, and so without figures: {names}.", "warning")
    tests = {digest for run in runs if (digest := run.facts.data_sha256.get("test"))}
    if len(tests) > 1:
        yield Note(
            "The runs were tested on different images: their errors cannot be compared.", "warning"
        )
    for group in groups:
        images = {digest for run in group.runs if (digest := run.facts.data_sha256.get("train"))}
        if len(images) > 1:
            yield Note(
                f"The runs of group {group.letter} trained on different images, although their plans are the same.",
                "warning",
            )
    if any(group.repeated for group in groups):
        yield Note(
            "A seed that occurs twice in a group counts once: the same plan and seed are the same run."
        )
    single = [group.letter for group in groups if len(group.figures("last")) == 1]
    if single:
        yield Note(
            f"One seed only, and so no standard deviation: {', '.join(single)}. A difference between recipes may be "
            "one between seeds."
        )
    on_test = [group.letter for group in groups if "test" in map(chosen_on, group.runs)]
    if on_test:
        yield Note(
            f"Best epochs of {', '.join(on_test)} were chosen on the test images themselves.",
            "warning",
        )
    yield from (Note(about) for about in dict.fromkeys(map(about_groups, runs)) if about)
    for run in runs:
        for note in notes(run, choice=False):
            if note.level == "warning" and run.evaluation is not None:
                yield Note(f"{run.name}: {note.text}", "warning")
