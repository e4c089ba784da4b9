"""`ltdsl fmt`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ltdsl.cli.inputs import (
    HERE,
    STDIN,
    Exclude,
    ForceExclude,
    Recipes,
    is_stream,
    name_of,
    print_recipe,
    read_input,
    recipes_in,
    replace_file,
)
from ltdsl.cli.options import StdinFilename
from ltdsl.cli.output import show
from ltdsl.system.terminal import note, say, summarize
from ltdsl.wording import counted

if TYPE_CHECKING:
    from pathlib import Path

    from ltdsl.source import Source


def fmt(
    recipes: Recipes = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail where something would change.")
    ] = False,
    diff: Annotated[
        bool, typer.Option("--diff", help="Write nothing; show what would change, and fail.")
    ] = False,
    stdin_filename: StdinFilename = None,
    exclude: Exclude = None,
    force_exclude: ForceExclude = False,
) -> None:
    """Lay recipes out in the one canonical way.

    What they say stays the same. A file that does not parse is left alone. - reads standard input and writes to
    standard output.
    """
    changed = failed = 0
    recipes = recipes or [HERE]
    paths = recipes_in(recipes, exclude or (), force=force_exclude)
    for path in paths:
        note(f"laying out {name_of(path, stdin_filename)}")
        result = _formatted(path, stdin_filename, path in recipes)
        if result is None:
            failed += 1
            continue
        source, before, after = result
        new = before != after
        changed += new
        if new and diff:
            _show_diff(source.name, before, after)
        if check or diff:
            if new and check:
                say(f"would format {source.name}", err=diff or path == STDIN)
        elif is_stream(path):
            print_recipe(after)
        elif new and not replace_file(path, after, recipes):
            changed -= 1
            failed += 1
    _summarize(changed, len(paths) - changed - failed, failed, check or diff)
    if failed or ((check or diff) and changed):
        raise typer.Exit(1)


def _formatted(
    path: Path, stdin_filename: Path | None, named: bool
) -> tuple[Source, str, str] | None:
    """A recipe, its text as it is and as it should be; None, after a report, where it has no layout."""
    from ltdsl.format import UnprovenError, format_source
    from ltdsl.source import Source
    from ltdsl.system.opening import RECIPE, read_text

    source = read_input(path, stdin_filename, named)
    if not isinstance(source, Source):
        show([source])
        return None
    try:
        after = format_source(source)
    except UnprovenError as error:
        say(f"error: {source.name} is left alone: {error}", err=True)
        return None
    if not isinstance(after, str):
        show(after)
        return None
    before = source.text
    if not is_stream(path):
        try:
            # as it is on disk: line endings and a byte-order mark count
            before = read_text(path, RECIPE)
        except (OSError, UnicodeDecodeError) as error:
            say(f"error: {source.name} cannot be read: {error}", err=True)
            return None
    return source, before, after


def _show_diff(name: str, before: str, after: str) -> None:
    from difflib import unified_diff

    def lines(text: str) -> list[str]:
        return [line + "\n" for line in text.split("\n")[:-1]] + (
            [text.rsplit("\n", 1)[-1]] if not text.endswith("\n") and text else []
        )

    for line in unified_diff(lines(before), lines(after), name, f"{name} (formatted)"):
        if line.endswith("\n"):
            say(line[:-1])
        else:
            say(line)
            say("\\ No newline at end of file")


def _summarize(changed: int, kept: int, failed: int, dry: bool) -> None:
    parts = []
    for count, verb in (
        (changed, "would be formatted" if dry else "formatted"),
        (kept, "left as it was" if kept == 1 else "left as they were"),
        (failed, "not formatted because of errors"),
    ):
        if count:
            parts.append(f"{counted(count, 'recipe')} {verb}")
    summarize(", ".join(parts) or "no recipe was asked for", err=True)
