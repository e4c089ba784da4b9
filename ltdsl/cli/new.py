"""`ltdsl new`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ltdsl.cli.complete import datasets, recipe_files, trick_chain
from ltdsl.cli.shared import misused, show

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ltdsl.syntax import Call


def new(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="The file to write, by default recipe.lt.",
            autocompletion=recipe_files,
        ),
    ] = Path("recipe.lt"),
    dataset: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="What to train on, such as 'image_folder(size = 128)'.",
            autocompletion=datasets,
        ),
    ] = "digits_lt",
    tricks: Annotated[
        str | None,
        typer.Option(
            metavar="TRICK + TRICK",
            help="What to train with, such as 'input_mixup + cs_ce(gamma = 0.5)'.",
            autocompletion=trick_chain,
            show_default=False,
        ),
    ] = None,
) -> None:
    """Write a commented recipe to start from.

    Never over a file that is there.
    """
    from ltdsl.catalogue import DATASETS
    from ltdsl.compiler import compile_recipe
    from ltdsl.diagnostics import Severity, nearest
    from ltdsl.format import format_source
    from ltdsl.starter import plan_command, starter
    from ltdsl.syntax.source import Source

    called = _calls("--dataset", dataset, "a data set")
    name = called[0].name.text
    if len(called) > 1:
        misused("nothing is written: --dataset takes one data set")
    if name not in DATASETS:
        close = nearest(name, DATASETS)
        hint = f"did you mean `{close}`?" if close else f"known: {', '.join(DATASETS)}"
        misused(f"no data set is called `{name}`; {hint}")
    given = {argument.name.text: argument.value.span.text for argument in called[0].arguments}
    chain = None if tricks is None else _calls("--tricks", tricks, "tricks joined by +")
    text = starter(DATASETS[name], path.name, chain, given)
    laid_out = format_source(Source(str(path), text))
    text = laid_out if isinstance(laid_out, str) else text
    result = compile_recipe(Source(str(path), text, path))
    if result.failed:
        errors = [found for found in result.diagnostics if found.severity is Severity.ERROR]
        show(errors, to_stderr=True)
        misused("nothing is written: these values make no recipe")
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        misused(f"{path} is there already; choose another name")
    except (OSError, ValueError) as error:
        misused(f"cannot write {path}: {getattr(error, 'strerror', None) or error}")
    show(result.diagnostics)
    shown = plan_command(DATASETS[name], str(path))
    typer.echo(f"{path} written; see what it means with `{shown}`")


def _calls(option: str, text: str, what: str) -> Sequence[Call]:
    """What an option's text names; ends the command where it does not parse."""
    from ltdsl.syntax.parser import parse_chain
    from ltdsl.syntax.source import Source

    chain, problems = parse_chain(Source(option, text))
    if chain is None:
        show(problems, to_stderr=True)
        misused(f"nothing is written: {option} takes {what}")
    return chain
