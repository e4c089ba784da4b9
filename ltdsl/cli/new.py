"""`ltdsl new`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ltdsl.cli.complete import datasets, recipe_files, trick_chain
from ltdsl.cli.shared import misused, show


def new(
    path: Annotated[
        Path, typer.Argument(help="The file to write.", autocompletion=recipe_files)
    ] = Path("recipe.lt"),
    dataset: Annotated[
        str, typer.Option(help="What to train on.", autocompletion=datasets)
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
    """Write a commented recipe to start from; never over a file that is there."""
    from ltdsl.catalogue import DATASETS
    from ltdsl.compiler import compile_recipe
    from ltdsl.diagnostics import Severity, nearest
    from ltdsl.format import format_source
    from ltdsl.starter import starter
    from ltdsl.syntax.parser import parse_chain
    from ltdsl.syntax.source import Source

    if dataset not in DATASETS:
        close = nearest(dataset, DATASETS)
        hint = f"did you mean `{close}`?" if close else f"known: {', '.join(DATASETS)}"
        misused(f"no data set is called `{dataset}`; {hint}")
    chain = None
    if tricks is not None:
        chain, problems = parse_chain(Source("--tricks", tricks))
        if chain is None:
            show(problems, to_stderr=True)
            misused("nothing is written: --tricks takes tricks joined by +")
    text = starter(DATASETS[dataset], path.name, chain)
    laid_out = format_source(Source(str(path), text))
    text = laid_out if isinstance(laid_out, str) else text
    result = compile_recipe(Source(str(path), text, path))
    if result.failed:
        errors = [found for found in result.diagnostics if found.severity is Severity.ERROR]
        show(errors, to_stderr=True)
        misused("nothing is written: these tricks make no recipe")
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        misused(f"{path} is there already; choose another name")
    except (OSError, ValueError) as error:
        misused(f"cannot write {path}: {getattr(error, 'strerror', None) or error}")
    show(result.diagnostics)
    typer.echo(f"{path} written; see what it means with `ltdsl plan {path}`")
