"""Combinations of tricks, and how far one is from another.

The distance counts changes. Within a stage, a trick more, fewer or replaced by another of its kind is 1, a parameter
of another value a quarter. A stage more or fewer is 1, and 1 for each of its tricks. Stages are matched in order, as
cheaply as possible. Stages in a row with the same tricks are one. Epochs have no part in it.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from ltdsl.catalogue import INDEXES, TRICKS
from ltdsl.catalogue.entry import Entry, write
from ltdsl.catalogue.fields import fields_of
from ltdsl.catalogue.tricks import KINDS
from ltdsl.recipe import DEFAULT_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ltdsl.catalogue import Trick
    from ltdsl.evidence.rows import Row
    from ltdsl.plan import Plan
    from ltdsl.recipe import Recipe, StageRecipe

PARAMETER = 0.25

#: A trick as rows write it, and one of its arguments: no call within a call.
_CALL = re.compile(r"\s*(\w+)\s*(?:\(([^()]*)\))?\s*")
_PAIR = re.compile(r"\s*(\w+)\s*=\s*([\w.%-]+)\s*")


class Use(NamedTuple):
    """A trick with the parameters that differ from its defaults, as text, by name."""

    name: str
    parameters: tuple[tuple[str, str], ...] = ()

    @property
    def kind(self) -> str:
        """Its kind, of which a stage has one."""
        return _kind(self.name)

    def __str__(self) -> str:
        inside = ", ".join(f"{key} = {value}" for key, value in self.parameters)
        return f"{self.name}({inside})" if inside else self.name


@cache
def _kind(name: str) -> str:
    """The kind of a trick, by the index that has it: of most tricks that rows name, a check needs no declaration."""
    return next(base.kind for base in KINDS if name in INDEXES[base])


Tricks: TypeAlias = frozenset[Use]
Combination: TypeAlias = tuple[Tricks, ...]


def of_row(row: Row) -> Combination:
    """The combination that a row was trained with."""
    return _of_stages(row.stages)


@cache
def names_in(stages: tuple[str, ...]) -> frozenset[str]:
    """The names of all tricks of stages in the language's notation, those that are defaults left out."""
    found = (_CALL.match(part) for text in stages for part in text.split("+"))
    return frozenset(match[1] for match in found if match) - DEFAULT_NAMES


@cache
def _of_stages(stages: tuple[str, ...]) -> Combination:
    return merged(of_chain(text) for text in stages)


def of_recipe(recipe: Recipe) -> Combination:
    """The combination that a recipe asks for."""
    return merged(of_stage(stage) for stage in recipe.stages)


def of_plan(plan: Plan) -> Combination:
    """The combination that a plan trains."""
    return merged(
        frozenset(
            _use(trick)
            for trick in (
                stage.sampler,
                stage.mixer,
                stage.loss,
                stage.classifier,
                stage.teacher,
                stage.posthoc,
            )
            if trick is not None and trick.name not in DEFAULT_NAMES
        )
        for stage in plan.stages
    )


def of_stage(stage: StageRecipe) -> Tricks:
    """The tricks of a stage."""
    return frozenset(_use(trick) for trick in stage.tricks if trick.name not in DEFAULT_NAMES)


@cache
def of_chain(text: str) -> Tricks:
    """The tricks of a stage in the language's notation."""
    found = [_CALL.fullmatch(part) for part in text.split("+")]
    assert all(found), text
    return frozenset(
        _called(*match.groups()) for match in found if match and match[1] not in DEFAULT_NAMES
    )


def describe(combination: Combination) -> str:
    """A combination in a line."""
    return "; ".join(" + ".join(sorted(map(str, stage))) or "ce" for stage in combination)


def merged(stages: Iterable[Tricks]) -> Combination:
    """Stages in order; those in a row with the same tricks are one, and post-hoc tricks end the stage before them."""
    found: list[Tricks] = []
    for stage in stages:
        if found and stage and all(use.kind == "posthoc" for use in stage):
            found[-1] |= stage
        elif not found or found[-1] != stage:
            found.append(stage)
    return tuple(found)


def _use(trick: Trick) -> Use:
    written = (
        (key, write(getattr(trick, field)), default)
        for key, field, default in _defaults(type(trick))
    )
    changed = [(key, value) for key, value, default in written if value != default]
    return Use(trick.name, tuple(sorted(changed)))


def _called(name: str, arguments: str | None) -> Use:
    written = [_PAIR.fullmatch(part) for part in arguments.split(",")] if arguments else []
    assert all(written), arguments
    values = [(match[1], _value(match[2])) for match in written if match]
    defaults = {key: default for key, _, default in _defaults(TRICKS[name])} if values else {}
    changed = [(key, value) for key, value in values if defaults.get(key) != value]
    return Use(name, tuple(sorted(changed)))


@cache
def _defaults(entry: type[Trick]) -> tuple[tuple[str, str, str], ...]:
    """Each parameter's name in the language, its field, and its default as text.

    Those that name files are left out: they say nothing about what is trained.
    """
    texts = {name for name, field in fields_of(entry).items() if field.text}
    names = ((info.alias or field, field) for field, info in entry.model_fields.items())
    return tuple(
        (name, field, _default(entry, field)) for name, field in names if name not in texts
    )


def _default(entry: type[Trick], field: str) -> str:
    info = entry.model_fields[field]
    made = info.default_factory
    if isinstance(made, type) and issubclass(made, Entry):
        return made.name  # an entry with all its defaults, without having pydantic make one
    return write(info.get_default(call_default_factory=True))


def _value(text: str) -> str:
    """A written value as :func:`ltdsl.catalogue.entry.write` would write it."""
    try:
        return write(float(text))
    except ValueError:
        return text


# ── distance ─────────────────────────────────────────────────────────────────────────────────────


def distance(one: Combination, other: Combination) -> float:
    """How many changes lead from one combination to another, by the rules above."""
    costs = [[0.0] * (len(other) + 1) for _ in range(len(one) + 1)]
    for i, here in enumerate(one, 1):
        costs[i][0] = costs[i - 1][0] + 1 + len(here)
    for j, there in enumerate(other, 1):
        costs[0][j] = costs[0][j - 1] + 1 + len(there)
    for i, here in enumerate(one, 1):
        for j, there in enumerate(other, 1):
            costs[i][j] = min(
                costs[i - 1][j - 1] + between(here, there),
                costs[i - 1][j] + 1 + len(here),
                costs[i][j - 1] + 1 + len(there),
            )
    return costs[-1][-1]


def between(here: Tricks, there: Tricks) -> float:
    """How many changes lead from one stage's tricks to another's."""
    mine, theirs = ({use.kind: use for use in stage} for stage in (here, there))
    total = 0.0
    for kind in mine.keys() | theirs.keys():
        one, other = mine.get(kind), theirs.get(kind)
        if one and other and one.name == other.name:
            changed = set(one.parameters) ^ set(other.parameters)
            total += PARAMETER * len({key for key, _ in changed})
        else:
            total += 1
    return total
