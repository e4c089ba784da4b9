"""The phases, in order: text → syntax tree → resolved layers → Recipe → Plan."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

from ltdsl.advice import advise
from ltdsl.analysis.assignments import read_assignments
from ltdsl.analysis.check import check
from ltdsl.analysis.checkpoints import check_checkpoints, check_folders
from ltdsl.analysis.directions import check_directions
from ltdsl.analysis.effect import check_effect
from ltdsl.analysis.feasible import check_feasible
from ltdsl.analysis.load import Read, load
from ltdsl.analysis.resolve import Resolved, resolve
from ltdsl.diagnostics import Diagnostic, Severity, report
from ltdsl.recipe import Recipe
from ltdsl.source import Source
from ltdsl.syntax import File
from ltdsl.syntax.parser import read_source

if TYPE_CHECKING:
    from ltdsl.plan import Plan
    from ltdsl.survey import Surveyed


Survey: TypeAlias = Callable[[Recipe], "Surveyed | None"]
"""A recipe -> what the files of its data set say; None where it has none to look at."""


@dataclass
class Compilation:
    """What became of a recipe.

    Attributes:
        source: Its text.
        tree: What could be parsed of it.
        sources: Every file read, the recipe first.
        resolved: The value of each setting, as it was written.
        recipe: None where a problem is in the way.
        diagnostics: Everything found, errors or not, in the order in which files and lines were read.
        counts: Training images of each class; None where only the data set's files say, and nobody looked.
        drawn: Whether a validation part is taken from them; else the data bring one.
    """

    source: Source
    tree: File
    sources: list[Source]
    resolved: Resolved
    recipe: Recipe | None = None
    diagnostics: list[Diagnostic] = field(default_factory=list)
    counts: tuple[int, ...] | None = None
    drawn: bool = True

    @cached_property
    def plan(self) -> Plan | None:
        """The recipe, lowered when somebody asks for it: `check` does not."""
        from ltdsl.analysis.lower import lower

        return lower(self.recipe, self.counts, self.drawn) if self.recipe else None

    @cached_property
    def origins(self) -> dict[str, str]:
        """Where each value was written, by address: ``default``, ``protocol of …``, ``recipe.lt:3`` or ``--set``."""
        from ltdsl.analysis.origins import origins

        return origins(self.resolved)

    def recipe_to_json(self) -> dict[str, Any]:
        """The recipe and its origins as JSON data; `docs/schema/recipe.schema.json` describes them."""
        assert self.recipe is not None
        return self.recipe.model_dump(mode="json", by_alias=True) | {"origins": self.origins}

    @property
    def failed(self) -> bool:
        """True where there is an error."""
        return any(problem.severity is Severity.ERROR for problem in self.diagnostics)


def compile_recipe(
    source: Source,
    assignments: Sequence[str] = (),
    read: Read = read_source,
    *,
    allow_outside: bool = False,
    survey: Survey | None = None,
) -> Compilation:
    """Compile a recipe as far as its problems allow; all of them are reported at once.

    Args:
        source: The recipe.
        assignments: ``address=value`` texts from the command line, later ones winning.
        read: Reads the files that it uses.
        allow_outside: Whether the files that it names may lie outside its folder.
        survey: Counts the images of a data set whose files alone know; without it nothing is said about their counts.
    """
    found: list[Diagnostic] = []
    document = load(source, found.append, read, allow_outside)
    check_directions(document.sources, found.append)
    changes = read_assignments(assignments, found.append)
    resolved = resolve(document, changes, found.append)
    recipe = check(resolved, document.tree.span, found.append)
    if recipe is not None and not allow_outside:
        check_checkpoints(recipe, resolved, source, found.append)
    counts: tuple[int, ...] | None = None
    result = Compilation(source, document.tree, document.sources, resolved, diagnostics=found)
    if recipe is not None and not result.failed:
        check_folders(recipe, resolved, source, found.append)
        check_effect(recipe, document, changes, resolved, found.append)
        counts, seen = recipe.settings.dataset.class_counts(), None
        if counts is None and survey is not None:
            seen = _surveyed(recipe, resolved, survey, found)
            counts = seen.counts if seen else None
        if counts is not None:
            result.drawn = seen is None or seen.drawn
            check_feasible(recipe, resolved, counts, found.append, result.drawn)
    if recipe is not None and not result.failed:
        advise(recipe, resolved, counts, found.append)
        result.recipe, result.counts = recipe, counts
    if any("ltdsl" in each.text for each in document.sources):
        from ltdsl.codes.suppress import suppress  # few recipes have such comments

        # one may be there for the recipe as it is written, so changes do not make it stale
        complete = result.recipe is not None and not assignments
        found = result.diagnostics = suppress(found, document.sources, complete)
    found[:] = _said_once(found)
    order = {id(each): i for i, each in enumerate(document.sources)}
    found.sort(
        key=lambda problem: (
            (order.get(id(problem.span.source), len(order)), problem.span.start)
            if problem.span
            else (-1, 0)
        )
    )
    return result


def _said_once(found: list[Diagnostic]) -> list[Diagnostic]:
    """What was found, without the spelling of names that are unknown however they are spelt."""
    unknown = {
        problem.span for problem in found if problem.code in ("LT101", "LT102", "LT103", "LT104")
    }
    return [problem for problem in found if problem.code != "LT005" or problem.span not in unknown]


def _surveyed(
    recipe: Recipe, resolved: Resolved, survey: Survey, found: list[Diagnostic]
) -> Surveyed | None:
    """What a look at the files found; all but the counts is said at the data set's place in the recipe."""
    seen = survey(recipe)
    written = resolved.settings.get("dataset")
    span = written.span if written is not None else None
    for note in seen.notes if seen else ():
        if note.level != "info":
            severity = Severity(note.level)
            found.append(report(note.code, span, note.message, help=note.hint, severity=severity))
    return seen
