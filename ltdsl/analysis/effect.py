"""Values without effect: whatever was written, no stage's plan takes it.

A stronger layer may set what a weaker one has set: that is what layers are for, and nothing to tell. What is told is a
value that reached the recipe's settings and that no stage takes, and a `--set` that a later one discards.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ltdsl.analysis.assignments import Assignment
from ltdsl.analysis.load import Document
from ltdsl.analysis.resolve import Resolved
from ltdsl.diagnostics import Diagnostic, Label, Report, Severity, report
from ltdsl.recipe import OF_BODY, Recipe, StageRecipe
from ltdsl.source import Span
from ltdsl.syntax import Call, List, Value

NO_EFFECT = "LT140"


def check_effect(
    recipe: Recipe,
    document: Document,
    assignments: Sequence[Assignment],
    resolved: Resolved,
    problems: Report,
) -> None:
    """Report every written value that no stage takes.

    Args:
        recipe: A recipe without errors.
        document: What is written in files.
        assignments: What is written on the command line, in order.
        resolved: What became of both.
        problems: Receives what is found.
    """
    merged = {place for each in resolved.settings.values() for place in _places(each.value)}
    taken = set(_taken(recipe, resolved))
    for setting in document.settings:
        shared = setting.span.source is not document.tree.span.source
        if shared and _each_sets(resolved, setting.name.text):
            continue  # other recipes may need it, and this one says what it has instead
        for span, places in _lost(setting.span, setting.value, taken):
            if places & merged:  # else a stronger layer has it
                problems(_no_effect(recipe, resolved, setting.name.text, span))
    for stage, written in zip(recipe.stages, resolved.stages, strict=True):
        for name in OF_BODY:
            if name in written.overrides and not stage.takes(name, recipe.settings):
                span, why = written.overrides[name].span, _not_taken(name, recipe, (stage,))
                problems(
                    report(
                        NO_EFFECT,
                        span,
                        f"`{_short(span)}` has no effect: {why}",
                        help="remove it",
                    )
                )
    for problem in _turned_off(recipe, resolved):
        if problem.span is not None and problem.span.source is document.tree.span.source:
            problems(problem)
    for assignment in assignments:
        for span, places in _lost_of(assignment, taken):
            name = assignment.path[0].text
            lost = places & merged
            problems(_no_effect(recipe, resolved, name, span) if lost else _discarded(span))


def _taken(recipe: Recipe, resolved: Resolved) -> Iterator[Span]:
    """The places of all values that some stage takes."""
    names = recipe.taken
    for name, setting in resolved.settings.items():
        if name in names:
            yield from _places(setting.value)
    for stage in resolved.stages:
        if stage.start is not None:
            yield stage.start.value.span
        for trick in stage.tricks:
            yield from _places(trick)
        for name, own in stage.overrides.items():
            yield from _places(own.value)
            inherited = resolved.settings[name].value if name in resolved.settings else None
            same = isinstance(inherited, Call) and isinstance(own.value, Call)
            if same and inherited.name.text == own.value.name.text:  # type: ignore[union-attr]
                yield inherited.name.span  # type: ignore[union-attr]  # what the stage's call starts from


def _turned_off(recipe: Recipe, resolved: Resolved) -> Iterator[Diagnostic]:
    """Stages whose own optimizer ends the schedule that the recipe writes, where that would change their rate."""
    if not any("optimizer" in own.overrides for own in resolved.stages):
        return
    written = resolved.settings["schedule"]
    if written.span.source.kind == "protocol" or "schedule" not in recipe.taken:
        return  # what everybody has, or what has no effect at all
    factors = recipe.settings.schedule.factors(recipe.settings.epochs)
    for stage, own, (start, end) in zip(recipe.stages, resolved.stages, recipe.bounds, strict=True):
        optimizer = own.overrides.get("optimizer")
        if optimizer is None or stage.overrides.schedule is not None:
            continue
        if len(set(factors[start:end])) > 1:
            yield report(
                NO_EFFECT,
                optimizer.span,
                f"`{stage.name}` does not follow `{_short(written.span)}`: its own optimizer starts at a constant rate",
                others=(Label(written.name.span, "which others follow"),),
                help="write a `schedule` in its braces too; `schedule = constant` says that it is meant",
                severity=Severity.ADVICE,
            )


def _lost_of(assignment: Assignment, taken: set[Span]) -> list[tuple[Span, set[Span]]]:
    """What of an assignment is not taken."""
    inside = [part.text for part in assignment.path[1:]]
    if inside == ["at"]:
        start = assignment.start()
        places = {start.value.span} if start else taken
    elif inside == ["tricks"]:
        places = {place for trick in assignment.chain() or () for place in _places(trick)}
    else:
        value = assignment.value()
        return _lost(assignment.span, value, taken) if value else []
    return [] if places & taken else [(assignment.span, places)]


def _lost(whole: Span, value: Value, taken: set[Span]) -> list[tuple[Span, set[Span]]]:
    """A value, or the arguments of it, of which no place is taken; each with its places."""
    places = set(_places(value))
    if not places & taken:
        return [(whole, places)]
    arguments = value.arguments if isinstance(value, Call) else ()
    return [pair for each in arguments for pair in _lost(each.span, each.value, taken)]


def _places(value: Value) -> list[Span]:
    """The places of the names and of the plain values in a value."""
    if isinstance(value, Call):
        found = [value.name.span]
        for argument in value.arguments:
            found += _places(argument.value)
        return found
    if isinstance(value, List) and value.items:
        return [place for item in value.items for place in _places(item)]
    return [value.span]


def _each_sets(resolved: Resolved, name: str) -> bool:
    return all(name in stage.overrides for stage in resolved.stages)


def _no_effect(recipe: Recipe, resolved: Resolved, name: str, span: Span) -> Diagnostic:
    """The report on a setting, or on a part of one, that reaches no stage."""
    text = _short(span)
    stages = resolved.stages
    if _each_sets(resolved, name):
        why, causes = "every stage sets its own", [each.overrides[name] for each in stages]
    elif name in OF_BODY:
        able = [each for each in recipe.stages if getattr(each.overrides, name) is None]
        why, causes = _not_taken(name, recipe, able), []
    else:
        why = (
            "every stage starts an optimizer of its own, whose rate it does not change"
            if name == "schedule"
            else f"later stages go on with the optimizer of `{stages[0].name.text}`"
        )
        causes = [each.overrides["optimizer"] for each in stages if "optimizer" in each.overrides]
    if span.source.kind == "set":
        help_ = f"set it in a stage: `--set {stages[0].name.text}.{text}`"
    else:
        help_ = f"write it in the braces of a stage that is to have it, such as `{stages[0].name.text}`, or remove it"
    return report(
        NO_EFFECT,
        span,
        f"`{text}` has no effect: {why}",
        others=tuple(
            Label(cause.name.span, "set here")
            for cause in causes[:3]
            if cause.name.span.source is span.source
        ),
        help=help_,
    )


def _not_taken(name: str, recipe: Recipe, stages: Sequence[StageRecipe]) -> str:
    """Why stages can do nothing with a setting about the body."""
    alone = [stage.classifier for stage in stages if stage.classifier]
    if name == "views" and any(not stage.own("augment", recipe.settings) for stage in stages):
        return "images that nothing augments have one view"
    if name == "views":
        return "views are told apart for features that are frozen, and the body is trained"
    if alone:
        does = "trains all but the classifier" if alone[0].holds else "trains the classifier alone"
        return f"`{alone[0].name}` {does}, and says itself what becomes of the rest"
    return "the body is frozen"


def _discarded(span: Span) -> Diagnostic:
    message = f"`{_short(span)}` has no effect: a later `--set` replaces it"
    return report(NO_EFFECT, span, message, help="leave it out")


def _short(span: Span) -> str:
    text = " ".join(span.text.split())
    return text if len(text) <= 60 else f"{text[:59]}…"
