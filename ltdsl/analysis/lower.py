"""Lowering: a Recipe, which says what is wanted, becomes a Plan, which says what happens in each epoch."""

from __future__ import annotations

from ltdsl.catalogue import Constant
from ltdsl.epochs import steps
from ltdsl.plan import Plan, StagePlan
from ltdsl.recipe import OF_BODY, Recipe


def lower(recipe: Recipe, counts: tuple[int, ...] | None, drawn: bool = True) -> Plan:
    """Resolve a checked recipe in time.

    A stage that sets ``optimizer`` or ``schedule`` starts a fresh optimizer and counts from its own start; any
    other continues the running optimizer under the recipe's schedule, which counts from the run's.

    Args:
        recipe: The recipe.
        counts: Training images of each class, where they are known.
        drawn: Whether a validation part is taken from them; else the data bring one.
    """
    settings = recipe.settings
    stages = []
    whole: tuple[float, ...] = ()  # of the recipe's schedule, once for all stages
    times = zip(recipe.stages, recipe.bounds, recipe.optimizers, strict=True)
    for stage, (start, end), optimizer in times:
        own = stage.overrides
        if own.begins_optimizer:
            factors = (own.schedule or Constant()).factors(end - start)
        else:
            whole = whole or settings.schedule.factors(settings.epochs)
            factors = whole[start:end]
        rates = [optimizer.lr * factor for factor in factors]
        stages.append(
            StagePlan(
                name=stage.name,
                start=start,
                end=end,
                sampler=stage.sampler,
                mixer=stage.mixer,
                loss=stage.loss,
                classifier=stage.classifier,
                teacher=stage.teacher,
                posthoc=stage.posthoc,
                optimizer=optimizer,
                fresh_optimizer=start == 0 or own.begins_optimizer,
                rates=steps(rates, start),
                batch_size=own.batch_size or settings.batch_size,
                accumulate=own.accumulate or settings.accumulate,
                augment=settings.augment if own.augment is None else own.augment,
                handoff=own.handoff,
                sharpness=own.sharpness or settings.sharpness,
                constraint=own.constraint or settings.constraint,
                average=own.average or settings.average,
                **{
                    name: stage.own(name, settings)
                    for name in OF_BODY
                    if stage.takes(name, settings)
                },
            )
        )
    # the checker has seen to it that all of them ask for one scale
    cosine = [stage.loss for stage in recipe.stages if stage.loss.classifier == "cosine"]
    best_on = settings.best_on or ("validation" if settings.validation else None)
    return Plan(
        dataset=settings.dataset,
        model=settings.model,
        classifier="cosine" if cosine else "linear",
        logit_scale=cosine[0].logit_scale if cosine else None,
        class_counts=counts,
        validation=settings.validation,
        validation_from="training" if drawn or not settings.validation else "data",
        best_on=best_on,
        best_by=settings.best_by if best_on else None,
        evaluate_every=settings.evaluate_every,
        seed=settings.seed,
        split_seed=settings.split_seed,
        precision=settings.precision,
        clip_norm=settings.clip_norm,
        early_stopping=settings.early_stopping,
        calibration=settings.calibration,
        init=settings.init,
        epochs=settings.epochs,
        stages=tuple(stages),
    ).with_plugins()
