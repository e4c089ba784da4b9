"""What class counts say about whether every stage can be trained, and the best epoch be chosen."""

from __future__ import annotations

from collections.abc import Sequence

from ltdsl.analysis.resolve import Resolved, ResolvedStage
from ltdsl.diagnostics import Label, Report, report
from ltdsl.longtail import validation_counts
from ltdsl.recipe import Recipe, Settings, StageRecipe
from ltdsl.source import Span
from ltdsl.wording import counted


def check_feasible(
    recipe: Recipe,
    resolved: Resolved,
    counts: Sequence[int],
    problems: Report,
    drawn: bool = True,
) -> None:
    """Report stages without one full batch, and classes without an image to choose the best epoch on.

    Args:
        recipe: A recipe without errors.
        resolved: Where its values were written.
        counts: Training images of each class, before a validation part is taken from them.
        problems: Receives what is found.
        drawn: Whether a validation part is taken from them; else the data bring one.
    """
    held = validation_counts(counts, recipe.settings.validation if drawn else 0)
    kept = tuple(count - part for count, part in zip(counts, held, strict=True))
    for stage, written in zip(recipe.stages, resolved.stages, strict=True):
        _check_batches(recipe.settings, stage, written, resolved, kept, problems)
    if drawn and recipe.settings.validation and recipe.settings.best_on != "test":
        _check_validation(resolved, counts, held, problems)


def _check_batches(
    settings: Settings,
    stage: StageRecipe,
    written: ResolvedStage,
    resolved: Resolved,
    kept: tuple[int, ...],
    problems: Report,
) -> None:
    """Only full batches are trained, so an epoch needs one."""
    own = stage.overrides
    size, parts = own.batch_size or settings.batch_size, own.accumulate or settings.accumulate
    images, needed = stage.sampler.draws(kept), size * parts
    if images >= needed:
        return
    sampler = next((t.span for t in written.tricks if t.name.text == stage.sampler.name), None)
    batch = written.overrides.get("batch_size", resolved.settings["batch_size"]).span
    place = next(filter(_is_written, filter(None, (sampler, batch))), written.name.span)
    step = f"{size}" if parts == 1 else f"{parts} · {size} = {needed}"
    others = [batch] if sampler and _is_written(batch) and batch.source is place.source else []
    largest = images // parts
    problems(
        report(
            "LT404",
            place,
            f"an epoch of `{stage.name}` has {counted(images, 'image')}, fewer than one batch of {step}",
            others=tuple(Label(span, "the batch") for span in others),
            help=f"in the braces of `{stage.name}`, write `batch_size = {_round_number(largest)}`, or "
            "choose another sampler"
            if largest
            else f"write `accumulate = 1` for `{stage.name}`",
        )
    )


def _check_validation(
    resolved: Resolved,
    counts: Sequence[int],
    held: Sequence[int],
    problems: Report,
) -> None:
    """A class without a validation image has no say in which epoch is the best."""
    without = [count for count, part in zip(counts, held, strict=True) if not part]
    if not without:
        return
    setting = resolved.settings["validation"].span
    enough = 0.5 / max(2, min(without))
    have = "has" if len(without) == 1 else "have"
    is_enough = min(without) > 1 and enough <= 0.5
    problems(
        report(
            "LT142",
            setting,
            f"{len(without)} of {counted(len(counts), 'class')} {have} no validation image, and "
            f"{counted(sum(held), 'image', 'chooses')} the best epoch",
            help=f"hold out more, such as `validation = {_rounded_up(enough):g}`"
            if is_enough
            else "a class of one image can have none; `best_on = test` chooses on all classes, and reports say so",
        )
    )


def _is_written(span: Span) -> bool:
    return span.source.kind != "protocol"


def _round_number(size: int) -> int:
    """The largest power of two that is not larger."""
    return int(2 ** (size.bit_length() - 1))


def _rounded_up(share: float) -> float:
    """A share in whole percents."""
    return -(-share * 100 // 1) / 100
