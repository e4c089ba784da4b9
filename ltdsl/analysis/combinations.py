"""Combinations of tricks that cannot work, each refused with the reason."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from ltdsl.analysis.resolve import Resolved, ResolvedStage
from ltdsl.catalogue import MIXERS, Loss, Posthoc
from ltdsl.diagnostics import Label, Report, report
from ltdsl.recipe import Recipe, StageRecipe
from ltdsl.source import Span

#: Class counts at which a correction of the prior shows.
_LONG_TAIL = (1000, 1)


def check_combinations(recipe: Recipe, resolved: Resolved, problems: Report) -> None:
    """Report every combination that cannot work."""
    pairs = list(zip(recipe.stages, resolved.stages, strict=True))
    for stage, written in pairs:
        places = {call.name.text: call.span for call in written.tricks}
        _check_partners(stage, places, problems)
        _check_layer(recipe, stage, places, problems)
        _check_prior(stage, places, problems)
        _check_plain_classifier(recipe, stage, places, problems)
        _check_constraint(recipe, stage, resolved, written, problems)
        _check_body(recipe, stage, resolved, written, problems)
        _check_augment(recipe, stage, resolved, written, problems)
        if stage.teacher and stage.mixer and stage.mixer.mixes_hidden:
            problems(
                report(
                    "LT126",
                    places[stage.teacher.name],
                    f"`{stage.teacher.name}` compares predictions of one input, and `{stage.mixer.name}` has none",
                    others=(Label(places[stage.mixer.name], "mixes a hidden layer"),),
                    help=f"use a mixer of images, such as {_mixer_of_images()}",
                )
            )
        if stage.mixer and stage.mixer.mixes_hidden:
            parts = stage.overrides.accumulate or recipe.settings.accumulate
            if parts > 1:
                problems(
                    report(
                        "LT128",
                        places[stage.mixer.name],
                        f"`{stage.mixer.name}` mixes features of a whole step, and `accumulate = {parts}` has only a "
                        "part of them at a time",
                        help=f"use a mixer of images, such as {_mixer_of_images()}, or `accumulate = 1`",
                    )
                )
        if stage.posthoc and stage is not recipe.stages[-1]:
            problems(
                report(
                    "LT121",
                    places[stage.posthoc.name],
                    f"`{stage.posthoc.name}` acts in evaluation, after the last stage",
                    others=(Label(resolved.stages[-1].name.span, "the last stage"),),
                    help=f"move it to `{recipe.stages[-1].name}`",
                )
            )
    _check_random(recipe, resolved, problems)
    for (before, _), (after, written) in pairwise(pairs):
        _check_fresh(recipe, before, after, written, problems)


def _check_partners(stage: StageRecipe, places: dict[str, Span], problems: Report) -> None:
    """Who draws the other image of a pair, and whether the mixer can take it."""
    if not (stage.mixer and stage.sampler.has_partner):
        return
    sampler, mixer = places[stage.sampler.name], places[stage.mixer.name]
    if stage.mixer.has_partner:
        message = f"`{stage.sampler.name}` and `{stage.mixer.name}` both draw a second image"
    elif stage.mixer.mixes_hidden:
        message = (
            f"`{stage.mixer.name}` mixes the features of a batch, and `{stage.sampler.name}` brings its second images "
            "from outside it"
        )
    else:
        return
    problems(
        report(
            "LT122",
            mixer,
            message,
            others=(Label(sampler, "draws a second image for each"),),
            help=f"use {_mixer_of_images()} with `{stage.sampler.name}`, or another sampler",
        )
    )


def _mixer_of_images() -> str:
    """The first mixer that takes whatever images it is given."""
    return next(
        f"`{name}`"
        for name, entry in MIXERS.items()
        if not (entry.has_partner or entry.mixes_hidden)
    )


def _check_layer(
    recipe: Recipe, stage: StageRecipe, places: dict[str, Span], problems: Report
) -> None:
    """Whether the model has the layer that is mixed."""
    layers, layer = recipe.settings.model.layers, stage.mixer and stage.mixer.mixed_layer
    if stage.mixer and layer is not None and layer not in layers:
        problems(
            report(
                "LT123",
                places[stage.mixer.name],
                f"`{recipe.settings.model.name}` has no layer `{layer}`",
                help=f"it has {', '.join(layers)}",
            )
        )


def _check_plain_classifier(
    recipe: Recipe, stage: StageRecipe, places: dict[str, Span], problems: Report
) -> None:
    """Whether there are class weights of which a posthoc trick could change the lengths."""
    if not (stage.posthoc and stage.posthoc.sets_norms):
        return
    held = stage.classifier
    if held is not None and held.holds:
        problems(
            report(
                "LT119",
                places[stage.posthoc.name],
                f"`{stage.posthoc.name}` changes the lengths of class weights, and `{held.name}` makes them equal",
                others=(Label(places[held.name], "holds them"),),
                help="keep one of the two",
            )
        )
        return
    for other in recipe.stages:
        scaled = other.classifier is not None and other.classifier.adds_factors
        if scaled or other.loss.classifier == "cosine":
            trick = other.classifier if scaled else other.loss
            assert trick is not None
            problems(
                report(
                    "LT119",
                    places[stage.posthoc.name],
                    f"`{stage.posthoc.name}` changes the lengths of class weights, and `{trick.name}` in "
                    f"`{other.name}` sets them already",
                    help="keep one of the two",
                )
            )
            return


def _check_constraint(
    recipe: Recipe,
    stage: StageRecipe,
    resolved: Resolved,
    written: ResolvedStage,
    problems: Report,
) -> None:
    """Whether there are class weights that a limit on their lengths could act on."""
    constraint = stage.overrides.constraint or recipe.settings.constraint
    if constraint is None:
        return
    place = written.overrides.get("constraint") or resolved.settings["constraint"]
    cosine = next((each.loss for each in recipe.stages if each.loss.classifier == "cosine"), None)
    if cosine is not None:
        why = f"`{cosine.name}` brings a classifier that makes class weights equally long"
    elif stage.classifier is not None and stage.classifier.adds_factors:
        why = f"`{stage.classifier.name}` in `{stage.name}` trains factors, and no class weights"
    elif stage.classifier is not None and stage.classifier.holds:
        why = f"`{stage.classifier.name}` in `{stage.name}` trains no class weights"
    else:
        return
    problems(
        report(
            "LT119",
            place.span,
            f"`{constraint.name}` limits the lengths of class weights, and {why}",
            help="keep one of the two",
        )
    )


def _check_body(
    recipe: Recipe,
    stage: StageRecipe,
    resolved: Resolved,
    written: ResolvedStage,
    problems: Report,
) -> None:
    """Whether a body that is to stay as it is would be moved by a classifier trick's batch norms."""
    alone = stage.classifier
    if alone is not None and alone.holds and stage.own("body", recipe.settings) == "frozen":
        problems(
            report(
                "LT119",
                next(call.span for call in written.tricks if call.name.text == alone.name),
                f"`{alone.name}` trains all but the classifier, and under `body = frozen` nothing is left to train",
                help=f"leave `{alone.name}` out, or write `body = trained` in the braces of `{stage.name}`",
            )
        )
        return
    if (
        alone is None
        or alone.statistics == "frozen"
        or stage.own("body", recipe.settings) == "trained"
    ):
        return
    place = written.overrides.get("body") or resolved.settings["body"]
    problems(
        report(
            "LT119",
            place.span,
            f"`body = frozen` keeps all before the classifier, and `{alone.name}(statistics = running)` in "
            f"`{stage.name}` moves the statistics of its batch norms",
            help="keep one of the two",
        )
    )


def _check_random(recipe: Recipe, resolved: Resolved, problems: Report) -> None:
    """Whether a first stage keeps a body as it is that nothing has trained."""
    first, written = recipe.stages[0], resolved.stages[0]
    if recipe.settings.init is not None or first.classifier is not None:
        return
    if first.own("body", recipe.settings) == "frozen":
        place = written.overrides.get("body") or resolved.settings["body"]
        problems(
            report(
                "LT144",
                place.span,
                f"`{first.name}` keeps all before the classifier as it was drawn: features of random weights",
                help='start from weights, with `init = pretrained` or `init = "FILE"`, or leave `body` out',
            )
        )


def _check_augment(
    recipe: Recipe,
    stage: StageRecipe,
    resolved: Resolved,
    written: ResolvedStage,
    problems: Report,
) -> None:
    """Whether there is one strength that follows classes, and images that may change with it."""
    following = [
        each for each in stage.own("augment", recipe.settings) or () if each.follows_classes
    ]
    if not following:
        return
    views = stage.own("views", recipe.settings) if stage.takes("views", recipe.settings) else None
    name = following[0].name
    if len(following) > 1:
        why, help_ = f"`{name}` stands here more than once", "keep one of them"
    elif views is not None:
        why = (
            f"`{name}` changes images as the network comes to know their classes, and those of `views` are the same "
            "whenever they are shown"
        )
        help_ = "keep one of the two"
    else:
        return
    place = written.overrides.get("augment") or resolved.settings["augment"]
    problems(report("LT119", place.span, why, help=help_))


def _check_prior(stage: StageRecipe, places: dict[str, Span], problems: Report) -> None:
    """Whether the class prior is corrected in training and again in evaluation."""
    if stage.posthoc and _takes_prior_away(stage.posthoc) and _takes_prior_away(stage.loss):
        problems(
            report(
                "LT124",
                places[stage.posthoc.name],
                f"`{stage.loss.name}` has corrected the class prior already",
                others=(Label(places[stage.loss.name], "corrects it in training"),),
                help="keep one of the two",
            )
        )


def _takes_prior_away(trick: Loss | Posthoc) -> bool:
    """Whether it shifts logits as the log prior does: those of the head up in training, or down in evaluation."""
    offsets = trick.logit_offsets(_LONG_TAIL)
    return offsets is not None and offsets[0] > offsets[-1]


def _check_fresh(
    recipe: Recipe,
    before: StageRecipe,
    after: StageRecipe,
    written: ResolvedStage,
    problems: Report,
) -> None:
    """Whether an optimizer goes on although other weights are trained."""
    _check_joining(recipe, before, after, written, problems)
    own = after.classifier
    drawn_anew = own is not None and own.draws_anew and not own.holds
    if after.overrides.begins_optimizer or (
        before.classifier == after.classifier and not drawn_anew
    ):
        return
    trick = after.classifier or before.classifier
    assert trick is not None  # they differ, or the classifier is drawn once more
    does = "holds the classifier" if trick.holds else "trains the classifier alone"
    others = tuple(_labels(written, trick.name, does))
    what = (
        f"trains other weights than `{before.name}`, so their optimizer cannot go on"
        if before.classifier != after.classifier
        else "draws the classifier anew, so the optimizer of the old one cannot go on"
    )
    problems(
        report(
            "LT125",
            written.name.span,
            f"`{after.name}` {what}",
            others=others,
            help=f"set `optimizer` or `schedule` in the braces of `{after.name}`",
        )
    )


def _check_joining(
    recipe: Recipe,
    before: StageRecipe,
    after: StageRecipe,
    written: ResolvedStage,
    problems: Report,
) -> None:
    """Whether an optimizer goes on that takes no weights in while it runs."""
    joins = [each.own("body", recipe.settings) for each in (before, after)] == ["frozen", "trained"]
    alone = before.classifier or after.classifier
    optimizer = recipe.optimizers[recipe.stages.index(after)]
    if not joins or alone or after.overrides.begins_optimizer or optimizer.takes_in:
        return
    problems(
        report(
            "LT125",
            written.name.span,
            f"`{after.name}` trains the body too, and `{optimizer.name}`, which counts its steps for all weights "
            "together, cannot take it in",
            help=f"set `optimizer` or `schedule` in the braces of `{after.name}`",
        )
    )


def _labels(written: ResolvedStage, name: str, does: str) -> Iterator[Label]:
    for call in written.tricks:
        if call.name.text == name:
            yield Label(call.span, does)
