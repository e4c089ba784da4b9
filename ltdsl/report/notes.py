"""Plain statements: what a reader must know before believing the figures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ltdsl.longtail import about_thirds, validation_counts
from ltdsl.wording import counted

if TYPE_CHECKING:
    from ltdsl.runs.reading import Run

#: Test images of a class below which its accuracy moves in steps that anybody notices.
FEW_TEST_IMAGES = 10

#: What chooses the best epoch, and what it says.
_FIGURES = {
    "macro_recall": "macro recall, in which every class has the same weight",
    "top1_error": "its error, which frequent classes decide",
    None: "nothing",
}


@dataclass(frozen=True)
class Note:
    """A statement, and whether it is in the way of believing the figures."""

    text: str
    level: Literal["warning", "note"] = "note"


def notes(run: Run, choice: bool = True) -> list[Note]:
    """Everything to be said of one run; of how its best epoch was chosen only with ``choice``."""
    chosen = _choice(run) if choice else ()
    return [*_ending(run), *chosen, *_groups(run), *_changes(run), *_gaps(run)]


def about_groups(run: Run) -> str:
    """A sentence on what many, medium and few are where they are not what they are called."""
    last = run.evaluation.last if run.evaluation else None
    about = about_thirds(last.train_counts()) if last else ""
    return f"{about[0].upper()}{about[1:]}." if about else ""


def _groups(run: Run) -> Iterator[Note]:
    if about := about_groups(run):
        yield Note(about)


def chosen_on(run: Run) -> str | None:
    """The images that chose its best epoch, as far as is known."""
    if run.plan:
        return run.plan.best_on
    return run.evaluation.best_on if run.evaluation else None


def _ending(run: Run) -> Iterator[Note]:
    status, done = run.facts.status, len(run.metrics)
    recorded = (
        f"{done:,} of {counted(run.plan.epochs, 'epoch', 'is')} recorded"
        if run.plan
        else f"{counted(done, 'epoch', 'is')} recorded"
    )
    if status != "finished":
        how = {
            "running": "has not ended, or was killed before it could say so",
            "interrupted": "was interrupted",
            "failed": "failed",
        }.get(status or "", "does not say how it ended")
        yield Note(f"This run {how}: {recorded}.", "warning")
        if run.facts.error:
            yield Note(f"It said: {run.facts.error.removesuffix('.')}.", "warning")
    yield from (Note(f"{said.removesuffix('.')}.", "warning") for said in run.facts.warnings)
    for epoch, what in run.facts.went_on_otherwise():
        since = "After a break" if epoch is None else f"From epoch {epoch:,} on"
        yield Note(
            f"{since} it was trained with {what}: its numbers may differ from those of a run without a break.",
            "warning",
        )
    if run.evaluation is None and not any("evaluation.json" in gap for gap in run.gaps):
        yield Note("There is no final evaluation yet.", "warning")
    if run.metrics and done < run.metrics[-1].epoch + 1:
        yield Note("Some epochs are missing from metrics.jsonl.", "warning")


def _of_classes(number: int, classes: int) -> str:
    return f"{number:,} of {counted(classes, 'class')} {'has' if number == 1 else 'have'}"


def _choice(run: Run) -> Iterator[Note]:
    plan = run.plan
    images = chosen_on(run)
    if images == "test":
        yield Note(
            "The best epoch was chosen on the test images themselves, as the recipe asks: its figures are better than "
            "those that new images would give.",
            "warning",
        )
    elif images == "validation" and plan is not None and plan.validation_from == "data":
        yield Note(
            "The best epoch was chosen on the validation images that the data bring, by "
            f"{_FIGURES[plan.best_by]}."
        )
    elif images == "validation" and plan is not None and plan.class_counts:
        held = validation_counts(plan.class_counts, plan.validation)
        empty = sum(part == 0 for part in held)
        without = f"; {_of_classes(empty, len(held))} no image in it" if empty else ""
        yield Note(
            f"The best epoch was chosen on a validation part of {counted(sum(held), 'training image')}, as long-tailed "
            f"as they are, by {_FIGURES[plan.best_by]}{without}."
        )
    elif plan is not None and not images:
        yield Note(
            "There is no validation part: no best epoch was chosen, and the error after each epoch is that on the "
            "test images."
        )
    if plan is not None and plan.early_stopping and run.metrics and run.metrics[-1].ends:
        yield Note(
            f"It ended after {len(run.metrics):,} of {plan.epochs:,} epochs: for {plan.early_stopping:,} of them none "
            "was better on the validation part."
        )
    if plan is not None and plan.evaluate_every > 1:
        evaluated = sum(epoch.is_evaluated for epoch in run.metrics)
        epochs = counted(len(run.metrics), "epoch")
        yield Note(
            f"Evaluated were {evaluated:,} of the {epochs}: after every {plan.evaluate_every:,}, "
            f"and the last of each stage{'; the best epoch is one of these' if images else ''}."
        )
    if run.evaluation and run.evaluation.last:
        tested = [row.test_images for row in run.evaluation.last.per_class]
        if tested and min(tested) < FEW_TEST_IMAGES:
            yield Note(
                f"Classes have as few as {counted(min(tested), 'test image')}: the accuracy of a single class moves in "
                "large steps."
            )


def _changes(run: Run) -> Iterator[Note]:
    if run.facts.unreadable:
        first, *others = run.facts.unreadable
        rest = f", and {len(others):,} more: run.json names them" if others else ""
        yield Note(f"Left out, for it could not be read: {first}{rest}.")
    if run.facts.changes:
        listed = ", ".join(run.facts.changes)
        yield Note(f"Changed on the command line, and not in the recipe's text: {listed}.")


def _gaps(run: Run) -> Iterator[Note]:
    digest = run.facts.plan_sha256
    if run.plan and digest and run.plan.digest() != digest:
        yield Note("plan.json is not the plan that this run was begun with.", "warning")
    yield from (Note(gap, "warning") for gap in run.gaps)
