"""Resolving: layers of settings become one value for each name, by precedence.

From weakest to strongest: the data set's protocol, used files, the recipe, ``--set name``, a stage's braces,
``--set stage.name``. Merged values are syntax again, so each part still knows where it was written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

from ltdsl.analysis.addresses import address_of, addresses_in
from ltdsl.analysis.assignments import Assignment
from ltdsl.analysis.load import Document
from ltdsl.analysis.suggest import suggest
from ltdsl.catalogue import DATASETS, MODELS, Dataset, DigitsLT
from ltdsl.catalogue.models import PRETRAINED
from ltdsl.diagnostics import Diagnostic, Edit, Report, report
from ltdsl.recipe import Overrides, Settings
from ltdsl.source import Source, Span
from ltdsl.syntax import Argument, Call, Identifier, Setting, Stage, Start, Value
from ltdsl.syntax.parser import parse_file


@dataclass
class ResolvedStage:
    """A stage with its braces and the command line's changes merged in."""

    name: Identifier
    span: Span
    tricks: list[Call]
    start: Start | None
    overrides: dict[str, Argument] = field(default_factory=dict)


@dataclass
class Resolved:
    """One value for each setting, and the stages.

    Attributes:
        settings: By name.
        stages: In the order in which they are written.
        whole: False where a syntax error may have cost a statement or a part of one.
    """

    settings: dict[str, Argument]
    stages: list[ResolvedStage]
    whole: bool = True


def resolve(document: Document, assignments: Sequence[Assignment], problems: Report) -> Resolved:
    """Merge all layers by precedence."""
    names = {stage.name.text for stage in document.stages}
    scoped = [a for a in assignments if a.path[0].text in names and len(a.path) > 1]
    unscoped = [a for a in assignments if a not in scoped]
    own = [Argument(s.span, s.name, s.value) for s in document.settings]
    settings: dict[str, Argument] = {}
    for argument in [*_protocol([*own, *(a.argument() for a in unscoped)]), *own]:
        _put(settings, argument)
    for assignment in unscoped:
        if assignment.path[0].text not in Settings.model_fields:
            problems(_unknown_address(assignment, document.stages))
        else:
            _assign(settings, settings, assignment, assignment.path, problems)
    _as_published(settings)
    stages = [_stage(stage, settings) for stage in document.stages]
    for assignment in scoped:
        stage = next(s for s in stages if s.name.text == assignment.path[0].text)
        _assign_in_stage(stage, settings, assignment, problems)
    return Resolved(settings, stages, document.whole)


def _protocol(arguments: Sequence[Argument]) -> list[Argument]:
    """The settings of the protocol of the data set that was chosen last."""
    entry: type[Dataset] = DigitsLT
    for argument in arguments:
        if argument.name.text == "dataset" and isinstance(argument.value, Call):
            entry = DATASETS.get(argument.value.name.text, entry)
    return _settings_of(entry)


@cache
def _settings_of(entry: type[Dataset]) -> list[Argument]:
    """A protocol, parsed once however many recipes use it."""
    text = f"dataset = {entry.name}\n{entry.protocol}"
    tree, _ = parse_file(Source(f"protocol of {entry.name}", text, kind="protocol"))
    return [Argument(s.span, s.name, s.value) for s in tree.statements if isinstance(s, Setting)]


def _as_published(settings: dict[str, Argument]) -> None:
    """Take the size of images that published weights were trained for, where nothing says another."""
    named = {
        name: setting.value
        for name in ("dataset", "model", "init")
        if (setting := settings.get(name)) is not None and isinstance(setting.value, Call)
    }
    if len(named) < 3 or named["init"].name.text != PRETRAINED:
        return
    model, dataset = (each.name.text for each in (named["model"], named["dataset"]))
    entry, data = MODELS.get(model), DATASETS.get(dataset)
    if entry is None or entry.published is None or data is None or "size" not in data.model_fields:
        return
    text = f"dataset = {dataset}(size = {entry.published.size})"
    tree, _ = parse_file(Source(f"weights of {model}", text, kind="protocol"))
    weakest = next(s.value for s in tree.statements if isinstance(s, Setting))
    written = settings["dataset"]
    settings["dataset"] = written._replace(value=merge(weakest, written.value))


def _put(values: dict[str, Argument], argument: Argument) -> None:
    """Set a value; a call of the name that is there already changes only what it writes."""
    name = argument.name.text
    if name in values:
        argument = argument._replace(value=merge(values[name].value, argument.value))
    values[name] = argument


def merge(old: Value, new: Value) -> Value:
    """The newer value; a call keeps the arguments of an older one of the same name that it does not write."""
    if not (isinstance(old, Call) and isinstance(new, Call) and old.name.text == new.name.text):
        return new
    arguments = {argument.name.text: argument for argument in old.arguments}
    for argument in new.arguments:
        _put(arguments, argument)
    return new._replace(arguments=tuple(arguments.values()))


def _stage(stage: Stage, settings: dict[str, Argument]) -> ResolvedStage:
    resolved = ResolvedStage(stage.name, stage.span, list(stage.tricks), stage.start)
    for own in stage.overrides:
        _inherit(resolved.overrides, settings, Argument(own.span, own.name, own.value))
    return resolved


def _inherit(
    overrides: dict[str, Argument], settings: dict[str, Argument], argument: Argument
) -> None:
    """Set a stage's own value, which starts from the recipe's where it calls the same name."""
    name = argument.name.text
    inherited = overrides.get(name, settings.get(name))
    if inherited is not None:
        argument = argument._replace(value=merge(inherited.value, argument.value))
    overrides[name] = argument


def _assign(
    values: dict[str, Argument],
    inherited: dict[str, Argument],
    assignment: Assignment,
    path: tuple[Identifier, ...],
    problems: Report,
) -> None:
    """Apply ``name = value`` or ``name.key = value`` from the command line."""
    value = assignment.value()
    if value is None:
        return
    name, *keys = path
    if keys:
        current = values.get(name.text, inherited.get(name.text))
        nested = _nested(current.value if current else None, keys, value)
        if nested is None:
            problems(
                report(
                    "LT116",
                    assignment.address,
                    f"`{name.text}` has no parts that `{'.'.join(key.text for key in keys)}` could name",
                )
            )
            return
        value = nested
    argument = Argument(assignment.span, name, value)
    if values is inherited:
        _put(values, argument)
    else:
        _inherit(values, inherited, argument)


def _nested(current: Value | None, keys: Sequence[Identifier], value: Value) -> Value | None:
    """A call of the current name that writes only the argument at ``keys``; None where there is no such call."""
    if not isinstance(current, Call):
        return None
    key, *rest = keys
    if rest:
        inner = next((a.value for a in current.arguments if a.name.text == key.text), None)
        nested = _nested(inner, rest, value)
        if nested is None:
            return None
        value = nested
    return Call(current.span, current.name, (Argument(value.span, key, value),))


def _assign_in_stage(
    stage: ResolvedStage, settings: dict[str, Argument], assignment: Assignment, problems: Report
) -> None:
    """Apply ``stage.at``, ``stage.tricks``, ``stage.setting…`` or ``stage.trick.parameter``."""
    _, name, *keys = assignment.path
    if name.text == "at" and not keys:
        stage.start = assignment.start() or stage.start
    elif name.text == "tricks" and not keys:
        stage.tricks = list(assignment.chain() or stage.tricks)
    elif name.text in Overrides.model_fields:
        _assign(stage.overrides, settings, assignment, assignment.path[1:], problems)
    else:
        place = next((i for i, t in enumerate(stage.tricks) if t.name.text == name.text), None)
        if place is None or not keys:
            problems(_unknown_in_stage(stage, name))
            return
        value = assignment.value()
        nested = _nested(stage.tricks[place], keys, value) if value else None
        if nested is not None:
            merged = merge(stage.tricks[place], nested)
            assert isinstance(merged, Call)  # both are
            stage.tricks[place] = merged
        elif value:
            problems(
                report(
                    "LT116",
                    assignment.address,
                    f"`{name.text}` has no such part; write it in `tricks`",
                )
            )


def _unknown_address(assignment: Assignment, stages: Sequence[Stage]) -> Diagnostic:
    name = assignment.path[0]
    value = assignment.span.source.text[assignment.start_of_value :].strip()
    address = address_of(name.text) if len(assignment.path) == 1 else None
    written = ((stage.name.text, [trick.name.text for trick in stage.tricks]) for stage in stages)
    addresses = [address] if address else addresses_in(name.text, written)
    known = [*Settings.model_fields, *(stage.name.text for stage in stages)]
    said = suggest(name.text, name.span, known)
    if addresses and len(assignment.path) == 1:
        said = said._replace(
            help="write " + " or ".join(f"`--set {each}={value}`" for each in addresses[:3]),
            edit=Edit(name.span, addresses[0]) if len(addresses) == 1 else None,
        )
    message = f"no setting and no stage is called `{name.text}`"
    if any(name.text == stage.name.text for stage in stages):
        message = f"`{name.text}` is a stage: name the part to set, as in `{name.text}.at=80%`"
        listing = f'or all of its tricks: `--set {name.text}.tricks="{value or "…"}"`'
        return report("LT116", name.span, message, help=listing)
    return report("LT116", name.span, message, **said._asdict())


def _unknown_in_stage(stage: ResolvedStage, name: Identifier) -> Diagnostic:
    tricks = [trick.name.text for trick in stage.tricks]
    known = ["at", "tricks", *Overrides.model_fields, *tricks]
    listing = f"it has: {', '.join(known)}"
    if name.text in tricks:
        message = f"`{name.text}` is a trick: name the parameter to set, as in `{stage.name.text}.{name.text}.…`"
        return report("LT116", name.span, message, help=listing)
    message = f"the stage `{stage.name.text}` has nothing called `{name.text}`"
    addresses = addresses_in(name.text, [(stage.name.text, tricks)])
    said = suggest(name.text, name.span, known, listing)
    if addresses:
        said = said._replace(
            help="write " + " or ".join(f"`--set {each}=…`" for each in addresses), edit=None
        )
    return report("LT116", name.span, message, **said._asdict())
