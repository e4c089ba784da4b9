"""Configurations in files, and the recipes that they become."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ltdsl.diagnostics import report
from ltdsl.format import format_source
from ltdsl.importing import bagoftricks, ldam_drw, mislas
from ltdsl.importing.configuration import Configuration, Unfit, read_yaml
from ltdsl.importing.joining import chain_of, maps_of
from ltdsl.importing.writing import recipe_of
from ltdsl.source import Source

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence

    from ltdsl.diagnostics import Diagnostic
    from ltdsl.importing.training import Left, Training


class Imported(NamedTuple):
    """What became of a configuration.

    Attributes:
        source: The configuration.
        recipe: Its recipe, laid out; None where it is a part of others' only, or is refused.
        joined: The configurations whose recipes it became a part of.
        left: Keys that have no place in a recipe.
        problems: What is wrong with it, or has no counterpart.
    """

    source: Source
    recipe: str | None
    joined: tuple[str, ...]
    left: tuple[Left, ...]
    problems: tuple[Diagnostic, ...]

    @property
    def refused(self) -> bool:
        """Whether nothing became of it."""
        return self.recipe is None and not self.joined


def import_files(sources: Sequence[Source]) -> list[Imported]:
    """The recipes of configurations, joined where they name each other.

    Args:
        sources: Texts of configurations, which may be a stranger's.

    Returns:
        What became of each, in the same order; of each command line where a file has several.
    """
    parts = [part for each in sources for part in ldam_drw.command_lines(each) or [each]]
    read = [_read(part) for part in parts]
    trainings = [each for each in read if not isinstance(each, _Refused)]
    results: dict[str, Imported] = {}
    uses: dict[str, list[str]] = {}
    for each in trainings:
        problems = list(each.problems)
        recipe = None
        if not each.makes:
            recipe = _recipe(each, trainings, problems, uses)
        results[each.source.name] = Imported(
            each.source, recipe, (), tuple(each.left), tuple(problems)
        )
    found = []
    for one in read:
        if isinstance(one, _Refused):
            found.append(Imported(one.source, None, (), (), (one.problem,)))
            continue
        result = results[one.source.name]._replace(joined=tuple(uses.get(one.source.name, ())))
        if one.makes and not result.joined:
            message = f"{one.source.name} makes images for others, and trains nothing"
            problem = report("LT602", None, message, help="import what uses them together with it")
            result = result._replace(problems=(*result.problems, problem))
        found.append(result)
    return found


class _Refused(NamedTuple):
    source: Source
    problem: Diagnostic


def _read(source: Source) -> Training | _Refused:
    try:
        if ldam_drw.command_lines(source):
            return ldam_drw.training_of(source)
        values = read_yaml(source)
        for project in (bagoftricks, mislas):
            config = Configuration(source, values, project.DEFAULTS)
            if project.is_ours(config):
                return _checked(project.training_of(config), config, project.LEFT)
    except Unfit as unfit:
        return _Refused(source, unfit.diagnostic)
    except (
        ArithmeticError,
        IndexError,
        TypeError,
    ):  # a rate of 0 to divide by, a size of no numbers
        message = f"{source.name} has values that nothing can be trained with"
        return _Refused(source, report("LT602", None, message))
    message = f"{source.name} is no configuration that is known here"
    hint = "docs/importing.md lists those that are"
    return _Refused(source, report("LT601", None, message, help=hint))


def _checked(made: Training, config: Configuration, left: Container[str]) -> Training:
    """A training with a problem for each key that its project does not read."""
    for name in [name for name in config.unasked() if name not in left]:
        message = f"`{name}` is no key that this project reads"
        made.problems.append(report("LT603", config.get(name).span, message))
    return made


def _recipe(
    each: Training,
    trainings: Iterable[Training],
    problems: list[Diagnostic],
    uses: dict[str, list[str]],
) -> str | None:
    others = [other for other in trainings if other is not each]
    chain = chain_of(each, others, problems)
    maps = ""
    for link in chain:
        if link.uses:
            maps = maps_of(link, others, problems)
            makers = [other for other in others if other.makes and other.makes == link.uses]
            for maker in makers[:1]:
                uses.setdefault(maker.source.name, []).append(each.source.name)
    for link in chain[:-1]:
        uses.setdefault(link.source.name, []).append(each.source.name)
    if any(problem.code == "LT602" for problem in problems):
        return None
    text = recipe_of(chain, maps, problems)
    if any(problem.code == "LT602" for problem in problems):
        return None
    laid_out = format_source(Source(each.source.name, text))
    if not isinstance(laid_out, str):  # infinities, say
        message = f"{each.source.name} has values that no recipe has"
        problems.append(
            report("LT602", None, message, help=laid_out[0].message if laid_out else "")
        )
        return None
    return laid_out
