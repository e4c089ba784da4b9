"""What every catalogue entry is: a named, documented, validated set of parameters.

An entry's class is its declaration (name, definition, citation, parameters with ranges); an instance is one use
of it with every parameter resolved. Plans carry instances, which serialise as ``{"name": …, "arguments": {…}}``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializeAsAny,
    SerializerFunctionWrapHandler,
    model_serializer,
)


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
            f"{info.alias or field} = {write(getattr(self, field))}"
            for field, info in type(self).model_fields.items()
            if getattr(self, field) != info.get_default(call_default_factory=True)
        ]
        return f"{type(self).name}({', '.join(changed)})" if changed else type(self).name

    @classmethod
    def summary(cls) -> str:
        """The first sentence of the declaration's docstring."""
        return (cls.__doc__ or "").strip().split("\n", 1)[0]


E = TypeVar("E", bound=Entry)


def index(*entries: type[E]) -> dict[str, type[E]]:
    """Entries by name, in the order given."""
    return {entry.name: entry for entry in entries}


def revive(known: Mapping[str, type[E]]) -> BeforeValidator:
    """A validator that turns ``{"name": …, "arguments": {…}}``, as read from a plan's JSON, back into an entry."""

    def build(value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        if value.get("name") not in known:
            raise ValueError(f"{value.get('name')!r} is not in the catalogue")
        # JSON has no tuples, hence not the strict rules that a recipe's own values are held to
        return known[value["name"]].model_validate(value.get("arguments", {}), strict=False)

    return BeforeValidator(build)


def write(value: Any) -> str:
    """A resolved value in the language's own notation."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple | list):
        return f"[{', '.join(write(item) for item in value)}]"
    if isinstance(value, float):
        return f"{value:.12g}"
    return str(value)


#: Text a recipe writes in quotes; every other string parameter is a choice, written as a plain name.
Text = Annotated[str, "text"]

#: A place in time: an epoch, or a percentage of the epochs it is counted in, kept as ``"80%"``.
Point = Annotated[int, Field(ge=0)] | Annotated[str, Field(pattern=r"^\d+(\.\d+)?%$")]


def _fraction(value: Any) -> Any:
    if isinstance(value, str) and value.endswith("%"):
        return float(value[:-1]) / 100
    return value


#: A share in [0, 1]: ``0.1`` or ``10%``.
Fraction = Annotated[float, BeforeValidator(_fraction), Field(ge=0, le=1)]

__all__ = ["Entry", "Fraction", "Point", "SerializeAsAny", "Text", "index", "revive", "write"]
