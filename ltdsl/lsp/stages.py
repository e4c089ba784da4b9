"""What hovering says of a recipe's own: a stage's plan, and the value of a setting with where it was written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ltdsl.catalogue import Entry
from ltdsl.catalogue.entry import write
from ltdsl.catalogue.models import PRETRAINED
from ltdsl.display.stages import stage_facts
from ltdsl.lsp.text import short
from ltdsl.recipe import Settings

if TYPE_CHECKING:
    from ltdsl.compiler import Compilation
    from ltdsl.plan import StagePlan

_MAX_RATES = 6
_MAX_VALUE = 200

_COUNTED = 1_000_000
"""Epochs times classes up to which a sampler's shares are averaged: hovering must not take long."""


def stage_card(name: str, compilation: Compilation) -> str:
    """A stage's plan as Markdown; empty where there is no such stage."""
    plan = compilation.plan
    if plan is None:
        return f"### `{name}`\n\nNo plan while the recipe has errors."
    stage = next((each for each in plan.stages if each.name == name), None)
    if stage is None:
        return ""
    if plan.class_counts and stage.epochs * len(plan.class_counts) > _COUNTED:
        plan = plan.model_copy(update={"class_counts": None})
    facts = stage_facts(plan, stage) | {"learning rate": _rates(stage)}
    rows = [f"| {label} | {_cell(text)} |" for label, text in facts.items() if text != "–"]
    return "\n".join([f"### `{name}`", "", "| | |", "|---|---|", *rows])


def value_card(address: str, compilation: Compilation) -> str:
    """What a setting is in this recipe, and who says so.

    Args:
        address: The setting's name, after that of its stage where it is a stage's own.
        compilation: The recipe.
    """
    resolved = compilation.resolved
    stage, _, name = address.rpartition(".")
    if stage:
        owner = next((each for each in resolved.stages if each.name.text == stage), None)
        argument = owner.overrides.get(name) if owner else None
    else:
        argument = resolved.settings.get(name)
    if argument is None:
        return ""
    text = argument.value.span.text
    if (recipe := compilation.recipe) is not None:
        owners = {each.name: each.overrides for each in recipe.stages}
        text = _written(owners[stage] if stage else recipe.settings, name)
    text = short(text, _MAX_VALUE).replace("`", "")
    source = compilation.origins.get(address, "")
    return f"Here: `{text}`" + (f", from {source}." if source else ".")


def _written(owner: Entry, name: str) -> str:
    """A setting's value as a recipe writes it, with what it takes from elsewhere."""
    value = getattr(owner, name)
    if isinstance(value, str) and isinstance(owner, Settings) and name == "init":
        return value if value == PRETRAINED else f'"{value}"'
    return write(value)


def _rates(stage: StagePlan) -> str:
    """The learning rate: each of its steps, or its ends where there are many."""
    if len(stage.rates) > _MAX_RATES:
        (_, first), (_, last) = stage.rates[0], stage.rates[-1]
        return f"{first:.4g} → {last:.4g}, in {len(stage.rates)} steps"
    parts = [
        f"{rate:.4g}" + (f" from epoch {epoch}" if epoch > stage.start else "")
        for epoch, rate in stage.rates
    ]
    return ", ".join(parts)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
