"""`ltdsl data`: looking through data sets, and getting them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ltdsl.cli.compiling import compiled
from ltdsl.cli.complete import datasets
from ltdsl.cli.options import AllowOutside, Form, Format, Set
from ltdsl.cli.output import (
    fail,
    interrupted,
    misused,
    need,
    new_console,
    print_json,
    progress_console,
)
from ltdsl.cli.survey import IMAGES, Data
from ltdsl.cli.usage import Command, Group

if TYPE_CHECKING:
    from ltdsl.catalogue import Augment, Dataset

data = typer.Typer(cls=Group, no_args_is_help=True, help="Look through data sets, and get them.")


@data.command(cls=Command)
def inspect(
    what: Annotated[
        Path,
        typer.Argument(
            metavar="RECIPE|PATH",
            help="A recipe (.lt), a folder of class folders, a list of images (.txt, .csv, .json) or a .npz file.",
            show_default=False,
        ),
    ],
    folder: Data = None,
    changes: Set = None,
    form: Form = Format.TEXT,
    allow_outside: AllowOutside = False,
) -> None:
    """Count images by class; find unreadable, repeated and leaked ones.

    A leaked image is both trained on and tested with.

    Reads every image once. Exit codes: 0 nothing found, 1 problems found.
    """
    need("`ltdsl data inspect`", "train", *IMAGES)
    dataset, augment, place, root = _named(what, folder, changes, allow_outside)
    from ltdsl_runtime.data import DataError, inspect, read
    from rich.progress import Progress

    from ltdsl.display.inspection import as_data, lines

    console = new_console()
    try:
        reading = read(dataset, place, root, anyhow=True)
        with Progress(console=progress_console(err=True), transient=True) as progress:
            task = progress.add_task("reading", total=sum(map(len, reading.parts.values())))
            found = inspect.inspect(reading.parts, lambda: progress.advance(task))
    except DataError as error:
        fail(error.code, error.message, error.hint)
    facts = as_data(dataset, reading, found, augment)
    if form is Format.JSON:
        print_json(facts)
    else:
        for line in lines(facts, console.text_width, console.encoding):
            console.say(line)
    if facts["problems"]:
        raise typer.Exit(1)


@data.command(cls=Command)
def fetch(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="A data set's name, such as inat18.",
            show_default=False,
            autocompletion=datasets,
        ),
    ],
    to: Annotated[
        Path, typer.Option("--to", metavar="DIR", help="Where to put it; name it by --data then.")
    ] = Path("data"),
    mirror: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="URL",
            help="Folder of a mirror that has the authors' files; they are checked all the same.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Download a data set from its authors, check it and unpack it.

    A download that broke off goes on where it ended.
    """
    need("`ltdsl data fetch`", "train", *IMAGES)
    from ltdsl_runtime.data import DataError
    from ltdsl_runtime.data.fetch import fetch
    from ltdsl_runtime.data.fetch.archives import ARCHIVES, BY_HAND

    from ltdsl.catalogue import DATASETS
    from ltdsl.catalogue.names import nearest

    if name in BY_HAND:
        fail("LT443", f"{name} cannot be downloaded without its authors' consent", BY_HAND[name])
    if name not in ARCHIVES:
        if name in DATASETS:
            misused(f"{name} has nothing to download: {', '.join(ARCHIVES)} have")
        # a data set without its long tail is a word of the field, and no slip
        longer = next((each for each in ARCHIVES if each.startswith(name)), None)
        close = nearest(name, ARCHIVES) or longer
        misused(
            f"there is no data set {name}"
            + (f": did you mean {close}?" if close else f"; known: {', '.join(ARCHIVES)}")
        )
    from rich.progress import DownloadColumn, Progress, TaskID, TransferSpeedColumn

    console = new_console()
    columns = (*Progress.get_default_columns(), DownloadColumn(), TransferSpeedColumn())
    try:
        with Progress(*columns, console=progress_console(err=True), transient=True) as progress:
            for archive in ARCHIVES[name]:
                task = progress.add_task(archive.name, total=None)

                def told(done: int, total: int | None, task: TaskID = task) -> None:
                    progress.update(task, completed=done, total=total)

                new = fetch(archive, to, told, mirror)
                console.say(f"{to / archive.holds}{'' if new else ' was there already'}")
    except DataError as error:
        fail(error.code, error.message, error.hint)
    except KeyboardInterrupt:
        interrupted(
            "LT440", "interrupted; what has come is kept", "the same command goes on with it"
        )


def _named(
    what: Path, folder: Path | None, changes: list[str] | None, allow_outside: bool
) -> tuple[Dataset, list[type[Augment]], Path | None, Path]:
    """The data set that a recipe or a path stands for, what changes its images, its folder, and the recipe's."""
    from ltdsl.catalogue import Annotations, ImageFolder, Npz

    if what.suffix == ".lt":
        result = compiled(
            what, changes, None, strict=False, quiet=True, allow_outside=allow_outside
        )
        assert result.recipe is not None
        settings = result.recipe.settings
        return settings.dataset, [type(each) for each in settings.augment], folder, what.parent
    if folder is not None:
        misused("--data goes with a recipe: a path is the data already")
    if changes:
        misused("--set goes with a recipe: a path has no settings")
    if what.is_dir():
        return ImageFolder(), _usual(ImageFolder), what, Path()
    if what.suffix == ".npz":
        return Npz(), _usual(Npz), what, Path()
    if what.suffix in (".txt", ".json", ".csv", ".tsv"):
        return Annotations(train=what.name), _usual(Annotations), what.parent, Path()
    if not what.exists():
        fail("LT401", f"there is no {what}", "name a recipe, a folder, a list or a .npz file")
    return misused(
        f"{what} is neither a recipe (.lt), a folder, a list (.txt, .csv, .tsv, .json) nor a .npz file"
    )


def _usual(dataset: type[Dataset]) -> list[type[Augment]]:
    """What images are changed by where no recipe says otherwise."""
    from ltdsl.catalogue import AUGMENTS

    return [each for each in AUGMENTS.values() if each.name in dataset.protocol]
