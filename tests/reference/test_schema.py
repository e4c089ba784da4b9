"""The JSON Schemas: those in docs/ are fresh, and they accept what the compiler writes and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from ltdsl.catalogue import TRICKS
from ltdsl.compiler import compile_recipe
from ltdsl.reference.schema import schema
from ltdsl.source import Source
from ltdsl.syntax.parser import read_source

ROOT = Path(__file__).parents[2]
RECIPES = sorted((ROOT / "recipes").glob("*.lt"))
SUBJECTS = ("plan", "recipe", "tricks")
OPENING = "stage1: input_mixup; stage2: cam_bs + cs_ce @ epoch 160"


def validator(subject: str) -> jsonschema.Draft202012Validator:
    whole = schema(subject)
    jsonschema.Draft202012Validator.check_schema(whole)
    return jsonschema.Draft202012Validator(whole)


@pytest.fixture
def plan() -> dict:
    return json.loads(compile_recipe(Source("recipe.lt", OPENING)).plan.to_json())


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_recipes(path):
    result = compile_recipe(read_source(path))
    validator("plan").validate(json.loads(result.plan.to_json()))
    validator("recipe").validate(result.recipe_to_json())


@pytest.mark.parametrize("name", TRICKS)
def test_every_trick(name):
    entry = TRICKS[name]
    required = {
        info.alias or field: "some"
        for field, info in entry.model_fields.items()
        if info.is_required()
    }
    call = entry.model_validate(required).model_dump(mode="json", by_alias=True)
    tricks = validator("tricks")
    tricks.validate(call)
    assert not tricks.is_valid(call | {"name": f"{name}x"})
    assert not tricks.is_valid({**call, "arguments": {**call["arguments"], "unheard_of": 1}})
    for field, info in entry.model_fields.items():
        assert info.description or field == "reduction"


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"epochs": "200"},
        {"class_counts": [0]},
        {"model": {"name": "resnet9"}},
        {"model": {"name": "cs_ce", "arguments": {}}},
        {"best_on": "train"},
        {"best_by": "error"},
        {"more": 1},
    ],
)
def test_what_no_plan_has(plan, change):
    assert validator("plan").is_valid(plan)
    assert not validator("plan").is_valid(plan | change)


def test_ranges_of_parameters_hold(plan):
    plan["stages"][1]["loss"]["arguments"]["gamma"] = -1
    assert not validator("plan").is_valid(plan)
    del plan["stages"][1]["loss"]["arguments"]["gamma"]
    assert validator("plan").is_valid(plan)  # a default
