"""`ltdsl import`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ltdsl.cli.output import misused, need, show
from ltdsl.system.terminal import say

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ltdsl.diagnostics import Diagnostic
    from ltdsl.importing import Imported
    from ltdsl.source import Source

#: How files end that may be configurations.
_ENDINGS = (".yaml", ".yml", ".sh")


def import_(
    configurations: Annotated[
        list[Path],
        typer.Argument(
            metavar="CONFIG",
            help="Configurations, or folders of them, of BagofTricks-LT, MiSLAS or LDAM-DRW; - for standard input.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="PATH",
            help="The file to write, or for several recipes a folder; by default standard output.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Write recipes of what other projects' configurations train.

    Configurations that start from each other's weights become the stages of one recipe. What has no place in a recipe
    is listed with the reason; what would train something else is refused. Never over a file that is there.
    """
    need("`ltdsl import`", "import")
    from ltdsl.importing import import_files

    results = import_files(list(_sources(configurations)))
    recipes = [each for each in results if each.recipe is not None]
    if len(recipes) > 1 and out is None:
        misused(f"these are {len(recipes)} recipes: name a folder for them with --out")
    show(list(_problems(results)))
    _write(recipes, configurations, out, many=len(recipes) > 1)
    _tell(results)
    if any(each.refused for each in results):
        raise typer.Exit(1)


def _sources(paths: Iterable[Path]) -> Iterator[Source]:
    from ltdsl.cli.inputs import read_input
    from ltdsl.source import Source

    failed = False
    for path in dict.fromkeys(file for given in paths for file in _files(given)):
        source = read_input(path)
        if isinstance(source, Source):
            yield source
        else:
            show([source])
            failed = True
    if failed:
        raise typer.Exit(1)


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]

    def unreadable(error: OSError) -> None:
        misused(f"the folder {error.filename} cannot be read: {error.strerror}")

    found = sorted(
        Path(parent, name)
        for parent, _, names in os.walk(path, onerror=unreadable)
        for name in names
        if name.endswith(_ENDINGS)
    )
    if not found:
        misused(f"there is no .yaml, .yml or .sh file in {path}")
    return found


def _problems(results: Iterable[Imported]) -> Iterator[Diagnostic]:
    for each in results:
        yield from each.problems


def _write(recipes: list[Imported], given: list[Path], out: Path | None, *, many: bool) -> None:
    from ltdsl.cli.inputs import print_recipe

    if out is None:
        for each in recipes:
            print_recipe(str(each.recipe))
        return
    for each in recipes:
        name = Path(each.source.name)
        folder = next((path for path in given if name.is_relative_to(path) and path.is_dir()), None)
        inside = name.relative_to(folder) if folder is not None else Path(name.name)
        _create(out / inside.with_suffix(".lt") if many else out, str(each.recipe))


def _create(path: Path, text: str) -> None:
    from ltdsl.cli.inputs import create_file

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        create_file(path, text)
    except FileExistsError:
        say(f"error: {path} is there already, and is left alone", err=True)
        raise typer.Exit(1) from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        say(f"error: {path} cannot be written: {why}", err=True)
        raise typer.Exit(1) from None


def _tell(results: list[Imported]) -> None:
    """What was left out, by reason, and what became of all files."""
    reasons: dict[str, list[str]] = {}
    for each in results:
        for key, reason in each.left:
            reasons.setdefault(reason, []).append(key)
    for reason, keys in reasons.items():
        say(f"left out: {', '.join(dict.fromkeys(keys))}: {reason}", err=True)
    written = sum(each.recipe is not None for each in results)
    joined = sum(each.recipe is None and bool(each.joined) for each in results)
    refused = sum(each.refused for each in results)
    counts = [f"{written} of {len(results)} configurations became recipes"]
    counts += [f"{joined} a part of others'"] if joined else []
    counts += [f"{refused} refused"] if refused else []
    say(", ".join(counts), err=True)
