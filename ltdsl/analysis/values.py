"""From syntax to catalogue entries: every written value is looked up, typed and range-checked here.

The pydantic declaration of an entry is the only source of its rules; this module translates between it and places
in the text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache, lru_cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, TypeVar, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from ltdsl.catalogue import INDEXES, Entry
from ltdsl.catalogue.entry import plain
from ltdsl.diagnostics import Diagnostic, Edit, nearest, report
from ltdsl.source import Span
from ltdsl.syntax import Argument, Boolean, Call, List, Percent, String, Value
from ltdsl.syntax.scanner import shown

E = TypeVar("E", bound=Entry)
Report = Callable[[Diagnostic], None]

_UNKNOWN = {"setting": "LT101", "stage setting": "LT101"}
_WRITTEN = {
    Percent: "a percentage",
    Boolean: "true or false",
    String: "text",
    List: "a list",
}


def find(node: Call, base: type[E], problems: Report) -> type[E] | None:
    """The entry that a call names, of the kind that ``base`` stands for; reports an unknown name."""
    known = INDEXES[base]
    name = node.name.text
    if name in known:
        return known[name]  # type: ignore[return-value]
    code = "LT102" if base.kind in ("sampler", "mixer", "loss", "trick") else "LT104"
    close = nearest(name, known)
    other = next((index[name].kind for index in INDEXES.values() if name in index), None)
    misplaced = f"`{name}`, {_article(other or '')}, cannot stand here"
    problems(
        report(
            code,
            node.name.span,
            misplaced if other else f"unknown {base.kind} `{name}`",
            label="" if other else f"no {base.kind} has this name",
            help=f"did you mean `{close}`?" if close else _listing(known),
            edit=Edit(node.name.span, close) if close else None,
        )
    )
    return None


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
            problems(_unknown(entry, argument, list(fields)))
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
        for key, details in _grouped(error).items():
            if key[0] not in skip:
                problems(_translate(entry, key, details, fields, nodes, span))
                failed = True
        return None
    return None if failed else built


class Field(NamedTuple):
    """What a declaration says of a parameter, read once.

    Attributes:
        info: Pydantic's view of it.
        annotation: Its type with all metadata.
        base: The kind of entry that it holds, or None.
        many: True where it holds a list.
        text: True where it takes text in quotes.
        choices: The names it takes, where these are fixed.
        required: True where it has no default.
    """

    info: FieldInfo
    annotation: Any
    base: type[Entry] | None
    many: bool
    text: bool
    choices: tuple[str, ...]
    required: bool


@cache
def fields_of(entry: type[Entry]) -> dict[str, Field]:
    """The parameters of an entry, by the names that recipes write."""
    fields = {}
    for name, info in entry.model_fields.items():
        annotation = annotation_of(info)
        fields[info.alias or name] = Field(
            info,
            annotation,
            entry_of(annotation),
            get_origin(_optional(annotation)) is tuple,
            _is_text(annotation),
            choices_of(annotation),
            info.is_required(),
        )
    return fields


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
        if text and not quoted:
            edit = Edit(node.span, f'"{written}"')
            problems(_type_problem(node, name, "text in quotes", "a name", edit))
            return _WRONG
        if quoted and not text:
            bare = Edit(node.span, str(written)) if written in choices else None
            problems(_type_problem(node, name, describe(annotation), "text in quotes", bare))
            return _WRONG
    if isinstance(node, Percent) and text:  # else its own text would do
        problems(_type_problem(node, name, "text in quotes", _what(node)))
        return _WRONG
    return _plain(node)


def _entry(node: Value, field: Field, base: type[Entry], name: str, problems: Report) -> Any:
    """An entry, or a tuple of entries, from calls."""
    annotation, many = field.annotation, field.many
    items = node.items if isinstance(node, List) else (node,)
    if many != isinstance(node, List):
        edit = Edit(node.span, f"[{node.span.text}]") if many else None
        problems(_type_problem(node, name, describe(annotation), _what(node), edit))
        return _WRONG
    built: list[Entry | None] = []
    for item in items:
        if not isinstance(item, Call):
            problems(_type_problem(item, name, _article(base.kind), _what(item)))
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


# ── types, in words ──────────────────────────────────────────────────────────────────────────────


def annotation_of(info: FieldInfo) -> Any:
    """A field's type with the metadata that pydantic has moved out of it."""
    annotation = info.annotation
    for part in info.metadata:
        annotation = Annotated[annotation, part]  # type: ignore[assignment]
    return annotation


def members_of(annotation: Any) -> list[Any]:
    """The alternatives of a type, seen through Annotated and Union."""
    if get_origin(annotation) is Annotated:
        return members_of(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return [member for arg in get_args(annotation) for member in members_of(arg)]
    return [annotation]


def _optional(annotation: Any) -> Any:
    """The one alternative that is not None."""
    return next(member for member in members_of(annotation) if member is not NoneType)


def _is_text(annotation: Any) -> bool:
    """True where a quoted string is expected, however deep the marker sits."""
    if get_origin(annotation) is Annotated:
        inner, *metadata = get_args(annotation)
        return "text" in metadata or _is_text(inner)
    if get_origin(annotation) in (Union, UnionType):
        return any(_is_text(arg) for arg in get_args(annotation))
    return False


def entry_of(annotation: Any) -> type[Entry] | None:
    """The base class of the entries a type holds, or None."""
    for member in members_of(annotation):
        if get_origin(member) is tuple:
            return entry_of(get_args(member)[0])
        if isinstance(member, type) and issubclass(member, Entry):
            return member
    return None


def choices_of(annotation: Any) -> tuple[str, ...]:
    """The names that a type takes, if it takes one of a few."""
    return next((get_args(m) for m in members_of(annotation) if get_origin(m) is Literal), ())


def describe(annotation: Any) -> str:
    """What a type takes, in words."""
    if choices := choices_of(annotation):
        return (
            "`" + "`, `".join(choices[:-1]) + ("` or `" if choices[1:] else "") + f"{choices[-1]}`"
        )
    if base := entry_of(annotation):
        many = get_origin(_optional(annotation)) is tuple
        return f"a list of {base.kind}s in brackets" if many else _article(base.kind)
    members = [member for member in members_of(annotation) if member is not NoneType]
    if set(members) == {int, str}:
        return "an epoch or a percentage"
    words = {int: "a whole number", float: "a number", bool: "`true` or `false`"}
    first = members[0]
    if get_origin(first) is tuple:
        return f"a list, each item {describe(get_args(first)[0])}"
    return words.get(first, "text in quotes")


def _article(noun: str) -> str:
    return f"{'an' if noun[:1] in tuple('aeiou') else 'a'} {noun}"


def _listing(names: Iterable[str]) -> str:
    names = list(names)
    shown = names if len(names) <= 12 else [*names[:11], "…"]
    return f"known: {', '.join(shown)}"


def _what(node: Value) -> str:
    if isinstance(node, Call):
        return "a call" if node.arguments else "a name"
    return _WRITTEN.get(type(node), f"`{shown(node.span.text)}`")


# ── problems ─────────────────────────────────────────────────────────────────────────────────────


def _unknown(entry: type[Entry], argument: Argument, known: list[str]) -> Diagnostic:
    name = argument.name.text
    close = nearest(name, known)
    setting = entry.kind in _UNKNOWN
    owner = "" if setting else f" of `{entry.name}`"
    listing = f"{'known' if setting else 'it takes'}: {', '.join(known)}"
    nothing = f"`{entry.name}` takes no arguments"
    return report(
        _UNKNOWN.get(entry.kind, "LT103"),
        argument.name.span,
        f"unknown {entry.kind if setting else 'parameter'} `{name}`{owner}",
        help=f"did you mean `{close}`?" if close else listing if known else nothing,
        edit=Edit(argument.name.span, close) if close else None,
    )


def _type_problem(
    node: Value, name: str, expected: str, found: str, edit: Edit | None = None
) -> Diagnostic:
    return report(
        "LT105",
        node.span,
        f"`{name}` takes {expected}, not {found}",
        help=f"write `{edit.replacement}`" if edit else "",
        edit=edit,
    )


def _grouped(error: ValidationError) -> dict[tuple[str, int | None], list[ErrorDetails]]:
    """Pydantic's errors by field and list item; a union reports one for each of its members."""
    groups: dict[tuple[str, int | None], list[ErrorDetails]] = {}
    for detail in error.errors(include_url=False):
        location = detail["loc"]
        item = next((part for part in location[1:] if isinstance(part, int)), None)
        groups.setdefault((str(location[0]), item), []).append(detail)
    return groups


def _translate(
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
        annotation = get_args(_optional(annotation))[0]
    limit = next((d for d in details if d["type"] in _LIMITS), None)
    if limit and not isinstance(node, Call):
        bounds = limits(annotation if item is not None else info)
        words = f"must be {bounds}" if bounds else _LIMITS[limit["type"]].format(**limit["ctx"])
        found = "" if limit["type"] == "string_too_short" else f", not {shown(node.span.text)}"
        return report("LT106", node.span, f"`{name}` {words}{found}")
    choices = choices_of(annotation)
    if choices and isinstance(node, Call) and not node.arguments:
        close = nearest(node.name.text, choices)
        return report(
            "LT104",
            node.span,
            f"`{name}` takes {describe(annotation)}, not `{node.name.text}`",
            help=f"did you mean `{close}`?" if close else "",
            edit=Edit(node.span, close) if close else None,
        )
    return _type_problem(node, name, describe(annotation), _what(node))


_LIMITS = {
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "string_too_short": "must not be empty",
    "string_pattern_mismatch": "must be an epoch or a percentage such as 80%",
}


def limits(info: FieldInfo | Any) -> str:
    """The range of a numeric field in words, such as ``at least 0 and at most 10``; empty without one."""
    low: list[tuple[Any, str]] = []
    high: list[tuple[Any, str]] = []
    for part in info.metadata if isinstance(info, FieldInfo) else _metadata(info):
        for limit in part.metadata if isinstance(part, FieldInfo) else (part,):
            if isinstance(limit, Ge):
                low.append((limit.ge, f"at least {limit.ge}"))
            elif isinstance(limit, Gt):
                low.append((limit.gt, f"more than {limit.gt}"))
            elif isinstance(limit, Le):
                high.append((limit.le, f"at most {limit.le}"))
            elif isinstance(limit, Lt):
                high.append((limit.lt, f"less than {limit.lt}"))
    tightest = [max(low)[1]] if low else []
    tightest += [min(high)[1]] if high else []
    return " and ".join(tightest)


def _metadata(annotation: Any) -> list[Any]:
    """All metadata inside a type."""
    found: list[Any] = []
    if get_origin(annotation) is Annotated:
        inner, *metadata = get_args(annotation)
        found += metadata + _metadata(inner)
    elif get_origin(annotation) in (Union, UnionType):
        for arg in get_args(annotation):
            found += _metadata(arg)
    return found
