"""What rules look at: a recipe with the places of its tricks, and the benchmark that speaks for its data set."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from ltdsl.diagnostics import Edit
from ltdsl.recipe import DEFAULT_NAMES, DEFAULT_TRICKS

if TYPE_CHECKING:
    from ltdsl.analysis.resolve import Resolved, ResolvedStage
    from ltdsl.catalogue import Trick
    from ltdsl.evidence.benchmarks import Match
    from ltdsl.evidence.combination import Combination, Tricks
    from ltdsl.recipe import Recipe, StageRecipe
    from ltdsl.source import Span


class StageCase:
    """A stage of a recipe.

    Attributes:
        recipe: What it means.
        written: What was written.
        name: Its name.
        names: The names of the tricks that were written, those that are defaults left out.
    """

    def __init__(self, recipe: StageRecipe, written: ResolvedStage) -> None:
        self.recipe = recipe
        self.written = written
        self.name = recipe.name
        self._places = {call.name.text: call.span for call in written.tricks}
        self.names = self._places.keys() - DEFAULT_NAMES

    @cached_property
    def tricks(self) -> dict[str, Trick]:
        """Its tricks by name, defaults included."""
        return {trick.name: trick for trick in self.recipe.tricks}

    @cached_property
    def uses(self) -> Tricks:
        """Its tricks as the evidence is searched for them."""
        from ltdsl.evidence.combination import of_stage

        return of_stage(self.recipe)

    def has(self, *names: str) -> bool:
        """True where all of these tricks were written."""
        return self._places.keys() >= set(names)

    def place(self, name: str) -> Span:
        """Where a trick was written."""
        return self._places[name]

    def without(self, name: str) -> Edit:
        """What takes a trick out; a stage keeps one."""
        calls = self.written.tricks
        at = next(i for i, call in enumerate(calls) if call.name.text == name)
        span = calls[at].span
        if len(calls) == 1:
            return Edit(span, DEFAULT_TRICKS["loss"].name)
        if at:
            return Edit(span._replace(start=calls[at - 1].span.end), "")
        return Edit(span._replace(end=calls[1].span.start), "")

    def parameter(self, trick: str, name: str) -> Any:
        """A parameter's value, by its name in the language; None where the trick has none of that name."""
        entry = self.tricks[trick]
        for field, info in type(entry).model_fields.items():
            if name == (info.alias or field):
                return getattr(entry, field)
        return None


class Case:
    """A checked recipe.

    Attributes:
        recipe: What it means.
        resolved: Where its values were written.
        known_counts: Training images of each class, where they are known.
        stages: In order of time.
    """

    def __init__(self, recipe: Recipe, resolved: Resolved, counts: tuple[int, ...] | None) -> None:
        self.recipe = recipe
        self.known_counts = counts
        self.resolved = resolved
        self.stages = [
            StageCase(stage, written)
            for stage, written in zip(recipe.stages, resolved.stages, strict=True)
        ]

    @property
    def counts(self) -> tuple[int, ...]:
        """Training images of each class, for rules that need them."""
        assert self.known_counts is not None
        return self.known_counts

    @property
    def epochs(self) -> int:
        """Epochs of the run."""
        return self.recipe.settings.epochs

    def start(self, stage: StageCase) -> int:
        """The epoch a stage starts at."""
        return self._bounds(stage)[0]

    def end(self, stage: StageCase) -> int:
        """The epoch after a stage's last."""
        return self._bounds(stage)[1]

    def _bounds(self, stage: StageCase) -> tuple[int, int]:
        return self._all_bounds[self.stages.index(stage)]

    @cached_property
    def _all_bounds(self) -> list[tuple[int, int]]:
        return self.recipe.bounds

    def passed(self, stage: StageCase) -> tuple[float, float]:
        """The share of its sampler's time that has passed in a stage's first epoch and in its last."""
        start, end = self._bounds(stage)
        first, last = (
            stage.recipe.sampler.passed(epoch, start, end, self.epochs)
            for epoch in (start, end - 1)
        )
        return first, last

    @cached_property
    def benchmark(self) -> Match:
        """The benchmark whose figures speak for the data set."""
        from ltdsl.evidence.benchmarks import nearest

        return nearest(self.recipe.settings.dataset, self.known_counts)

    @cached_property
    def combination(self) -> Combination:
        """The recipe as the evidence is searched for it."""
        from ltdsl.evidence.combination import merged

        return merged(stage.uses for stage in self.stages)

    def value(self, name: str, text: str) -> Edit | None:
        """What writes another value for a setting; None where the data set's protocol says it."""
        argument = self.resolved.settings.get(name)
        written = argument is not None and self.setting(name) is not None
        return Edit(argument.value.span, text) if argument and written else None

    def setting(self, name: str) -> Span | None:
        """Where a setting was written; None where it is a data set's protocol that says it."""
        argument = self.resolved.settings.get(name)
        return argument.span if argument and argument.span.source.kind != "protocol" else None
