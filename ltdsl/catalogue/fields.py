"""What the declarations say of each parameter: its type and range, as data and in words."""

from __future__ import annotations

from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic.fields import FieldInfo

from ltdsl.catalogue.entry import Entry


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
            get_origin(optional(annotation)) is tuple,
            _is_text(annotation),
            choices_of(annotation),
            info.is_required(),
        )
    return fields


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


def optional(annotation: Any) -> Any:
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
        quoted = "text in quotes or " if _is_text(annotation) else ""
        return (
            quoted
            + "`"
            + "`, `".join(choices[:-1])
            + ("` or `" if choices[1:] else "")
            + f"{choices[-1]}`"
        )
    if base := entry_of(annotation):
        many = get_origin(optional(annotation)) is tuple
        return f"a list of {base.kind}s in brackets" if many else article(base.kind)
    members = [member for member in members_of(annotation) if member is not NoneType]
    if set(members) == {int, str}:
        return "an epoch or a percentage"
    words = {int: "a whole number", float: "a number", bool: "`true` or `false`"}
    first = members[0]
    if get_origin(first) is tuple:
        return f"a list, each item {describe(get_args(first)[0])}"
    return words.get(first, "text in quotes")


def article(noun: str) -> str:
    """A noun with `a` or `an`."""
    return f"{'an' if noun[:1] in tuple('aeiou') else 'a'} {noun}"


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
