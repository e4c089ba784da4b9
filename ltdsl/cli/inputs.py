"""The recipes that a command was given: files, folders, standard input."""

from __future__ import annotations

import os
import sys
from codecs import BOM_UTF8
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ltdsl.cli.complete import recipe_files
from ltdsl.cli.output import misused
from ltdsl.system.terminal import say, summarize
from ltdsl.wording import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ltdsl.configuration import Configuration, Configurations
    from ltdsl.diagnostics import Diagnostic
    from ltdsl.source import Source

Recipes = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="RECIPE",
        help="Recipes, folders with .lt files, or - for standard input; by default this folder.",
        autocompletion=recipe_files,
        show_default=False,
    ),
]

Exclude = Annotated[
    list[str] | None,
    typer.Option(
        "--exclude",
        metavar="PATTERN",
        help="Leave out what is like this in a folder, as a line of .gitignore says it. Repeatable.",
        show_default=False,
    ),
]

ForceExclude = Annotated[
    bool,
    typer.Option(
        "--force-exclude",
        help="Leave out what is excluded even where it is named, as a hook names what was changed.",
    ),
]

#: What a command without a path is about.
HERE = Path()

STDIN = Path("-")


def is_stream(path: Path) -> bool:
    """True for standard input, and for a pipe that a shell has made: what replaces them goes to standard output."""
    return path == STDIN or (path.exists() and not path.is_file())


def configured(folder: Path, known: Configurations, silent: bool = False) -> Configuration:
    """The settings for what lies in a folder; ends the command where their file is none, unless it is to be silent."""
    from ltdsl.configuration import Configuration, ConfigurationError

    try:
        return known.of(folder)
    except ConfigurationError as error:
        if silent:
            return Configuration()
        misused(str(error))


def recipes_in(
    paths: list[Path],
    exclude: Sequence[str] = (),
    settings: Configurations | None = None,
    silent: bool = False,
    force: bool = False,
) -> list[Path]:
    """The recipes that paths stand for: files as they are, folders with all .lt files below them.

    Hidden folders, environments, run directories and what git ignores are passed over, unless they are named.

    Args:
        paths: What a command was given; a pattern that no shell has expanded stands for what it fits.
        exclude: Patterns of what else to pass over.
        settings: Gives more of them.
        silent: Say nothing of folders without any, nor of settings that are none.
        force: Pass over files that are named, too.
    """
    from ltdsl.configuration import OWN, SHARED, Configurations
    from ltdsl.system.ignored import files_below, is_excluded

    known = settings or (Configurations(lambda _: None) if silent else Configurations())

    def below(folder: Path) -> list[Path]:
        there = configured(folder, known, silent)
        patterns = [(there.folder, there.exclude), (folder, exclude)]
        return list(files_below(folder, ".lt", patterns, unreadable, further))

    def excluded(path: Path) -> bool:
        there = configured(path.parent, known, silent)
        return is_excluded(path, [(there.folder, there.exclude), (HERE, exclude)])

    def further(folder: Path) -> Sequence[str]:
        if not any((folder / name).is_file() for name in (OWN, SHARED)):
            return ()
        there = configured(folder, known, silent)
        return there.exclude if there.folder == Path(os.path.abspath(folder)) else ()  # noqa: PTH100

    def unreadable(error: OSError) -> None:
        if not silent:
            misused(f"the folder {error.filename} cannot be read: {error.strerror}")

    def besides(folder: Path) -> str:
        """How many recipes in a folder are left out, and by what, as the end of a sentence."""
        there = configured(folder, known, silent)
        kept, parts = len(list(files_below(folder, ".lt", git=False))), []
        first, second = (there.folder, there.exclude), (folder, exclude)
        for patterns, by, git in (
            ([first], f"`exclude` in {there.path}", False),
            ([first, second], "--exclude", False),
            ([first, second], "what git ignores", True),
        ):
            left = len(list(files_below(folder, ".lt", patterns, further=further, git=git)))
            if left < kept:
                parts.append(f"{kept - left:,} by {by}")
            kept = left
        return f": left out are {' and '.join(parts)}" if parts else ""

    files: list[Path] = []
    passed: list[Path] = []
    for given in paths:
        for path in expanded(given, silent):
            if force and not path.is_dir() and path != STDIN and excluded(path):
                passed.append(path)
                continue
            found = below(path) if path.is_dir() else [path]
            if not found and not silent:
                misused(f"there is no .lt file in {path}{besides(path)}")
            files += found
    if passed and not silent:
        why = "because of --exclude or settings"
        summarize(f"{counted(len(passed), 'recipe', 'is')} left out {why}", err=True)
    return list(dict.fromkeys(files))


def expanded(path: Path, silent: bool = False) -> list[Path]:
    """What a pattern such as `recipes/**/*.lt` fits, in order; what is no pattern, or is there by that name, itself."""
    import glob

    text = str(path)
    if path == STDIN or not glob.has_magic(text) or os.path.lexists(text):
        return [path]
    found = sorted(map(Path, glob.glob(text, recursive=True)))  # noqa: PTH207 - any path, hidden ones left out
    if not found and not silent:
        misused(f"no file is like {text}")
    return found


def read_input(
    path: Path, stdin_filename: Path | None = None, any_kind: bool = True
) -> Source | Diagnostic:
    """The recipe at a path or on standard input, or why there is none.

    Args:
        path: The file, or - for standard input.
        stdin_filename: What the text on standard input is to be taken for.
        any_kind: Whether it may be a pipe that a shell has made, say: a file that was named, not found in a folder.
    """
    from ltdsl.syntax.parser import MAX_BYTES, read_source, source_from_bytes

    if path == STDIN:
        return source_from_bytes(
            read_stdin(MAX_BYTES), name_of(path, stdin_filename), stdin_filename
        )
    return read_source(path, any_kind=any_kind)


def read_stdin(limit: int) -> bytes:
    """Standard input, and where it is longer than ``limit`` bytes, one more than that."""
    stdin_must_be_open()
    try:
        return sys.stdin.buffer.read(limit + 1)
    except OSError as error:  # a folder, say
        misused(f"standard input cannot be read: {error.strerror or error}")


def stdin_must_be_open() -> None:
    """End the command where a shell has closed standard input (``<&-``)."""
    if sys.stdin is None:
        misused("standard input is closed: there is nothing to read")


def name_of(path: Path, stdin_filename: Path | None = None) -> str:
    """What a recipe is called in messages."""
    return str(stdin_filename or "<stdin>") if path == STDIN else str(path)


def replace_file(path: Path, text: str, given: list[Path]) -> bool:
    """Write a recipe, through a link rather than over it; False, after a report, where that fails.

    Args:
        path: The recipe.
        text: All of it.
        given: What the command was given. A link leads out of none of these folders, nor, where it was named
            itself, out of the one that it lies in: `*.lt` names whatever a stranger has put there.
    """
    from ltdsl.system.files import write_atomically
    from ltdsl.system.writing import lies_in

    root = next((each for each in given if each != path and path.is_relative_to(each)), path.parent)
    if not lies_in(path, root):
        say(f"error: {path} is left alone: it is a link that leads out of {root}", err=True)
        say("  = help: name the file that it leads to", err=True)
        return False
    try:
        write_atomically(path.resolve(), text)
    except OSError as error:
        say(f"error: {path} cannot be written: {error.strerror or error}", err=True)
        return False
    return True


def create_file(path: Path, text: str) -> None:
    """Write a recipe to a file that is not there.

    Raises:
        FileExistsError: Something is there, a link perhaps.
        OSError, ValueError: It cannot be written.
    """
    file = path.open("x", encoding="utf-8", newline="\n")
    try:
        with file:
            file.write(text)
    except BaseException:  # a full disk, say: the name is free for another try
        path.unlink()
        raise


def print_recipe(text: str) -> None:
    """Write a recipe to standard output, in UTF-8 whatever a terminal would show."""
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode())
    sys.stdout.flush()


def rewrite(path: Path, text: str, given: list[Path]) -> None:
    """Write a recipe's new text with the line endings and the byte-order mark that it has; see :func:`replace_file`."""
    from ltdsl.system.opening import RECIPE, read_file

    if is_stream(path):
        print_recipe(text)
        return
    try:
        data = read_file(path, RECIPE)
    except OSError as error:
        say(f"error: {path} cannot be read: {error.strerror or error}", err=True)
        raise typer.Exit(1) from None
    if 0 < data.count(b"\n") == data.count(b"\r\n"):
        text = text.replace("\n", "\r\n")
    if data.startswith(BOM_UTF8):
        text = BOM_UTF8.decode() + text
    if not replace_file(path, text, given):
        raise typer.Exit(1)
