"""Counting images in files, for commands that can say more with the counts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ltdsl.cli.output import fail, need
from ltdsl.system.packages import missing

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from ltdsl.catalogue import Dataset
    from ltdsl.compiler import Survey
    from ltdsl.recipe import Recipe
    from ltdsl.survey import Surveyed

    LeftOut = Callable[[Path, Dataset], tuple[str, ...]]
    """A recipe's file and its data set -> names of images to go without."""

Data = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="DIR",
        help="Folder of the data set's files, or the file of npz; comes before what the recipe names.",
        show_default=False,
    ),
]


#: What reading images takes of the extra `train`.
IMAGES = ("numpy", "PIL")


def nothing(*_: object) -> tuple[str, ...]:
    """No image is left out."""
    return ()


def surveyor(
    recipe_file: Path,
    data: Path | None,
    must: bool = False,
    left_out: Callable[[Dataset], Collection[str]] = nothing,
    whole: bool = False,
) -> Survey:
    """A survey of the files that ``--data`` or the recipe names.

    Args:
        recipe_file: Paths in the recipe are relative to its folder.
        data: ``--data``.
        must: End the command where a recipe names no files that are there; else its counts stay unknown.
        left_out: Names the images of a data set that are not to be counted.
        whole: See that every file is there too, as a run will, and look for copies.
    """

    def survey(recipe: Recipe) -> Surveyed | None:
        if data is not None or must:
            need("counting images", "train", *IMAGES)
        elif missing("counting images", "train", *IMAGES):
            return None
        from ltdsl_runtime import data as images

        dataset, root = recipe.settings.dataset, recipe_file.parent
        try:
            settings = recipe.settings
            found: Surveyed | None = images.survey(
                dataset,
                data,
                root,
                left_out(dataset),
                settings.validation,
                settings.split_seed,
                whole=whole,
            )
        except images.DataError as error:
            if error.code == "LT401" and data is None and not must:
                return None
            named = error.code == "LT401" and data is None and getattr(dataset, "path", None)
            where = f"; paths count from the recipe's folder, {root.resolve()}" if named else ""
            fail(error.code, error.message, f"{error.hint}{where}")
        return found

    return survey


class Unreadable:
    """The images of data sets that cannot be read. Each data set is read once.

    Args:
        data: ``--data``.
        say: Told why an image cannot be read.
    """

    def __init__(self, data: Path | None, say: Callable[[str], None]) -> None:
        self._data = data
        self._say = say
        self._known: dict[tuple[str, Path], tuple[str, ...]] = {}

    def within(self, recipe_file: Path, dataset: Dataset) -> tuple[str, ...]:
        """Their names; ends the command where there is no such data set."""
        need("reading images", "train", *IMAGES)
        from ltdsl_runtime import data as images

        # however long its tail is made, its files are the same
        whole = dataset.model_copy(update={"imbalance": None})
        key = str(whole), recipe_file.parent
        if key not in self._known:
            try:
                found = images.unreadable(whole, self._data, recipe_file.parent)
            except images.DataError as error:
                fail(error.code, error.message, error.hint)
            for why in found.values():
                self._say(why)
            self._known[key] = tuple(found)
        return self._known[key]
