"""Plans in words: what tables of every kind say of a plan and of its stages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ltdsl.longtail import validation_counts
from ltdsl.plan import Plan, StagePlan
from ltdsl.recipe import OF_BODY
from ltdsl.wording import counted

if TYPE_CHECKING:
    from ltdsl.catalogue import Augment, Dataset

#: The class in the middle and both ends, named in this order wherever three figures stand for all classes.
ENDS = "head · middle · tail"


def headline(plan: Plan) -> tuple[str, str]:
    """Two lines: data and protocol."""
    counts = plan.class_counts
    validation = f", {100 * plan.held_out:.3g} % of them for validation" if plan.held_out else ""
    if plan.validation_from == "data":
        validation = " and validation images of their own"
    images = (
        f"{counted(len(counts), 'class')}, {counted(sum(counts), 'training image')}{validation}; "
        f"a class has {max(counts):,} down to {min(counts):,}"
        if counts
        else f"class counts unknown until its files are read, which --data DIR names{validation}"
    )
    chosen = f", {chosen_by(plan.best_on, plan.best_by)}" if plan.best_on else ""
    every = plan.evaluate_every
    chosen += f", evaluated every {every:,} epochs" if every > 1 else ""
    if (weights := plan.published) is not None:
        mean, std = (", ".join(f"{v:.3g}" for v in dict.fromkeys(each)) for each in weights[-2:])
        chosen += f", images normalised as its weights were trained: mean {mean}, std {std}"
    if plan.early_stopping is not None:
        chosen += f", ends after {plan.early_stopping:,} epochs without a better one"
    chosen += f", calibrated by {plan.calibration}" if plan.calibration else ""
    return (
        f"{plan.dataset}: {images}",
        f"{plan.model}, {counted(plan.epochs, 'epoch')}, seed {plan.seed}{chosen}{_foreign(plan)}",
    )


def _foreign(plan: Plan) -> str:
    return f", with {', '.join(map(str, plan.plugins))}" if plan.plugins else ""


def chosen_by(best_on: str | None, best_by: str | None) -> str:
    """``best by validation macro recall``: which images and which figure of them chose the best epoch."""
    figure = {"macro_recall": " macro recall", "top1_error": " error"}.get(best_by or "", "")
    return f"best by {best_on}{figure}"


def training_counts(plan: Plan) -> tuple[int, ...]:
    """Images of each class that are trained on: those of the validation part are not. The plan must know them."""
    assert plan.class_counts is not None
    held = validation_counts(plan.class_counts, plan.held_out)
    return tuple(count - part for count, part in zip(plan.class_counts, held, strict=True))


def stage_facts(plan: Plan, stage: StagePlan) -> dict[str, str]:
    """What there is to say of a stage, in words, by what it is about."""

    def default(name: str) -> Any:
        return StagePlan.model_fields[name].default

    optimizer = str(stage.optimizer) if stage.fresh_optimizer else "continues"
    return {
        "epochs": f"{stage.start} to {stage.end - 1} ({stage.epochs})",
        "starts from": f"{stage.handoff} weights"
        if stage.start
        else str(plan.begins or plan.init or "initial weights"),
        "sampler": str(stage.sampler),
        "mixer": str(stage.mixer or "–"),
        "loss": str(stage.loss),
        "other": ", ".join(map(str, filter(None, (stage.classifier, stage.teacher, stage.posthoc))))
        or "–",
        "augment": ", ".join(map(str, stage.augment)) or "–",
        "optimizer": optimizer,
        **{
            name: str("–" if value is None else value)
            for name in ("sharpness", "constraint", "average", *OF_BODY)
            if any(getattr(each, name) != default(name) for each in plan.stages)
            for value in [getattr(stage, name)]
        },
        "learning rate": f"{stage.rates[0][1]:.4g} → {stage.rates[-1][1]:.4g}",
        "batch": _batch(stage),
    } | (_counted(plan, stage) if plan.class_counts else {})


def _counted(plan: Plan, stage: StagePlan) -> dict[str, str]:
    """The rows that take class counts."""
    counts = training_counts(plan)
    draws = stage.sampler.draws(counts)
    shares = mean_shares(plan, stage)
    weights = stage.loss.class_weights(counts) or (1.0,) * len(counts)
    loss_shares = [share * weight for share, weight in zip(shares, weights, strict=True)]
    total = sum(loss_shares)
    return {
        "batch": f"{_batch(stage)}, {counted(stage.steps_per_epoch(counts), 'step')} an epoch",
        "draws of a class": _ends([f"{draws * share:,.0f}" for share in shares], counts),
        "share of the loss": _ends([f"{100 * s / total:.2g} %" for s in loss_shares], counts),
    }


def _batch(stage: StagePlan) -> str:
    images = counted(stage.batch_size, "image")
    return f"{stage.accumulate} × {images}" if stage.accumulate > 1 else images


def mean_shares(plan: Plan, stage: StagePlan) -> list[float]:
    """Each class's share of the stage's draws; those of a sampler that changes are averaged over its epochs."""
    sampler, counts = stage.sampler, training_counts(plan)
    times = {
        sampler.passed(epoch, stage.start, stage.end, plan.epochs)
        for epoch in range(stage.start, stage.end)
    }
    columns = zip(*(sampler.class_shares(counts, time) for time in times), strict=True)
    return [sum(column) / len(times) for column in columns]


def _ends(values: list[str], counts: tuple[int, ...]) -> str:
    """The values of the most frequent, the median and the rarest class."""
    order = sorted(range(len(counts)), key=lambda c: -counts[c])
    return " · ".join(values[order[i]] for i in (0, len(order) // 2, -1))


def about_augment(dataset: Dataset, augment: Iterable[type[Augment]]) -> list[str]:
    """What is said of random changes that one's own images may not survive; nothing of published data sets.

    Args:
        dataset: The data set.
        augment: What its images are changed by.
    """
    if dataset.citation:
        return []
    return [f"{each.name} {each.caution}" for each in dict.fromkeys(augment) if each.caution]
