"""JSON Schema (draft 2020-12) of plans, recipes and tricks, from the declarations that validate them."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from ltdsl.catalogue import TRICKS, Trick
from ltdsl.catalogue.entry import Slot
from ltdsl.plan import Plan
from ltdsl.recipe import Overrides, Recipe, Settings

Subject = Literal["plan", "recipe", "tricks"]


class _Untitled(GenerateJsonSchema):
    """Leaves out titles that only repeat a field's name."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def schema(subject: Subject) -> dict[str, Any]:
    """The schema of a plan's JSON, of ``ltdsl plan --emit recipe``, or of any trick as both hold it."""
    models: dict[Subject, Any] = {
        "plan": Plan,
        "recipe": Recipe,
        "tricks": Annotated[Trick, Slot(Trick, TRICKS)],
    }
    adapter: TypeAdapter[Any] = TypeAdapter(models[subject])
    whole = adapter.json_schema(by_alias=True, schema_generator=_Untitled)
    if subject == "recipe":
        # these two are entries as well, though no recipe calls them by name
        for entry in (Settings, Overrides):
            arguments = whole["$defs"][entry.__name__]
            whole["$defs"][entry.__name__] = entry.as_json_schema(arguments)
    return {"$schema": GenerateJsonSchema.schema_dialect, **whole}


def to_json(subject: Subject) -> str:
    """The schema as the files in ``docs/schema`` hold it."""
    return json.dumps(schema(subject), indent=1, ensure_ascii=False) + "\n"
