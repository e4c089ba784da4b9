"""What every catalogue entry is: a named, documented, validated set of parameters.

An entry's class is its declaration (name, definition, citation, parameters with ranges); an instance is one use
of it with every parameter resolved. Plans carry instances, which serialise as ``{"name": …, "arguments": {…}}``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, ClassVar, Literal, TypeVar, cast, get_args, get_origin

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    SerializerFunctionWrapHandler,
    model_serializer,
)
from pydantic.fields import FieldInfo
from pydantic_core import core_schema


class Entry(BaseModel):
    """Base of everything a recipe can call by name.

    Class attributes:
        name: The name in the language.
        kind: The index it belongs to, in words for messages: ``loss``, ``model``, …
        formula: Its definition in one line, for cards and the reference page.
        citation: The publication that defines it; empty where it is common knowledge.
    """

    # strict: `true` is no number and 1.5 is no integer; deferred: `check` needs only what a recipe names
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)

    name: ClassVar[str]
    kind: ClassVar[str]
    formula: ClassVar[str] = ""
    citation: ClassVar[str] = ""

    @model_serializer(mode="wrap")
    def _as_call(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {"name": type(self).name, "arguments": handler(self)}

    def __str__(self) -> str:
        """The call as a recipe would write it, with the arguments that differ from their defaults."""
        changed = [
            f"{info.alias or field} = {_written(getattr(self, field), info)}"
            for field, info in type(self).model_fields.items()
            if getattr(self, field) != info.get_default(call_default_factory=True)
        ]
        return f"{type(self).name}({', '.join(changed)})" if changed else type(self).name

    @classmethod
    def as_json_schema(cls, arguments: dict[str, Any]) -> dict[str, Any]:
        """The JSON Schema of a use of it, around that of its arguments."""
        needed = any(info.is_required() for info in cls.model_fields.values())
        return {
            "type": "object",
            "properties": {"name": {"const": cls.name}, "arguments": arguments},
            "required": ["name", "arguments"] if needed else ["name"],
            "additionalProperties": False,
        }

    @classmethod
    def summary(cls) -> str:
        """The first sentence of the declaration's docstring."""
        return (cls.__doc__ or "").strip().split("\n", 1)[0]


E = TypeVar("E", bound=Entry)


@cache
def _with_defaults(entry: type[Entry]) -> Entry:
    return entry.model_construct()


def plain(entry: type[E]) -> E:
    """The entry with all its defaults: made once, and without a validator, which takes long to build."""
    return cast(E, _with_defaults(entry))


class Slot:
    """Marks a field that holds an entry, given as one or as ``{"name": …, "arguments": {…}}`` from a plan's JSON.

    The field checks the kind only: an entry has validated its own arguments. So a class with many slots needs no schema
    of every entry that could stand in them.

    Args:
        base: The kind of entry.
        known: The index to look names up in.
    """

    def __init__(self, base: type[E], known: Mapping[str, type[E]]) -> None:
        self.base = base
        self.known = known

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        """The slot as pydantic sees it."""
        del source, handler
        return core_schema.no_info_plain_validator_function(
            self._entry,
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda entry, info: entry.model_dump(mode=info.mode, by_alias=info.by_alias),
                info_arg=True,
            ),
        )

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """One of the entries as JSON holds it."""
        del schema
        choices = []
        for entry in self.known.values():
            entry.model_rebuild()  # its schema may have been deferred
            choices.append(entry.as_json_schema(handler(entry.__pydantic_core_schema__)))
        return {"oneOf": choices}

    def _entry(self, value: Any) -> Entry:
        if isinstance(value, Mapping):
            name = value.get("name")
            if not isinstance(name, str) or name not in self.known:
                raise ValueError(f"{name!r} is not in the catalogue")
            # JSON has no tuples, hence not the strict rules that a recipe's own values are held to
            return self.known[name].model_validate(value.get("arguments", {}), strict=False)
        if not isinstance(value, self.base):
            raise ValueError(f"not a {self.base.kind}")
        return value


@dataclass(frozen=True)
class Added:
    """Marks a field that a version of ltdsl added: plans of before have it not, and mean what its default says.

    Args:
        version: The first that has it.
    """

    version: str


def is_added(info: FieldInfo) -> bool:
    """True for a field that plans of version 0.1 do not have."""
    return any(isinstance(part, Added) for part in info.metadata)


def _written(value: Any, info: FieldInfo) -> str:
    """A field's value; text, unlike a choice, stands in quotes."""
    # of `Text | None`, pydantic leaves the marker where it was
    optional = [part for arg in get_args(info.annotation) for part in get_args(arg)]
    names = [arg for arg in get_args(info.annotation) if get_origin(arg) is Literal]
    if any(value in get_args(name) for name in names):
        return str(value)
    if isinstance(value, str) and "text" in (*info.metadata, *optional):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return write(value)


def write(value: Any) -> str:
    """A resolved value in the language's own notation."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple | list):
        return f"[{', '.join(write(item) for item in value)}]"
    if isinstance(value, float):
        short = f"{value:.12g}"
        return short if float(short) == value else repr(value)
    return str(value)


#: Text a recipe writes in quotes; every other string parameter is a choice, written as a plain name.
Text = Annotated[str, "text"]

#: A place in time: an epoch, or a percentage of the epochs it is counted in, kept as ``"80%"``.
Point = Annotated[int, Field(ge=0)] | Annotated[str, Field(pattern=r"^\d+(\.\d+)?%$")]


def _fraction(value: Any) -> Any:
    if isinstance(value, str) and value.endswith("%"):
        return float(f"{value[:-1]}e-2")  # exactly what 0.143 is; 14.3 / 100 is not
    return value


#: A share in [0, 1]: ``0.1`` or ``10%``.
Fraction = Annotated[float, BeforeValidator(_fraction), Field(ge=0, le=1)]

__all__ = [
    "Added",
    "Entry",
    "Fraction",
    "Point",
    "Slot",
    "Text",
    "is_added",
    "plain",
    "write",
]
