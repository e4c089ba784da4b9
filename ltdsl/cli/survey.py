"""Counting images in files, for commands that can say more with the counts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ltdsl.cli.output import fail, misused, need
from ltdsl.system.packages import missing
from ltdsl.system.terminal import note_once, say_once
from ltdsl.system.writing import lies_in

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


def data_of(
    recipe_file: Path,
    dataset: Dataset,
    data: Path | None,
    allow_outside: bool | None,
    tell: Callable[[str], None] = note_once,
) -> Path | None:
    """Where the images of a recipe's data set are: what ``--data`` names, else the recipe, else the project's settings.

    Args:
        recipe_file: The recipe.
        dataset: What it says.
        data: ``--data``.
        allow_outside: Whether a project's settings may name folders outside their own; None for no, where the command
            has no such option.
        tell: Told where they come from, where settings say.

    Returns:
        A folder or file; None where nothing but the recipe says.
    """
    if data is not None or getattr(dataset, "path", None):
        return data
    from ltdsl.configuration import ConfigurationError, Configurations

    try:
        found = Configurations().data_of(dataset.name, recipe_file.parent)
    except ConfigurationError as error:
        misused(str(error))
    if found is None:
        return None
    place, said = found
    if not (allow_outside or said.own or lies_in(place, said.folder)):
        option = "" if allow_outside is None else ", --allow-outside whatever it names"
        fail(
            "LT127",
            f"{said.path} names images outside its folder: {place}",
            f"--data {place} takes them{option}; your own settings may name any folder",
        )
    tell(f"note: images from {place}, as {said.path} says")
    return place


def data_of_run(run: Path, data: Path | None, allow_outside: bool | None = None) -> Path | None:
    """Where the images of a run are now: what ``--data`` names, else where they were, else what settings say.

    Those count that the run's recipe would hear, or where its folder is gone, those around the run.

    Args:
        run: Its directory, which may be a stranger's, or none.
        data: ``--data``.
        allow_outside: As for :func:`data_of`.

    Returns:
        A folder or file; None where the run itself says where they are, or nobody does.
    """
    from ltdsl.runs import Run
    from ltdsl.runs.errors import UnreadableError
    from ltdsl.runs.plan import read_plan

    if data is not None:
        return data
    try:
        plan, facts = read_plan(run), Run(run).facts
    except (OSError, UnreadableError):  # which is told where the run is opened
        return None
    from ltdsl_runtime.errors import RunError
    from ltdsl_runtime.rundir.places import Places

    try:
        if not plan.dataset.needs_files or Places(run, facts).data(plan, None):
            return None
    except RunError:  # they are there no longer
        pass
    recipe = Path(facts.recipe_folder or run)
    folder = recipe if recipe.is_dir() else run.resolve()
    return data_of(folder / "recipe.lt", plan.dataset, None, allow_outside, say_once)


def nothing(*_: object) -> tuple[str, ...]:
    """No image is left out."""
    return ()


def surveyor(
    recipe_file: Path,
    data: Path | None,
    must: bool = False,
    left_out: Callable[[Dataset], Collection[str]] = nothing,
    whole: bool = False,
    allow_outside: bool = False,
) -> Survey:
    """A survey of the files that ``--data`` or the recipe names.

    Args:
        recipe_file: Paths in the recipe are relative to its folder.
        data: ``--data``.
        must: End the command where a recipe names no files that are there; else its counts stay unknown.
        left_out: Names the images of a data set that are not to be counted.
        whole: See that every file is there too, as a run will, and look for copies.
        allow_outside: Whether a project's settings may name folders outside their own.
    """
    named = data

    def survey(recipe: Recipe) -> Surveyed | None:
        data = data_of(recipe_file, recipe.settings.dataset, named, allow_outside)
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
            written = error.code == "LT401" and data is None and getattr(dataset, "path", None)
            where = f"; paths count from the recipe's folder, {root.resolve()}" if written else ""
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
