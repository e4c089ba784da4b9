"""The report of one run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ltdsl.display.stages import chosen_by, stage_facts
from ltdsl.judge.shares import class_scores, macro_f1, shares
from ltdsl.report.charts import calibration, classes, confusion, curves
from ltdsl.report.charts.theme import logarithmic
from ltdsl.report.confusions import MOST_CLASSES, Confusions, confusions
from ltdsl.report.notes import notes
from ltdsl.report.page import inline_picture, percent, render
from ltdsl.runs.errors import UnreadableError
from ltdsl.runs.layout import PREDICTIONS
from ltdsl.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from typing import TypeAlias

    from ltdsl.judge.mistakes import Mistake
    from ltdsl.judge.ranking import Ranking
    from ltdsl.judge.shares import Share
    from ltdsl.judge.temperature import Tempered
    from ltdsl.plan import Plan
    from ltdsl.runs.evaluation import Figures, GroupFigures
    from ltdsl.runs.facts import Continuation, Facts
    from ltdsl.runs.reading import Run

    Pictures: TypeAlias = Callable[[Collection[int]], Mapping[int, bytes]]
    """Places in the test part -> PNG files of these images."""


@dataclass(frozen=True)
class Result:
    """The figures of one checkpoint.

    Attributes:
        key: ``last`` or ``best``.
        title: What it is called.
        figures: Its figures.
        confusions: Its mistakes, as the page shows them.
        shares: Its figures with their intervals.
        ranking: What its logits tell, where they are kept.
        tempered: What a temperature does to its confidences, where logits of both parts are kept.
        surest: The mistakes that it was surest of, where predictions are kept.
    """

    key: str
    title: str
    figures: Figures
    confusions: Confusions | None
    shares: dict[str, Share]
    ranking: Ranking | None
    tempered: Tempered | None
    surest: list[Mistake]

    def cell(self, name: str) -> str:
        """A figure in percent; a dash where there is none."""
        figures = self.figures
        given: dict[str, float | None] = {
            "error": figures.top1_error,
            "macro_recall": figures.macro_recall,
            "ece": figures.expected_calibration_error,
            "f1": macro_f1(class_scores(figures)),
            "top5": self.ranking.top5_error if self.ranking else None,
            "auroc": self.ranking.auroc if self.ranking else None,
        }
        if name in figures.groups:
            return percent(figures.groups[name].accuracy)
        return percent(given.get(name))

    def interval(self, name: str) -> str:
        """``24.1–26.8``; empty where it is not known."""
        share = self.shares.get(name)
        return "" if share is None else f"{share.low:.1f}–{share.high:.1f}"


def run_page(run: Run, pictures: Pictures | None = None) -> str:
    """The page's HTML.

    Args:
        run: The run.
        pictures: Where test images are from, for a page that is to show some.
    """
    plan = run.plan
    results = list(_results(run))
    seen = pictures({each.image for r in results for each in r.surest}) if pictures else {}
    charts = dict(_charts(run, results))
    return render(
        "run.html",
        charts,
        _table(results),
        title=f"{run.name} – ltdsl report",
        run=run,
        plan=plan,
        lead=_lead(plan) if plan else [],
        facts=[(stage.name, stage_facts(plan, stage)) for stage in plan.stages] if plan else [],
        evaluation=run.evaluation,
        results=results,
        rows=_rows(results),
        latex=[_latex(run, result) for result in results],
        log_images=bool(results)
        and logarithmic([c.train_images for c in results[0].figures.per_class]),
        classes=len(results[0].figures.per_class) if results else 0,
        measured_on=next((e.measured_on for e in reversed(run.metrics) if e.measured_on), ""),
        some_evaluated=len({epoch.is_evaluated for epoch in run.metrics}) > 1,
        galleries=[
            {"about": picture.about, "source": inline_picture(picture.kind, picture.content)}
            for picture in run.pictures
        ],
        pictures={place: inline_picture("image/png", content) for place, content in seen.items()},
        notes=notes(run),
        origin=list(_origin(run)),
    )


def _lead(plan: Plan) -> list[str]:
    """Data and protocol, in two lines."""
    counts = plan.class_counts
    known = counts and (
        f": {counted(sum(counts), 'training image')} in {counted(len(counts), 'class')} of {max(counts):,} down to "
        f"{min(counts):,}"
    )
    return [
        f"{plan.dataset}{known or ''}",
        f"{plan.model}, {counted(plan.epochs, 'epoch')}, seed {plan.seed}",
    ]


def _results(run: Run) -> Iterator[Result]:
    evaluation = run.evaluation
    if evaluation is None:
        return
    titles = {"last": "last epoch", "best": chosen_by(evaluation.best_on, evaluation.best_by)}
    for which, figures in (("last", evaluation.last), ("best", evaluation.best)):
        if figures is not None:
            yield Result(
                which,
                titles[which],
                figures,
                confusions(figures),
                shares(figures),
                *_kept(run, "last" if which == "last" else "best", len(figures.calibration)),
            )


def _kept(
    run: Run, which: Literal["last", "best"], bins: int
) -> tuple[Ranking | None, Tempered | None, list[Mistake]]:
    """What kept predictions tell; nothing where there are none, or they are damaged."""
    if not (run.path / PREDICTIONS).is_dir():
        return None, None, []
    from ltdsl.judge.mistakes import surest
    from ltdsl.judge.ranking import ranking
    from ltdsl.judge.temperature import tempered

    try:
        fitted = tempered(run.path, which, bins) if bins else None
        return ranking(run.path, which), fitted, surest(run, which)
    except UnreadableError:
        return None, None, []


#: Rows of the results, the most telling first, with what they are.
_FIGURES = {
    "error": ("top-1 error", ""),
    "macro_recall": ("macro recall", "mean of the classes’ accuracies"),
    "few": ("few", ""),
    "medium": ("medium", ""),
    "many": ("many", ""),
    "top5": ("top-5 error", ""),
    "f1": ("macro F1", "mean of the classes’"),
    "auroc": ("AUROC", "mean of the classes’, each against all others"),
    "ece": ("ECE", "expected calibration error"),
}


def _rows(results: list[Result]) -> list[tuple[str, str, str]]:
    """Rows of the table of results that say something: their key, name and what they are."""
    groups = {group["name"]: group for group in _groups(results)}
    found = []
    for key, (name, about) in _FIGURES.items():
        if key in groups:
            group = groups[key]
            number = group["classes"]
            about = counted(number, "class")
            images = group["images"]  # a range
            about += f", {images} {'image' if images == '1' else 'images'}" if images else ""
        if any(result.cell(key) != "–" for result in results):
            found.append((key, name, about))
    return found


def _latex(run: Run, result: Result) -> str:
    """A row of a table: error, macro recall, many, medium and few."""
    keys = ("error", "macro_recall", "many", "medium", "few")
    cells = [result.cell(key).rstrip("%").rstrip() for key in keys]
    name = "".join(_LATEX.get(sign, sign) for sign in f"{run.name}, {result.title}")
    return " & ".join([name, *("--" if cell == "–" else cell for cell in cells)]) + r" \\"


#: What LaTeX reads as something else.
_LATEX = {
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "\\": r"\textbackslash{}",
}


def _groups(results: list[Result]) -> list[dict[str, Any]]:
    found: dict[str, GroupFigures] = results[0].figures.groups if results else {}
    known = [name for name in ("many", "medium", "few") if name in found]
    order = classes.ranked(results[0].figures.per_class) if results else None
    ends = {name: (start, end) for name, start, end in order.groups} if order else {}
    groups = []
    for name in known:
        images = ""
        if order and name in ends and found[name].classes == ends[name][1] - ends[name][0]:
            head, tail = order.classes[ends[name][0]], order.classes[ends[name][1] - 1]
            spread = sorted({tail.train_images, head.train_images})
            images = "–".join(f"{number:,}" for number in spread)
        groups.append({"name": name, "classes": found[name].classes, "images": images})
    return groups


def _charts(run: Run, results: list[Result]) -> Iterator[tuple[str, dict[str, Any]]]:
    if run.plan:
        yield "rates", curves.learning_rate(run.plan)
    best = run.evaluation.best.epoch if run.evaluation and run.evaluation.best else None
    shown = run.metrics, run.plan
    if _known(run, "loss"):
        yield "loss", curves.measured(*shown, "loss", "training loss", ".4f", names=True)
    if _known(run, "top1_error"):
        error = "top1_error", "top-1 error, %", ".2f"
        yield "error", curves.measured(*shown, *error, best=best, zero=True)
    if any(epoch.is_imbalanced for epoch in run.metrics):  # elsewhere it is 100 % less the error
        recall = "macro_recall", "macro recall, %", ".2f"
        yield "recall", curves.measured(*shown, *recall, best=best)
    if _known(run, "lr") and not run.plan:
        yield "lr", curves.measured(*shown, "lr", "learning rate", ".3~g", zero=True)
    for result in results:
        key, figures, mistakes = result.key, result.figures, result.confusions
        if figures.per_class:
            order = classes.ranked(figures.per_class)
            yield f"images-{key}", classes.histogram(order, key)
            yield f"accuracy-{key}", classes.accuracy(order, key)
        if mistakes:
            yield (
                f"confusion-{key}",
                confusion.matrix(mistakes.cells, mistakes.names, mistakes.banded),
            )
        if figures.calibration:
            yield f"reliability-{key}", calibration.reliability(figures.calibration)
            yield f"confidences-{key}", calibration.confidences(figures.calibration)
        if result.tempered:
            yield f"tempered-{key}", calibration.reliability(result.tempered.bins)


def _known(run: Run, name: str) -> bool:
    """True where any epoch has a figure."""
    return any(getattr(epoch, name) is not None for epoch in run.metrics)


def _table(results: list[Result]) -> dict[str, Any]:
    """The table of classes, from head to tail."""
    if not results or not results[0].figures.per_class:
        return {}
    orders = {result.key: classes.ranked(result.figures.per_class) for result in results}
    first = next(iter(orders.values()))
    accuracies = {
        key: [
            None if row.accuracy is None or not row.test_images else round(row.accuracy, 2)
            for row in order.classes
        ]
        for key, order in orders.items()
        if len(order.classes) == len(first.classes)
    }
    table = classes.columns(first, accuracies)
    for result in results:
        scores = class_scores(result.figures)
        if result.key in accuracies and scores:
            order = sorted(
                range(len(scores)), key=lambda c: -result.figures.per_class[c].train_images
            )
            for name in ("precision", "f1"):
                values = [getattr(scores[c], name) for c in order]
                table.setdefault("more", {})[f"{name.replace('f1', 'F1')} {result.key}"] = [
                    None if value is None else round(value, 2) for value in values
                ]
    mistakes = {r.key: pairs for r in results if r.confusions and (pairs := _mistakes(r.figures))}
    return table | {"mistakes": mistakes}


#: Mistakes that can be searched, at most: the most frequent ones.
_MOST_MISTAKES = 5000


def _mistakes(figures: Figures) -> dict[str, list[int]]:
    """Cells of a confusion matrix that is too large to be shown, by the classes' places from head to tail."""
    cells, number = figures.confusion, len(figures.per_class)
    if cells is None or number <= MOST_CLASSES:
        return {}
    order = sorted(range(number), key=lambda c: -figures.per_class[c].train_images)
    place = {c: rank for rank, c in enumerate(order)}
    wrong = [
        (-count, place[label], place[prediction])
        for label, prediction, count in zip(
            cells.label, cells.prediction, cells.count, strict=False
        )
        if label != prediction
    ]
    found = sorted(wrong)[:_MOST_MISTAKES]
    return {
        "label": [label for _, label, _ in found],
        "prediction": [prediction for _, _, prediction in found],
        "count": [-count for count, _, _ in found],
    }


def _origin(run: Run) -> Iterator[tuple[str, str]]:
    facts = run.facts
    yield "status", facts.status or "unknown"
    for term, value in (
        ("started", facts.started),
        ("device", _device(facts)),
        ("platform", facts.platform),
        ("seed", facts.seed),
        ("seed of the choice of images", facts.split_seed),
    ):
        if value is not None:
            yield term, str(value)
    if facts.versions:
        yield "versions", _versions(facts.versions)
    for leg in facts.continuations:
        since = "" if leg.from_epoch is None else f" from epoch {leg.from_epoch:,} on"
        parts = (leg.time, _device(leg), leg.platform, _versions(leg.versions))
        yield f"gone on with{since}", ", ".join(filter(None, parts))
    if facts.changes:
        yield "changed by --set", ", ".join(facts.changes)
    seconds = [epoch.seconds for epoch in run.metrics if epoch.seconds is not None]
    if seconds:
        yield "time spent training", _duration(sum(seconds))
    if facts.plan_sha256:
        yield "plan, SHA-256", facts.plan_sha256
    for part, digest in facts.data_sha256.items():
        yield f"{part} images, SHA-256", digest


def _device(of: Facts | Continuation) -> str | None:
    by = f" by {of.compiler}" if of.compiler else ""
    return f"{of.device}, {of.kernels} kernels{by}" if of.device and of.kernels else of.device


def _versions(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in versions.items())


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours:,} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{seconds:.1f} s"
