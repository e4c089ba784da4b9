"""search.json: what a search was asked for, and what it has tried."""

from __future__ import annotations

from pydantic import Field

from ltdsl.runs.layout import SWEEP_FORMAT
from ltdsl.runs.model import Count, FileModel, Many, Text


class Trial(FileModel):
    """One choice."""

    name: Text = Field(
        description="Its run directory, within the folder; empty where the choice makes no plan."
    )
    recipe: Text = Field(description="The recipe's path, as it was given.")
    changes: dict[str, Text] = Field(description="What was set.")
    epochs: Many[Count] = Field(description="After how many epochs it was held against others.")
    scores: Many[float | None] = Field(
        description="What it came to there, in percent, the less the better: the top-1 error on the validation images "
        "of its best epoch so far, or 100 less macro recall (`best_by`); null where it failed."
    )


class SearchTable(FileModel):
    """A search: the same command goes on with it."""

    format: int = Field(
        SWEEP_FORMAT, ge=0, description="The form of this file, as of `sweep.json`."
    )
    ltdsl: Text = Field(description="The version that wrote it.")
    space: Many[Text] = Field(description="Recipes, and what could be set.")
    seed: int = Field(description="Of the search: that of the recipe's runs.")
    trials: Many[Trial] = Field(description="What was tried, in order.")
    chosen: Text = Field(
        description="Name of the best one; empty before one is trained to the end."
    )
