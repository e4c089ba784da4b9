"""The recipes that a command was given: files, folders, standard input."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ltdsl.cli.shared import misused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ltdsl.diagnostics import Diagnostic
    from ltdsl.syntax.source import Source

Recipes = Annotated[
    list[Path],
    typer.Argument(
        help="Recipes, folders with .lt files, or - for standard input.", show_default=False
    ),
]

STDIN = Path("-")


def recipes_in(paths: list[Path]) -> list[Path]:
    """The recipes that paths stand for: files as they are, folders with all .lt files below them."""
    files: list[Path] = []
    for path in paths:
        below = sorted(_below(path)) if path.is_dir() else [path]
        if not below:
            misused(f"there is no .lt file in {path}")
        files += below
    return list(dict.fromkeys(files))


def _below(folder: Path) -> Iterator[Path]:
    def unreadable(error: OSError) -> None:
        misused(f"the folder {error.filename} cannot be read: {error.strerror}")

    for parent, _, names in os.walk(folder, onerror=unreadable):
        yield from (Path(parent, name) for name in names if name.endswith(".lt"))


def read_input(path: Path) -> Source | Diagnostic:
    """The recipe at a path or on standard input, or why there is none."""
    from ltdsl.syntax.parser import MAX_BYTES, read_source, source_from_bytes

    if path == STDIN:
        return source_from_bytes(sys.stdin.buffer.read(MAX_BYTES + 1), "<stdin>")
    return read_source(path)
