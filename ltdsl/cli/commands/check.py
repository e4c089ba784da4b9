"""`ltdsl check`."""

from __future__ import annotations

from enum import Enum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from ltdsl.cli.compiling import all_changes, blocking
from ltdsl.cli.inputs import (
    HERE,
    STDIN,
    Exclude,
    ForceExclude,
    Recipes,
    configured,
    expanded,
    is_stream,
    name_of,
    read_input,
    recipes_in,
    rewrite,
)
from ltdsl.cli.options import AllowOutside, Set, StdinFilename, Strict, Watch
from ltdsl.cli.output import misused, print_json, show
from ltdsl.cli.survey import Data, surveyor
from ltdsl.system.terminal import data, note, say, summarize, verbosity
from ltdsl.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import TypeAlias

    from ltdsl.codes.select import Selection
    from ltdsl.compiler import Compilation
    from ltdsl.diagnostics import Diagnostic
    from ltdsl.source import Source

    Findings: TypeAlias = list[tuple[str, Diagnostic]]


#: Recipes that are worth a process: each takes a millisecond.
MANY = 100


class Format(str, Enum):
    """How to write what was found."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"
    SARIF = "sarif"


def check(
    recipes: Recipes = None,
    data: Data = None,
    changes: Set = None,
    strict: Strict = False,
    select: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CODE",
            help="Show only this code, or all that begin like it (LT2). Repeatable.",
            show_default=False,
        ),
    ] = None,
    ignore: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CODE",
            help="Leave out this code, or all that begin like it. Repeatable. Errors still fail.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Format, typer.Option("--format", help="How to write what was found.")
    ] = Format.TEXT,
    fix: Annotated[bool, typer.Option("--fix", help="Mend misspelt and deprecated names.")] = False,
    unsafe_fixes: Annotated[
        bool,
        typer.Option(
            "--unsafe-fixes",
            help="Apply all suggested replacements, guesses included; not advice.",
        ),
    ] = False,
    allow_outside: AllowOutside = False,
    stdin_filename: StdinFilename = None,
    exclude: Exclude = None,
    force_exclude: ForceExclude = False,
    watch: Watch = False,
) -> None:
    """Find every problem in recipes, without training anything."""
    selection = _selection(select, ignore)  # of the command line: misspelt codes are told first
    asked = _Asked(
        recipes or [HERE],
        data,
        all_changes(changes, None),
        strict,
        selection,
        output,
        fix or unsafe_fixes,
        unsafe_fixes,
        allow_outside,
        stdin_filename,
        exclude or [],
        force_exclude,
    )
    if not watch:
        _check(asked)
        return
    if any(map(is_stream, filter(lambda path: not path.is_dir(), asked.recipes))):
        misused("--watch looks at files: there is nothing to watch in a pipe")
    gone = [path for each in asked.recipes for path in expanded(each) if not path.exists()]
    if gone:  # what is misspelt never comes
        misused(f"--watch looks at files that are there: there is no {gone[0]}")
    from ltdsl.cli.watching import watch as watching

    used: set[Path] = set()
    watching(lambda: _check(asked, used), lambda: {*_watched(asked), *used})


class _Asked(NamedTuple):
    """What a command was given."""

    recipes: list[Path]
    data: Path | None
    changes: tuple[str, ...]
    strict: bool
    selection: Selection
    output: Format
    fixing: bool
    unsafe: bool
    allow_outside: bool
    stdin_filename: Path | None
    exclude: list[str]
    force: bool


def _watched(asked: _Asked) -> set[Path]:
    """The recipes as they are now, and the settings that they may have."""
    from ltdsl.configuration import OWN, SHARED

    paths = set(recipes_in(asked.recipes, asked.exclude, silent=True, force=asked.force))
    above = {
        folder
        for path in {*paths, *(each / "x" for each in asked.recipes)}
        for folder in path.absolute().parents
    }
    return paths | {folder / name for folder in above for name in (OWN, SHARED)}


def _check(asked: _Asked, used: set[Path] | None = None) -> None:
    """Check once.

    Args:
        asked: What to check, and how.
        used: Takes the files that the recipes use.
    """
    from ltdsl.codes.select import Selection
    from ltdsl.configuration import Configurations
    from ltdsl.source import Source

    settings, recipes, stdin_filename = Configurations(), asked.recipes, asked.stdin_filename
    paths = recipes_in(recipes, asked.exclude, settings, force=asked.force)
    for path in paths:
        note(f"checking {name_of(path, stdin_filename)}")
    wanted, chosen_by = {}, {}
    for path in paths:
        place = (stdin_filename or Path("x")) if path == STDIN else path
        there = configured(place.parent, settings)
        name = name_of(path, stdin_filename)
        wanted[name] = Selection(
            asked.selection.select or there.select, asked.selection.ignore or there.ignore
        )
        chosen_by[name] = {
            key: f"--{key}" if getattr(asked.selection, key) else f"`{key}` in {there.path}"
            for key in ("select", "ignore")
        }
    sources = {path: read_input(path, stdin_filename, path in recipes) for path in paths}
    # a fixed recipe is for standard output, so nothing else goes there
    aside = asked.fixing and any(map(is_stream, sources))
    compile_recipe = _compiler(asked.changes, asked.allow_outside, asked.data)
    names = {path: name_of(path, stdin_filename) for path in paths}
    fixed: Findings = []
    if asked.fixing:
        sources, fixed = _fix(sources, names, compile_recipe, wanted, asked.unsafe, recipes)

    def checked(source: Source | Diagnostic) -> Checked:
        if isinstance(source, Source):
            return _checked(compile_recipe(source), asked.data)
        return Checked([source])

    # what the images of a data set are is looked up once, for all recipes
    alone = asked.data is not None or len(sources) < 2 * MANY
    each = [checked(source) for source in sources.values()] if alone else _spread(checked, sources)
    results = dict(zip(sources, each, strict=True))
    if used is not None:
        used.update(path for each in results.values() for path in each.used)
    parts = used_parts(results, recipes)
    found = _findings(
        (names[path], each.problems) for path, each in results.items() if path not in parts
    )
    shown = [(file, problem) for file, problem in found if problem in wanted[file]]
    hidden = [
        Hidden(file, problem, chosen_by[file][by])
        for file, problem in found
        if _is_error(problem) and (by := wanted[file].left_out_by(problem))
    ]
    _write(asked.output, fixed, shown, len(results) - len(parts), hidden, aside, asked.fixing)
    if hidden or blocking([problem for _, problem in shown], asked.strict):
        raise typer.Exit(1)


def _selection(select: list[str] | None, ignore: list[str] | None) -> Selection:
    from ltdsl.codes.select import selection

    try:
        return selection(select or (), ignore or ())
    except ValueError as error:
        misused(str(error))


def _compiler(
    assignments: tuple[str, ...], allow_outside: bool, data: Path | None
) -> Callable[[Source], Compilation]:
    from ltdsl.compiler import compile_recipe

    # files are looked at only when they are asked for: checking text takes no data
    survey = surveyor(Path(), data, whole=True) if data is not None else None
    return lambda source: compile_recipe(
        source, assignments, allow_outside=allow_outside, survey=survey
    )


class Hidden(NamedTuple):
    """An error that was not asked for, which fails all the same.

    Attributes:
        file: The recipe.
        problem: The error.
        by: What leaves it out.
    """

    file: str
    problem: Diagnostic
    by: str

    def to_json(self) -> dict[str, str | int | None]:
        """Where it is, for programs."""
        span = self.problem.span
        return {
            "file": span.source.name if span else self.file,
            "code": self.problem.code,
            "line": span.line if span else None,
            "left_out_by": self.by,
        }


class Checked(NamedTuple):
    """What is kept of a recipe: the trees of a thousand would only fill memory.

    Attributes:
        problems: What was found.
        used: The files that it uses.
        may_be_part: Whether it is readable and has no stage.
    """

    problems: list[Diagnostic]
    used: tuple[Path, ...] = ()
    may_be_part: bool = False


def _spread(
    checked: Callable[[Source | Diagnostic], Checked], sources: Mapping[Path, Source | Diagnostic]
) -> list[Checked]:
    from ltdsl.system.forks import spread

    first, *others = sources.values()
    return [checked(first), *spread(checked, others, MANY)]  # by the first, all is imported


def _checked(result: Compilation, data: Path | None) -> Checked:
    from ltdsl.syntax import Stage

    used = tuple(source.path for source in result.sources[1:] if source.path)
    has_stage = any(isinstance(statement, Stage) for statement in result.tree.statements)
    problems = result.diagnostics
    if data is not None:
        from ltdsl.cli.refusals import refused

        problems = [*problems, *refused(result, data)]
    return Checked(problems, used, not has_stage)


def used_parts(results: Mapping[Path, Checked], named: list[Path]) -> set[Path]:
    """Files found in folders that hold settings for other recipes: checked where they are used, not as recipes."""
    used = {path.resolve() for result in results.values() for path in result.used}
    return {
        path
        for path, result in results.items()
        if result.may_be_part and path not in named and path.resolve() in used
    }


def _findings(results: Iterable[tuple[str, list[Diagnostic]]]) -> Findings:
    """All diagnostics, each with its recipe; those of a file that several recipes use are there once."""
    found: Findings = []
    seen = set()
    for name, problems in results:
        for problem in problems:
            span = problem.span
            place = (span.source.name, span.start, span.end) if span else (name,)
            key = (problem.code, problem.message, *place)
            if key not in seen or (span and span.source.kind != "file"):
                seen.add(key)
                found.append((name, problem))
    return found


def _fix(
    sources: dict[Path, Source | Diagnostic],
    names: Mapping[Path, str],
    compile_recipe: Callable[[Source], Compilation],
    wanted: Mapping[str, Selection],
    unsafe: bool,
    given: list[Path],
) -> tuple[dict[Path, Source | Diagnostic], Findings]:
    """Apply edits to the recipes, not to other files that they use; what is left is found afterwards."""
    from ltdsl.fixes import fix
    from ltdsl.source import Source

    fixed: Findings = []
    after = dict(sources)
    for path, source in sources.items():
        if not isinstance(source, Source):
            continue
        chosen = wanted[names[path]]
        new, applied = fix(source, compile_recipe, partial(_is_mended, chosen, unsafe))
        if is_stream(path) or applied:
            rewrite(path, new.text, given)
        if applied:
            after[path] = new
            fixed += [(names[path], problem) for problem in applied]
    return after, fixed


def _is_mended(chosen: Selection, unsafe: bool, problem: Diagnostic) -> bool:
    from ltdsl.fixes import is_safe

    return problem in chosen and (unsafe or is_safe(problem))


def _write(
    output: Format,
    fixed: Findings,
    found: Findings,
    files: int,
    hidden: list[Hidden],
    aside: bool,
    fixing: bool,
) -> None:
    """Write what was found.

    Args:
        output: How.
        fixed: What was mended.
        found: What is left and was asked for.
        files: How many recipes were checked.
        hidden: Errors that were not asked for.
        aside: Whether standard output is taken.
        fixing: Whether what could be mended has been.
    """
    problems = [problem for _, problem in found]
    if output is Format.SARIF:
        from ltdsl.codes.sarif import log

        print_json(log(found), err=aside)
        if hidden:  # there is no place for them in it
            say(_not_selected(hidden), err=True)
    elif output is Format.JSON:
        from ltdsl.diagnostics.render import to_json

        print_json(
            {
                "version": 1,
                "recipes": files,
                "errors_not_selected": len(hidden),
                "not_selected": [each.to_json() for each in hidden],
                "fixed": [to_json(problem) for _, problem in fixed],
                "diagnostics": [{**to_json(each), "recipe": file} for file, each in found],
            },
            err=aside,
        )
    else:
        for _, problem in fixed:
            say(_mended(problem), err=aside)
        if output is Format.TEXT:
            show(problems, err=aside)
        else:
            from ltdsl.diagnostics.github import command

            for file, problem in found:
                data(command(problem, file) + "\n", err=aside)
        if hidden and verbosity.quiet:  # it fails, and nothing else would say why
            say(_not_selected(hidden), err=aside)
        summarize(_summary(fixed, problems, files, hidden, fixing), err=aside)


#: How many errors that were not asked for are named; JSON has them all.
NAMED = 10


def _not_selected(hidden: list[Hidden]) -> str:
    places = [f"{each.problem.code} in {each.file} ({each.by})" for each in hidden]
    places = list(dict.fromkeys(places))
    more = [f"{len(places) - NAMED:,} more"] if len(places) > NAMED else []
    listed = ", ".join(places[:NAMED] + more)
    return f"{counted(len(hidden), 'error')} not selected: {listed}"


def _mended(problem: Diagnostic) -> str:
    assert problem.edit is not None
    from ltdsl.syntax.scanner import shown

    span, text = problem.edit.span, problem.edit.replacement
    before, after = shown(span.text), shown(text)
    change = f"`{before}` → `{after}`" if span.text and text else ""
    change = change or (f"put in `{after}`" if text else f"took out `{before}`")
    return f"{span}: {problem.code} fixed: {change}"


def _summary(
    fixed: Findings,
    problems: list[Diagnostic],
    files: int,
    hidden: list[Hidden],
    fixing: bool,
) -> str:
    from ltdsl.diagnostics.render import summary

    parts = [f"{len(fixed)} fixed"] if fixed else []
    parts += [summary(problems)] if problems else []
    parts += [_not_selected(hidden)] if hidden else []
    if not parts or (fixed and len(parts) == 1):
        parts.append(f"{counted(files, 'recipe')} checked: no problems")
    text = ", ".join(parts)
    if not fixing and any(problem.edit for problem in problems):
        from ltdsl.fixes import is_safe

        safe = sum(map(is_safe, problems))
        if safe:
            text += f" ({safe} can be fixed with --fix)"
    return text


def _is_error(problem: Diagnostic) -> bool:
    from ltdsl.diagnostics import Severity

    return problem.severity is Severity.ERROR
