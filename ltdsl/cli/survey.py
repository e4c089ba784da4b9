"""Counting images in files, for commands that can say more with the counts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ltdsl.cli.shared import fail

if TYPE_CHECKING:
    from ltdsl.compiler import Survey
    from ltdsl.recipe import Recipe

Data = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="DIR",
        help="Folder of the data set's files, or the file of npz; comes before what the recipe names.",
        show_default=False,
    ),
]


def surveyor(recipe_file: Path, data: Path | None, must: bool = False) -> Survey:
    """A survey of the files that ``--data`` or the recipe names.

    Args:
        recipe_file: Paths in the recipe are relative to its folder.
        data: ``--data``.
        must: End the command where a recipe names no files that are there; else its counts stay unknown.
    """

    def survey(recipe: Recipe) -> tuple[int, ...] | None:
        from runtime import data as images

        try:
            counts: tuple[int, ...] | None = images.survey(
                recipe.settings.dataset, data, recipe_file.parent
            )
        except images.DataError as error:
            if error.code == "LT401" and data is None and not must:
                return None
            fail(error.code, error.message, error.hint)
        return counts

    return survey
