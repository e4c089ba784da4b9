"""The table of a sweep: every combination compiled and named before anything is trained."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from ltdsl.analysis.effect import NO_EFFECT
from ltdsl.compiler import Survey, compile_recipe
from ltdsl.diagnostics import Diagnostic, Severity
from ltdsl.diagnostics.render import render
from ltdsl.plan import Plan
from ltdsl.recipe import Recipe
from ltdsl.source import Source, texts
from ltdsl.survey import Surveyed
from ltdsl.sweep.grid import Choice
from ltdsl.sweep.names import run_names
from ltdsl.syntax.parser import read_source

Entry = tuple[Choice, Plan, dict[str, str]]
"""A combination, what it trains, and what it was written as."""


@dataclass(frozen=True, eq=False)
class Row:
    """A run of a sweep.

    Attributes:
        choice: What was combined.
        name: See :func:`ltdsl.sweep.names.run_names`.
        plan: What it trains.
        digest: The plan's hash.
        texts: The recipe and the files that it uses, by relative path.
        reads_from: The folder that paths in the plan are relative to; None where it has none.
    """

    choice: Choice
    name: str
    plan: Plan
    digest: str
    texts: dict[str, str]
    reads_from: Path | None


@dataclass(frozen=True)
class Table:
    """The runs of a sweep.

    Attributes:
        rows: In the order of the grid; no two train the same.
        combinations: How many there were: those that mean the same as another have no row of their own.
    """

    rows: tuple[Row, ...]
    combinations: int

    @cached_property
    def addresses(self) -> tuple[str, ...]:
        """Every address that a row sets, in order."""
        changes = (address for row in self.rows for address, _ in row.choice.changes)
        return tuple(dict.fromkeys(changes))


def compile_table(
    choices: Sequence[Choice],
    surveyor: Callable[[Path], Survey] | None = None,
    allow_outside: bool = False,
) -> tuple[Table | None, list[Diagnostic]]:
    """Compile every combination; each file is read once, and each data set surveyed once.

    Args:
        choices: The combinations, at least one.
        surveyor: A recipe's path -> what counts the images of its data sets, where only their files know.
        allow_outside: As for :func:`ltdsl.compiler.compile_recipe`.

    Returns:
        The table, None where a combination has an error; and everything found, each problem once, with a note of the
        combinations that have it where not all do.
    """
    read = cache(read_source)
    surveys: dict[Path, Survey] = {}
    if surveyor is not None:
        surveys = {path: _once(surveyor(path)) for path in {each.recipe for each in choices}}
    found: dict[str, tuple[Diagnostic, list[Choice]]] = {}
    compiled: list[Entry] = []
    for choice in choices:
        source = read(choice.recipe)
        if isinstance(source, Source):
            result = compile_recipe(
                source,
                choice.assignments,
                read,
                allow_outside=allow_outside,
                survey=surveys.get(choice.recipe),
            )
            problems = [_refused_as_label(problem) for problem in result.diagnostics]
            if result.plan is not None:
                compiled.append((choice, result.plan, texts(result.sources)))
        else:
            problems = [source]
        for text, problem in {render(problem): problem for problem in problems}.items():
            found.setdefault(text, (problem, []))[1].append(choice)
    told = [_noted(problem, having, choices) for problem, having in found.values()]
    refused = any(problem.severity is Severity.ERROR for problem in told)
    whole = len(compiled) == len(choices) and not refused
    return (_table(compiled) if whole else None), told


def _refused_as_label(problem: Diagnostic) -> Diagnostic:
    """The problem; an error where runs would be told apart by a value that none of them used."""
    is_label = problem.span is not None and problem.span.source.kind == "set"
    if problem.code == NO_EFFECT and is_label:
        return problem._replace(severity=Severity.ERROR)
    return problem


def _once(survey: Survey) -> Survey:
    """The same survey, which remembers what it found."""
    found: dict[tuple[str, float, int], Surveyed | None] = {}

    def remembered(recipe: Recipe) -> Surveyed | None:
        settings = recipe.settings
        key = str(settings.dataset), settings.validation, settings.split_seed
        if key not in found:
            found[key] = survey(recipe)
        return found[key]

    return remembered


def _table(compiled: Sequence[Entry]) -> Table:
    unique: dict[tuple[str, Path | None], Entry] = {}
    for entry in compiled:
        choice, plan, _ = entry
        unique.setdefault((plan.digest(), _reads_from(choice, plan)), entry)
    names = run_names([choice for choice, _, _ in unique.values()], [key[0] for key in unique])
    rows = [
        Row(choice, name, plan, digest, written, reads_from)
        for name, ((digest, reads_from), (choice, plan, written)) in zip(
            names, unique.items(), strict=True
        )
    ]
    return Table(tuple(rows), len(compiled))


def _reads_from(choice: Choice, plan: Plan) -> Path | None:
    """The folder that paths in a plan are relative to: the same paths in another one are other files."""
    files = plan.dataset.available is None
    named = files or plan.init_file or any(stage.teacher for stage in plan.stages)
    return choice.recipe.parent.resolve() if named else None


def _noted(problem: Diagnostic, having: Sequence[Choice], choices: Sequence[Choice]) -> Diagnostic:
    """The problem with a note of which combinations have it."""
    if len(having) == len(choices):
        return problem
    where = f"in {len(having)} of {len(choices)} combinations: {_what_they_share(having, choices)}"
    return problem._replace(note="\n".join(filter(None, (problem.note, where))))


def _what_they_share(having: Sequence[Choice], choices: Sequence[Choice]) -> str:
    """The assignments that mark these combinations off from all others, or else the first of them in full."""
    parts = [_parts(choice) for choice in choices]
    shared = frozenset.intersection(*map(_parts, having))
    if sum(shared <= each for each in parts) == len(having):
        shared -= frozenset.intersection(*parts)
        return f"those with {_listed(having[0], shared)}"
    first = _listed(having[0], _parts(having[0]))
    return first if len(having) == 1 else f"the first is {first}"


def _parts(choice: Choice) -> frozenset[str]:
    return frozenset((str(choice.recipe), *choice.assignments))


def _listed(choice: Choice, parts: frozenset[str]) -> str:
    written = (str(choice.recipe), *choice.assignments)
    return ", ".join(part for part in written if part in parts)
