"""A model card in Markdown (Mitchell et al., 2019): what a run's network is, and what it can be trusted with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ltdsl import __version__
from ltdsl.display.stages import chosen_by
from ltdsl.judge.shares import of_class, shares
from ltdsl.report.notes import notes
from ltdsl.wording import counted

if TYPE_CHECKING:
    from ltdsl.judge.shares import Share
    from ltdsl.runs.evaluation import Evaluation, Figures
    from ltdsl.runs.reading import Run

#: A file that holds this was written by this package, and may be written again.
MARK = "<!-- model card by ltdsl"

#: Classes that are told of one by one.
MOST_CLASSES = 10

_ROWS = {
    "error": "top-1 error",
    "macro_recall": "macro recall",
    "many": "many",
    "medium": "medium",
    "few": "few",
}


def card(run: Run) -> str:
    """The card of a run."""
    parts = [
        f"{MARK} {__version__} -->",
        f"# {_plain(run.name)}",
        *_model(run),
        "## Intended use",
        "To be filled in: who is to use the network for what, and what it must not be used for.",
        *_figures(run.evaluation),
        *_limits(run),
        *_origin(run),
    ]
    return "\n\n".join(parts) + "\n"


def _model(run: Run) -> Iterator[str]:
    plan, data = run.plan, run.facts.data
    if plan is None:
        return
    counts = plan.class_counts
    known = (
        f", {counted(sum(counts), 'training image')} in {counted(len(counts), 'class')}"
        if counts
        else ""
    )
    what, where = _plain(str(plan.model)), _plain(str(plan.dataset))
    trained = len(run.metrics) if run.metrics and run.metrics[-1].ends else plan.epochs
    yield f"A {what} that was trained on {where}{known}, for {counted(trained, 'epoch')}."
    stages = [
        f"| {_plain(stage.name)} | {stage.start}–{stage.end - 1} | "
        + _plain(
            " + ".join(str(t) for t in (stage.sampler, stage.mixer, stage.loss, stage.posthoc) if t)
        )
        + " |"
        for stage in plan.stages
    ]
    yield "## Training"
    yield "\n".join(["| stage | epochs | what is in force |", "|---|---|---|", *stages])
    if data is not None:
        view = data.view
        size = f"{view.channels} × {view.height} × {view.width}"
        yield f"Input: {size}, normalised by the mean and deviation in `run.json`."


def _figures(evaluation: Evaluation | None) -> Iterator[str]:
    yield "## Figures"
    kept = [
        (title, figures)
        for title, figures in (
            ("last epoch", evaluation.last if evaluation else None),
            (
                chosen_by(evaluation.best_on, evaluation.best_by) if evaluation else "",
                evaluation.best if evaluation else None,
            ),
        )
        if figures is not None
    ]
    if evaluation is None or not kept:
        yield "None: the run has no final evaluation."
        return
    tables = [shares(figures) for _, figures in kept]
    rows = [
        f"| {title} | " + " | ".join(_share(table.get(name)) for table in tables) + " |"
        for name, title in _ROWS.items()
        if any(name in table for table in tables)
    ]
    head = "| | " + " | ".join(title for title, _ in kept) + " |"
    images = f"{evaluation.test_images:,} " if evaluation.test_images is not None else ""
    yield (
        f"On {images}test images, in percent, with 95 % intervals over images. Many, medium and few are means of the "
        "accuracies of classes with so many training images."
    )
    yield "\n".join([head, "|---" * (len(kept) + 1) + "|", *rows])
    yield from _worst(kept[-1][1])


def _worst(figures: Figures) -> Iterator[str]:
    known = [(row, share) for row in figures.per_class if (share := of_class(row)) is not None]
    if not known:
        return
    known.sort(key=lambda pair: pair[1].value)
    rows = [
        f"| {_plain(row.name)} | {row.train_images:,} | {row.test_images:,} | {_share(share)} |"
        for row, share in known[:MOST_CLASSES]
    ]
    yield f"The {counted(len(rows), 'class')} of lowest accuracy:"
    yield "\n".join(
        ["| class | training images | test images | accuracy |", "|---|---|---|---|", *rows]
    )


def _limits(run: Run) -> Iterator[str]:
    found = notes(run)
    yield "## What to know"
    said = [_plain(note.text) for note in found]
    yield (
        "\n".join(f"- {text}" for text in said)
        if said
        else "Nothing was found that the figures do not say."
    )


def _origin(run: Run) -> Iterator[str]:
    facts = run.facts
    entries = {
        "plan, SHA-256": facts.plan_sha256,
        **{f"{part} images, SHA-256": digest for part, digest in facts.data_sha256.items()},
        "seed": facts.seed,
        "device": facts.device,
        "versions": ", ".join(f"{name} {value}" for name, value in facts.versions.items()),
    }
    yield "## Origin"
    yield "\n".join(
        f"- {name}: {_plain(str(value))}" for name, value in entries.items() if value is not None
    )


def _share(share: Share | None) -> str:
    return "–" if share is None else f"{share.value:.2f} ({share.low:.1f}–{share.high:.1f})"


def _plain(text: str) -> str:
    """Text that Markdown and HTML show as it is, in one line."""
    return re.sub(r"([\\`*_\[\]<>|#&~$!])", r"\\\1", " ".join(text.split()))
