"""Checking: resolved syntax becomes a Recipe, or a list of everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ltdsl.analysis.combinations import check_combinations
from ltdsl.analysis.resolve import Resolved, ResolvedStage
from ltdsl.analysis.schedules import check_schedules
from ltdsl.analysis.starts import check_starts, start_of
from ltdsl.analysis.values import build, find
from ltdsl.catalogue import TRICKS, Entry, Trick
from ltdsl.catalogue.entry import plain
from ltdsl.diagnostics import Label, Report, report
from ltdsl.recipe import DEFAULT_TRICKS, Overrides, Recipe, Settings, StageRecipe
from ltdsl.source import Span
from ltdsl.syntax import Call


def check(resolved: Resolved, whole: Span, problems: Report) -> Recipe | None:
    """Validate every name, value and combination.

    Args:
        resolved: The merged layers.
        whole: The recipe's text, for problems that have no better place.
        problems: Receives every problem found.

    Returns:
        The recipe; None where anything reported makes it meaningless.
    """
    settings = build(Settings, tuple(resolved.settings.values()), whole, problems)
    _check_stage_names(resolved, problems)
    if not resolved.stages and resolved.whole and not _names_tricks(resolved):
        problems(
            report(
                "LT111",
                Span(whole.source, 0, 0),
                "the recipe has no stage",
                help="write at least one: `stage1: ce` trains with cross entropy from start to end",
            )
        )
    stages = [_stage(stage, problems) for stage in resolved.stages]
    epochs = settings.epochs if settings else None
    timed = check_starts(resolved, epochs, problems)
    _check_first(resolved, problems)
    if settings is None or None in stages or not stages or not timed:
        return None
    recipe = Recipe.model_construct(
        settings=settings,
        stages=tuple(stage for stage in stages if stage is not None),
    )
    _check_selection(recipe, resolved, problems)
    _check_validated(recipe, resolved, problems)
    _check_classifier(recipe, resolved, problems)
    check_combinations(recipe, resolved, problems)
    check_schedules(recipe, resolved, problems)
    return recipe


def _names_tricks(resolved: Resolved) -> bool:
    """Whether a setting, whose name will be reported, is what was meant as a stage."""
    values = (setting.value for setting in resolved.settings.values())
    return any(isinstance(value, Call) and value.name.text in TRICKS for value in values)


def _stage(stage: ResolvedStage, problems: Report) -> StageRecipe | None:
    """One stage's tricks and overrides."""
    kinds: dict[str, tuple[Call, Trick | None]] = {}
    failed = False
    seen: dict[str, Call] = {}
    for call in stage.tricks:
        trick: Trick | None = None
        entry = find(call, Trick, problems)
        if entry:
            trick = build(entry, call.arguments, call.span, problems)
        failed |= trick is None
        first = seen.setdefault(call.name.text, call)
        if first is not call:
            problems(
                report(
                    "LT108",
                    call.span,
                    f"the trick `{call.name.text}` is there twice",
                    others=(Label(first.span, "first here"),),
                    help="keep one of the two",
                )
            )
            failed = True
        elif entry and entry.kind in kinds:
            other, _ = kinds[entry.kind]
            problems(
                report(
                    "LT110",
                    call.span,
                    f"`{other.name.text}` and `{call.name.text}` are both a {entry.kind}",
                    label=f"a second {entry.kind}",
                    others=(Label(other.span, f"the first {entry.kind}"),),
                    help=f"a stage has one {entry.kind}: keep one, or use the other in a stage of its own",
                )
            )
            failed = True
        elif entry:
            kinds[entry.kind] = (call, trick)
    overrides = build(Overrides, tuple(stage.overrides.values()), stage.span, problems)
    if failed or overrides is None:
        return None
    chosen: dict[str, Any] = {kind: plain(entry) for kind, entry in DEFAULT_TRICKS.items()}
    chosen |= {kind: trick for kind, (_, trick) in kinds.items()}
    # constructed from parts that are validated: a second validation would cost its schema's building
    return StageRecipe.model_construct(
        name=stage.name.text, start=start_of(stage.start), **chosen, overrides=overrides
    )


def _check_stage_names(resolved: Resolved, problems: Report) -> None:
    for stage in resolved.stages:
        if stage.name.text in Settings.model_fields:
            problems(
                report(
                    "LT113",
                    stage.name.span,
                    f"the stage `{stage.name.text}` has the name of a setting",
                    help=f"call it something else, or write `{stage.name.text} = …` for the setting",
                )
            )


def _check_first(resolved: Resolved, problems: Report) -> None:
    """What a stage without one before it cannot do."""
    if not resolved.stages:
        return
    first = resolved.stages[0]
    if "init" not in resolved.settings:
        for call in first.tricks:
            entry = TRICKS.get(call.name.text)
            if entry and entry.needs_weights:
                problems(
                    report(
                        "LT112",
                        call.span,
                        f"`{call.name.text}` needs trained weights, and nothing is trained before "
                        f"`{first.name.text}`",
                        help='use it in a later stage, or start from a checkpoint: `init = "….ckpt"`',
                    )
                )
    handoff = first.overrides.get("handoff")
    if handoff:
        problems(
            report(
                "LT114",
                handoff.span,
                f"`handoff` in `{first.name.text}`: there is no stage before it",
                help="remove it",
            )
        )


_CHOOSING = "add `validation = 0.1`, or `best_on = test`, which every report then says"


def _check_selection(recipe: Recipe, resolved: Resolved, problems: Report) -> None:
    """`best_on`, `best_by` and `handoff = best` need something that chooses."""
    settings = recipe.settings
    if settings.best_on == "validation" and not settings.validation:
        problems(
            report(
                "LT118",
                resolved.settings["best_on"].span,
                "`best_on = validation` needs a validation part",
                help="add `validation = 0.1`",
            )
        )
    chooses = settings.validation or settings.best_on
    if "best_by" in resolved.settings and not chooses:
        problems(
            report(
                "LT118",
                resolved.settings["best_by"].span,
                "`best_by` needs images to choose the best epoch on",
                help=f"remove it, or {_CHOOSING}",
            )
        )
    for stage, written in zip(recipe.stages, resolved.stages, strict=True):
        if stage.overrides.handoff != "best" or stage is recipe.stages[0]:
            continue
        place_of = written.overrides["handoff"].span
        if not chooses:
            problems(
                report(
                    "LT114",
                    place_of,
                    "`handoff = best` needs something that chooses the best epoch",
                    help=_CHOOSING,
                )
            )
        if not stage.overrides.begins_optimizer:
            problems(
                report(
                    "LT114",
                    place_of,
                    "`handoff = best` needs a fresh optimizer: the running one belongs to the last weights",
                    help=f"set `optimizer` or `schedule` in the braces of `{stage.name}`",
                )
            )


def _check_validated(recipe: Recipe, resolved: Resolved, problems: Report) -> None:
    """What is fitted or judged needs images, and logits that it means something for."""
    stopping = resolved.settings.get("early_stopping")
    if stopping and (not recipe.settings.validation or recipe.settings.best_on == "test"):
        without = (
            "and the best epoch is chosen on the test part"
            if recipe.settings.validation
            else "and there is none"
        )
        problems(
            report(
                "LT129",
                stopping.span,
                f"`early_stopping` is judged on the validation part, {without}",
                help="add `validation = 0.1`, and leave `best_on` out",
            )
        )
    for entry, span, needs in _fitted(recipe, resolved):
        if not recipe.settings.validation:
            problems(
                report(
                    "LT129",
                    span,
                    f"`{entry.name}` is fitted on the validation part, and there is none",
                    help="add `validation = 0.1`",
                )
            )
        loss = next((s for s in recipe.stages if s.loss.confidence == "sigmoid"), None)
        if loss is not None:
            problems(
                report(
                    "LT129",
                    span,
                    f"`{entry.name}` {needs} of a softmax, and `{loss.loss.name}` in `{loss.name}` asks each class on "
                    "its own",
                    help="leave it out, or use a softmax loss",
                )
            )


def _fitted(recipe: Recipe, resolved: Resolved) -> Iterator[tuple[Entry, Span, str]]:
    """What is fitted on the validation part: the entry, where it is written, and what it does to a softmax."""
    calibration, place = recipe.settings.calibration, resolved.settings.get("calibration")
    if calibration is not None and place is not None:
        yield calibration, place.span, "divides the logits"
    for stage, written in zip(recipe.stages, resolved.stages, strict=True):
        if stage.posthoc is not None and stage.posthoc.is_fitted:
            span = next(c.span for c in written.tricks if c.name.text == stage.posthoc.name)
            yield stage.posthoc, span, "takes the mean"


def _check_classifier(recipe: Recipe, resolved: Resolved, problems: Report) -> None:
    """The classifier is one for the whole run, so no two stages' losses may need different ones."""
    written = [
        (stage.loss, call.span)
        for stage, own in zip(recipe.stages, resolved.stages, strict=True)
        for call in own.tricks
        if call.name.text == stage.loss.name
    ]
    cosine = [(loss, span) for loss, span in written if loss.classifier == "cosine"]
    if not cosine:
        return
    first, origin = cosine[0]
    for loss, span in written:
        if loss.classifier == "linear":
            problems(
                report(
                    "LT119",
                    span,
                    f"`{loss.name}` needs a linear classifier, and `{first.name}` a cosine classifier",
                    others=(Label(origin, "makes the classifier a cosine one, in all stages"),),
                    help=f"use a softmax loss such as `ce` here, or do without `{first.name}`",
                )
            )
        elif loss.classifier == "cosine" and loss.logit_scale != first.logit_scale:
            problems(
                report(
                    "LT119",
                    span,
                    f"`{loss.name}` scales the cosines by {loss.logit_scale:g} here and by "
                    f"{first.logit_scale:g} in an earlier stage",
                    others=(Label(origin, "the classifier's scale is that of its first stage"),),
                    help="write the same `s` in all stages",
                )
            )
