"""Inlay hints: what a recipe means and does not say, where one would look for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lsprotocol import types as lsp

from ltdsl.analysis.origins import origin
from ltdsl.catalogue import LOSSES
from ltdsl.catalogue.entry import write
from ltdsl.epochs import place
from ltdsl.lsp.text import Places, short
from ltdsl.source import Source, Span
from ltdsl.syntax import Argument, Call, List, Percent, Value

if TYPE_CHECKING:
    from ltdsl.analysis.resolve import ResolvedStage
    from ltdsl.lsp.problems import Checked
    from ltdsl.recipe import Recipe, StageRecipe

_MAX_LABEL = 80


def hints(checked: Checked, wanted: lsp.Range, places: Places) -> Iterator[lsp.InlayHint]:
    """The hints within a range; none while the recipe has errors.

    They are: the epoch that a percentage means; a stage's loss where it names none; what a call takes from the data
    set's protocol, a used file or the recipe; what a stage's own optimizer or schedule brings along; and how long the
    data set's tail is.
    """
    if checked.compilation.recipe is None:
        return
    lines = range(wanted.start.line, wanted.end.line + 1)
    for offset, label, about in _all(checked):
        position = places.position(checked.source, offset)
        if position.line in lines:
            yield lsp.InlayHint(
                position, short(label, _MAX_LABEL), tooltip=about, padding_left=label[0] not in "(,"
            )


_Hint = tuple[int, str, str]


def _all(checked: Checked) -> Iterator[_Hint]:
    """Offset, label and explanation of each."""
    source, resolved = checked.source, checked.compilation.resolved
    recipe = checked.compilation.recipe
    assert recipe is not None
    settings, epochs = resolved.settings, recipe.settings.epochs
    for argument in settings.values():
        yield from _inherited(argument, source)
    yield from _dataset(recipe, settings.get("dataset"), source)
    if "schedule" in settings:
        yield from _milestones(settings["schedule"].value, source, 0, epochs)
    stages = zip(recipe.stages, resolved.stages, recipe.bounds, strict=True)
    for stage, written, (start, end) in stages:
        at = written.start
        if at is not None and at.span.source is source and isinstance(at.value, Percent):
            yield at.span.end, f"= epoch {start}", f"{at.value.span.text} of {epochs} epochs"
        yield from _loss(stage, written, source)
        for argument in written.overrides.values():
            yield from _inherited(argument, source)
        yield from _fresh(recipe, written, source)
        if "schedule" in written.overrides:
            yield from _milestones(written.overrides["schedule"].value, source, start, end)


def _here(span: Span, source: Source) -> bool:
    return span.source is source


def _milestones(value: Value, source: Source, start: int, end: int) -> Iterator[_Hint]:
    """The epochs of the run that percentages in a schedule mean.

    Args:
        value: The schedule.
        source: The recipe.
        start: The epoch of the run that it counts from.
        end: The epoch where it ends.
    """
    arguments = value.arguments if isinstance(value, Call) else ()
    for argument in arguments:
        items = argument.value.items if isinstance(argument.value, List) else ()
        for item in items:
            if isinstance(item, Percent) and _here(item.span, source):
                epoch = start + place(item.span.text, end - start)
                about = f"{item.span.text} of the {end - start} epochs from {start} on"
                yield item.span.end, f"= epoch {epoch}", about


def _inherited(argument: Argument, source: Source) -> Iterator[_Hint]:
    """What a call takes from a weaker layer of settings."""
    call = argument.value
    if not isinstance(call, Call) or not _here(call.span, source):
        return
    inside = range(call.span.start, call.span.end)
    others = [
        each
        for each in call.arguments
        if not (_here(each.span, source) and each.span.start in inside)
    ]
    if others:
        where = dict.fromkeys(origin(each.span) for each in others)
        label = ", ".join(f"{each.name.text} = {each.value.span.text}" for each in others)
        yield (*_in_brackets(call, label), f"from {', '.join(where)}")


def _in_brackets(call: Call, label: str) -> tuple[int, str]:
    """Where more arguments of a call would stand, and how they would be written."""
    if call.span == call.name.span:
        return call.span.end, f"({label})"
    written = call.span.text[len(call.name.span.text) : -1].strip("( \t\n,")
    return call.span.end - 1, f", {label}" if written else label


def _dataset(recipe: Recipe, argument: Argument | None, source: Source) -> Iterator[_Hint]:
    """Defaults of the data set that say how long its tail is."""
    if argument is None or not isinstance(argument.value, Call):
        return
    call = argument.value
    fields = type(recipe.settings.dataset).model_fields
    if not _here(call.span, source) or "imbalance" not in fields:
        return
    if all(each.name.text != "imbalance" for each in call.arguments):
        label = f"imbalance = {write(recipe.settings.dataset.imbalance)}"
        yield (*_in_brackets(call, label), f"default of {call.name.text}")


def _loss(stage: StageRecipe, written: ResolvedStage, source: Source) -> Iterator[_Hint]:
    """The loss of a stage that names none."""
    if written.tricks and not any(call.name.text in LOSSES for call in written.tricks):
        last = written.tricks[-1].span
        if _here(last, source) and written.tricks[-1].name.text != stage.loss.name:
            yield last.end, f"+ {stage.loss}", "the loss of a stage that names none"


def _fresh(recipe: Recipe, written: ResolvedStage, source: Source) -> Iterator[_Hint]:
    """What a stage trains by that sets only its optimizer, or only its schedule."""
    own = written.overrides
    if ("optimizer" in own) == ("schedule" in own):
        return
    argument = own.get("optimizer") or own["schedule"]
    if not _here(argument.span, source):
        return
    if "optimizer" in own:
        label, about = "schedule = constant", "a stage's own optimizer has a constant learning rate"
    else:
        label = f"optimizer = {recipe.settings.optimizer}"
        about = "a stage's own schedule starts the recipe's optimizer afresh"
    yield argument.span.end, f"; {label}", about
