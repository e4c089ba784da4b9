"""What the models of a run's files have in common: strict for those who write, lenient for those who show.

A run directory may be unfinished, damaged or a stranger's. Read leniently, a field that is something else than it
should be is as good as missing, and what is in the way is noted as a gap; a run is still worth showing then. Whoever
writes a file, or goes on from what it says, wants all of it or nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cache
from typing import Annotated, Any, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    PlainValidator,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic_core import CoreSchema, PydanticCustomError
from typing_extensions import Self

#: Longer names are cut where they are shown: a page shows them a few hundred times.
LONGEST_NAME = 200


@dataclass(frozen=True)
class Gap:
    """Something that a file does not say as it should.

    Attributes:
        where: The field, with those it is inside of: ``data.view``.
        what: What is the matter with it.
    """

    where: str
    what: str


@dataclass(frozen=True)
class Lenient:
    """The context that makes a validation lenient.

    Attributes:
        exact: Keep names as they are written, though nobody could print them.
        gaps: What it came across.
    """

    exact: bool = False
    gaps: list[Gap] = field(default_factory=list)


def clean(text: str) -> str:
    """Text that can be written and shown: whole characters only, not endlessly long."""
    text = _whole(text)
    return text if len(text) <= LONGEST_NAME else f"{text[: LONGEST_NAME - 1]}…"


def _whole(text: str) -> str:
    return (
        text.encode("utf-8", "replace").decode("utf-8").replace("\0", "\N{REPLACEMENT CHARACTER}")
    )


def _text(value: Any, info: ValidationInfo) -> str:
    if not isinstance(value, str):
        raise PydanticCustomError("string_type", "Input should be a valid string")
    return _whole(value) if _is_shown(info) else value


def _name(value: Any, info: ValidationInfo) -> str:
    text = _text(value, info)
    return clean(text) if _is_shown(info) else text


def _is_shown(info: ValidationInfo) -> bool:
    # a file's name need not be text, and whoever looks for the file wants it as it is
    return isinstance(info.context, Lenient) and not info.context.exact


T = TypeVar("T")


class _Mark:
    """Says of a field whether a whole file has it."""


ALWAYS, SOMETIMES = _Mark(), _Mark()

#: A value that every whole file has; None where a file that is read leniently has it not.
Always = Annotated[T | None, ALWAYS]

#: A value that is left out, and None then, where there is nothing to say.
Sometimes = Annotated[T | None, SOMETIMES]

#: JSON has no tuples, hence not the strict rules that all else is held to.
Many = Annotated[tuple[T, ...], Field(strict=False)]

Text = Annotated[str, PlainValidator(_text), WithJsonSchema({"type": "string"})]
Name = Annotated[str, PlainValidator(_name), WithJsonSchema({"type": "string"})]
Finite = Annotated[float, Field(allow_inf_nan=False)]
#: Of images or epochs: what a machine counts.
Count = Annotated[int, Field(ge=0, le=2**53)]


class FileModel(BaseModel):
    """A file of a run, or a part of one; what it does not know, it leaves alone."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", populate_by_name=True)

    @field_validator("*", mode="wrap")
    @classmethod
    def _or_a_gap(cls, value: Any, handler: Any, info: ValidationInfo) -> Any:
        if not isinstance(info.context, Lenient):
            return handler(value)
        if isinstance(value, float) and not math.isfinite(value):
            value = None  # what nobody can measure is not measured
        gaps, name = info.context.gaps, info.field_name or ""
        before = len(gaps)
        try:
            found = handler(value)
        except ValidationError as error:
            del gaps[before:]
            default = cls.model_fields[name]
            if default.is_required():
                raise  # what it is a part of is missing then
            if value is not None:
                first = error.errors(include_url=False, include_context=False, include_input=False)[
                    0
                ]
                gaps.append(Gap(".".join(map(str, (name, *first["loc"]))), first["msg"]))
            return default.get_default(call_default_factory=True)
        gaps[before:] = [Gap(f"{name}.{gap.where}", gap.what) for gap in gaps[before:]]
        return found

    @model_validator(mode="after")
    def _has_all(self, info: ValidationInfo) -> Self:
        if not isinstance(info.context, Lenient):
            for name in always(type(self)):
                if name not in self.model_fields_set or getattr(self, name) is None:
                    raise PydanticCustomError("missing", "`{name}` is missing", {"name": name})
        return self

    @classmethod
    def leniently(cls, data: Any, gaps: list[Gap], exact: bool = False) -> Self:
        """As much of a file as is readable.

        Args:
            data: What its JSON holds.
            gaps: What is in the way of the rest is added here.
            exact: Keep names as they are written, though nobody could print them.

        Raises:
            pydantic.ValidationError: None of it is.
        """
        lenient = Lenient(exact)
        found = cls.model_validate(data, context=lenient)
        gaps += lenient.gaps
        return found

    def as_data(self) -> dict[str, Any]:
        """What its JSON holds: all that was set, under the names that the file has for it."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """The form of a whole file, as it is written today."""
        found = handler(schema)
        whole = handler.resolve_ref_schema(found)
        for name, info in cls.model_fields.items():
            described = whole["properties"][info.alias or name]
            described.pop("default", None)
            if ALWAYS in info.metadata or SOMETIMES in info.metadata:
                _without_null(described)
        needed = {*whole.get("required", ()), *(_called(cls, name) for name in always(cls))}
        order = [key for key in whole["properties"] if key in needed]
        whole |= {"required": order} if order else {}
        return found


@cache
def always(model: type[FileModel]) -> tuple[str, ...]:
    """The fields that every whole file has, though they have a default to be read without."""
    return tuple(name for name, info in model.model_fields.items() if ALWAYS in info.metadata)


def _called(model: type[FileModel], name: str) -> str:
    return model.model_fields[name].alias or name


def _without_null(schema: dict[str, Any]) -> None:
    choices = [choice for choice in schema.get("anyOf", ()) if choice != {"type": "null"}]
    if len(choices) == 1:
        del schema["anyOf"]
        schema |= choices[0]
    elif choices:
        schema["anyOf"] = choices
