"""JSON Schema (draft 2020-12) of plans, recipes, tricks and a run's files, from what validates them."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from ltdsl.catalogue import TRICKS, Trick
from ltdsl.catalogue.entry import Slot
from ltdsl.plan import Plan
from ltdsl.recipe import Overrides, Recipe, Settings
from ltdsl.runs.evaluation import Evaluation
from ltdsl.runs.facts import Facts
from ltdsl.runs.metrics import Epoch
from ltdsl.runs.pictures import Pictures
from ltdsl.runs.predictions import Predictions
from ltdsl.runs.profile import Profile
from ltdsl.runs.search import SearchTable
from ltdsl.runs.sweep import SweepTable

Subject = Literal[
    "plan",
    "recipe",
    "tricks",
    "run",
    "metrics",
    "evaluation",
    "predictions",
    "pictures",
    "profile",
    "sweep",
    "search",
]


class _Untitled(GenerateJsonSchema):
    """Leaves out titles that only repeat a field's name."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


class _Printed(Recipe):
    """A validated recipe.

    Attributes:
        settings: Every setting, resolved.
        stages: In order of time.
        origins: Where each value was written, by address (``optimizer.lr``, ``stage2.start``):
            ``default``, ``protocol of cifar10_lt``, ``recipe.lt:3`` or ``--set``.
    """

    model_config = ConfigDict(title="Recipe")

    origins: dict[str, str]


def schema(subject: Subject) -> dict[str, Any]:
    """A schema.

    Args:
        subject: A plan's JSON, ``ltdsl plan --emit recipe``, any trick as both hold it, or a file of a run or a sweep.
    """
    models: dict[Subject, Any] = {
        "plan": Plan,
        "recipe": _Printed,
        "tricks": Annotated[Trick, Slot(Trick, TRICKS)],
        "run": Facts,
        "metrics": Epoch,
        "evaluation": Evaluation,
        "predictions": Predictions,
        "pictures": Pictures,
        "profile": Profile,
        "sweep": SweepTable,
        "search": SearchTable,
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
