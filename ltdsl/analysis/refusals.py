"""One sentence for each way in which a written value is not what its declaration asks for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ltdsl.analysis.addresses import address_of, as_part
from ltdsl.analysis.examples import instead_of, set_by
from ltdsl.analysis.suggest import suggest
from ltdsl.catalogue import Entry
from ltdsl.catalogue.fields import Field, choices_of, describe, limits, optional
from ltdsl.diagnostics import Diagnostic, Edit, report
from ltdsl.source import Span
from ltdsl.syntax import Argument, Boolean, Call, List, Percent, String, Value
from ltdsl.syntax.scanner import shown

_UNKNOWN = {"setting": "LT101", "stage setting": "LT101"}
#: What was written, in words.
_WRITTEN = {
    Percent: "a percentage",
    Boolean: "true or false",
    String: "text",
    List: "a list",
}

#: Pydantic's kinds of errors about a range, in words.
_LIMITS = {
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "string_too_short": "must not be empty",
    "string_pattern_mismatch": "must be an epoch or a percentage such as 80%",
}


def listing(names: Iterable[str]) -> str:
    """All names that are known, or the first of many."""
    names = list(names)
    shown = names if len(names) <= 12 else [*names[:11], "…"]
    return f"known: {', '.join(shown)}"


def what(node: Value) -> str:
    """What a node is, in words."""
    if isinstance(node, Call):
        return "a call" if node.arguments else "a name"
    return _WRITTEN.get(type(node), f"`{shown(node.span.text)}`")


def unknown_parameter(
    entry: type[Entry], argument: Argument, known: list[str], others: Iterable[Argument]
) -> Diagnostic:
    """An argument that its entry does not take, among others."""
    name = argument.name.text
    setting = entry.kind in _UNKNOWN
    owner = "" if setting else f" of `{entry.name}`"
    listing = f"{'known' if setting else 'it takes'}: {', '.join(known)}"
    nothing = f"`{entry.name}` takes no arguments"
    said = suggest(name, argument.name.span, known, listing if known else nothing)
    if setting:
        called = {a.name.text: a.value.name.text for a in others if isinstance(a.value, Call)}
        part = as_part(address_of(name) or "", argument.value.span.text, called)
        line = f"write `{part}`" if part else set_by(entry, name, argument.value)
        said = said._replace(help=line, edit=None) if line else said
    return report(
        _UNKNOWN.get(entry.kind, "LT103"),
        argument.name.span,
        f"unknown {entry.kind if setting else 'parameter'} `{name}`{owner}",
        **said._asdict(),
    )


def wrong_type(
    node: Value, name: str, expected: str, found: str, edit: Edit | None = None, instead: str = ""
) -> Diagnostic:
    """A value of another type than expected, and what would mend it, or be written instead."""
    return report(
        "LT105",
        node.span,
        f"`{name}` takes {expected}, not {found}",
        help=f"write `{edit.replacement}`" if edit else instead,
        edit=edit,
    )


def by_field(error: ValidationError) -> dict[tuple[str, int | None], list[ErrorDetails]]:
    """Pydantic's errors by field and list item; a union reports one for each of its members."""
    groups: dict[tuple[str, int | None], list[ErrorDetails]] = {}
    for detail in error.errors(include_url=False):
        location = detail["loc"]
        item = next((part for part in location[1:] if isinstance(part, int)), None)
        groups.setdefault((str(location[0]), item), []).append(detail)
    return groups


def refused(
    entry: type[Entry],
    key: tuple[str, int | None],
    details: list[ErrorDetails],
    fields: dict[str, Field],
    nodes: dict[str, Value],
    span: Span,
) -> Diagnostic:
    """One sentence for what pydantic found wrong with a field or an item of it."""
    name, item = key
    info = fields[name].info
    annotation = fields[name].annotation
    if name not in nodes:
        return report(
            "LT107",
            span,
            f"`{entry.name}` needs `{name}`",
            help=f"add `{name} = …`: {(info.description or '').rstrip('.').lower()}",
        )
    node = nodes[name]
    if item is not None and isinstance(node, List):
        node = node.items[item]
        annotation = get_args(optional(annotation))[0]
    limit = next((d for d in details if d["type"] in _LIMITS), None)
    if limit and not isinstance(node, Call):
        bounds = limits(annotation if item is not None else info)
        words = f"must be {bounds}" if bounds else _LIMITS[limit["type"]].format(**limit["ctx"])
        found = "" if limit["type"] == "string_too_short" else f", not {shown(node.span.text)}"
        return report("LT106", node.span, f"`{name}` {words}{found}")
    said = next((d for d in details if d["type"] == "value_error"), None)
    if said:  # a declaration's own words
        message = f"`{name}` is not what it should be: {shown(node.span.text)}"
        return report("LT106", node.span, message, help=str(said["ctx"]["error"]))
    choices = choices_of(annotation)
    if choices and isinstance(node, Call) and not node.arguments:
        return report(
            "LT104",
            node.span,
            f"`{name}` takes {describe(annotation)}, not `{node.name.text}`",
            **suggest(node.name.text, node.span, choices)._asdict(),
        )
    instead = instead_of(node, name, fields[name]) if item is None else ""
    return wrong_type(node, name, describe(annotation), what(node), instead=instead)
