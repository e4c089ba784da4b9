"""From syntax to catalogue entries: every written value is looked up, typed and range-checked here.

The pydantic declaration of an entry is the only source of its rules; this module translates between it and places
in the text.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, TypeVar

from pydantic import ValidationError

from ltdsl.analysis.examples import instead_of
from ltdsl.analysis.refusals import by_field, listing, refused, unknown_parameter, what, wrong_type
from ltdsl.analysis.suggest import Suggestion, suggest
from ltdsl.catalogue import INDEXES, Entry
from ltdsl.catalogue.entry import plain
from ltdsl.catalogue.fields import Field, article, describe, fields_of
from ltdsl.catalogue.names import nearest
from ltdsl.diagnostics import Diagnostic, Edit, Report, report
from ltdsl.source import Span
from ltdsl.syntax import Argument, Call, List, Percent, String, Value

E = TypeVar("E", bound=Entry)


def find(node: Call, base: type[E], problems: Report) -> type[E] | None:
    """The entry that a call names, of the kind that ``base`` stands for; reports an unknown name."""
    known = INDEXES[base]
    name = node.name.text
    if name in known:
        return known[name]  # type: ignore[return-value]
    code = "LT102" if base.kind in ("sampler", "mixer", "loss", "trick") else "LT104"
    other = next((index[name].kind for index in INDEXES.values() if name in index), None)
    misplaced = f"`{name}`, {article(other or '')}, cannot stand here"
    message = misplaced if other else f"unknown {base.kind} `{name}`"
    place, label = node.name.span, "" if other else f"no {base.kind} has this name"
    said = suggest(name, place, known, listing(known), label)
    if not other and (elsewhere := _elsewhere(name)):
        said = elsewhere
    problems(report(code, place, message, **said._asdict()))
    return None


def _elsewhere(name: str) -> Suggestion | None:
    """Where a name is to be had that the catalogue lacks: of an installed package that is not enabled, or is broken."""
    from ltdsl.plugins.loading import why_missing
    from ltdsl.plugins.offers import offered

    offer = offered(name)
    if offer is None:
        return None
    missing = why_missing(offer.package)
    if missing is None:
        return Suggestion(f"the plug-in `{offer.package}` could not load it")
    label = f"the installed package `{offer.package}` has it, which is not enabled"
    return Suggestion(label, f"enable it: {missing.hint}")


def build(
    entry: type[E],
    arguments: tuple[Argument, ...],
    span: Span,
    problems: Report,
    skip: frozenset[str] = frozenset(),
) -> E | None:
    """Validate the arguments written for an entry.

    Args:
        entry: The declaration.
        arguments: What was written, each name at most once.
        span: Where to point for an argument that is missing.
        problems: Receives every problem found.
        skip: Required fields not to ask for, because their own problem has been reported.

    Returns:
        The entry, or None where there was any problem.
    """
    fields = fields_of(entry)
    values: dict[str, Any] = {}
    nodes: dict[str, Value] = {}
    failed = bool(skip)
    for argument in arguments:
        name = argument.name.text
        if name not in fields:
            problems(unknown_parameter(entry, argument, list(fields), arguments))
            failed = True
            continue
        value = _value(argument.value, fields[name], name, problems)
        if value is _WRONG:
            failed = True
            skip = skip | {name}
            continue
        values[name], nodes[name] = value, argument.value
    if not values and not failed and not any(field.required for field in fields.values()):
        return plain(entry)
    try:
        built = entry.model_validate(values)
    except ValidationError as error:
        for key, details in by_field(error).items():
            if key[0] not in skip:
                problems(refused(entry, key, details, fields, nodes, span))
                failed = True
        return None
    return None if failed else built


_WRONG = object()


def _value(node: Value, field: Field, name: str, problems: Report) -> Any:
    """The plain value of a node where a field of this type is expected, or ``_WRONG``."""
    annotation, text, choices = field.annotation, field.text, field.choices
    if field.base is not None:
        return _entry(node, field, field.base, name, problems)
    if isinstance(node, List):
        return tuple(_plain(item) for item in node.items)
    quoted = isinstance(node, String)
    if quoted or (isinstance(node, Call) and not node.arguments):
        written = node.value if isinstance(node, String) else node.name.text  # type: ignore[union-attr]
        if text and not quoted and written not in choices:
            edit = Edit(node.span, nearest(str(written), choices) or f'"{written}"')
            wanted = describe(annotation) if choices else "text in quotes"
            problems(wrong_type(node, name, wanted, "a name", edit))
            return _WRONG
        if quoted and not text:
            bare = Edit(node.span, str(written)) if written in choices else None
            instead = instead_of(node, name, field)
            problems(wrong_type(node, name, describe(annotation), "text in quotes", bare, instead))
            return _WRONG
    if isinstance(node, Percent) and text:  # else its own text would do
        problems(wrong_type(node, name, "text in quotes", what(node)))
        return _WRONG
    return _plain(node)


def _entry(node: Value, field: Field, base: type[Entry], name: str, problems: Report) -> Any:
    """An entry, or a tuple of entries, from calls."""
    annotation, many = field.annotation, field.many
    items = node.items if isinstance(node, List) else (node,)
    if many != isinstance(node, List):
        one = isinstance(node, Call) and node.name.text in INDEXES[base]
        edit = Edit(node.span, f"[{node.span.text}]") if many and one else None
        instead = instead_of(node, name, field)
        problems(wrong_type(node, name, describe(annotation), what(node), edit, instead))
        return _WRONG
    built: list[Entry | None] = []
    for item in items:
        if not isinstance(item, Call):
            quoted = isinstance(item, String) and item.value in INDEXES[base]
            bare = Edit(item.span, str(item.value)) if quoted else None  # type: ignore[union-attr]
            instead = "" if many else instead_of(item, name, field)
            problems(wrong_type(item, name, article(base.kind), what(item), bare, instead))
            built.append(None)
            continue
        built.append(_called(item, base, problems))
    if None in built:
        return _WRONG
    return tuple(built) if many else built[0]


def _called(call: Call, base: type[Entry], problems: Report) -> Entry | None:
    """The entry that a call stands for."""
    if call.span.source.kind == "protocol":
        built, found = _of_protocol(call, base)
        for problem in found:
            problems(problem)
        return built
    entry = find(call, base, problems)
    return build(entry, call.arguments, call.span, problems) if entry else None


@lru_cache(maxsize=256)
def _of_protocol(call: Call, base: type[Entry]) -> tuple[Entry | None, list[Diagnostic]]:
    """What a data set's protocol calls, which is the same in every recipe, and what is wrong with it."""
    found: list[Diagnostic] = []
    entry = find(call, base, found.append)
    return build(entry, call.arguments, call.span, found.append) if entry else None, found


def _plain(node: Value) -> Any:
    """A value without its place: percentages stay text, bare names become text, calls stay calls."""
    if isinstance(node, Percent):
        return f"{node.value:.12g}%"
    if isinstance(node, List):
        return tuple(_plain(item) for item in node.items)
    if isinstance(node, Call):
        return node if node.arguments else node.name.text
    return node.value
