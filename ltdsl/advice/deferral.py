"""LT202 and LT203: corrections that are on from the first epoch, and were published better deferred."""

from __future__ import annotations

from abc import ABC
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING, ClassVar

from ltdsl.advice.basis import Rows
from ltdsl.advice.rule import Finding, Rule
from ltdsl.diagnostics import Edit

if TYPE_CHECKING:
    from ltdsl.advice.case import Case
    from ltdsl.evidence import Row
    from ltdsl.evidence.combination import Combination, Tricks
    from ltdsl.evidence.compare import Candidates


class Deferral(Rule, ABC):
    """A correction that is on from the first epoch."""

    what: ClassVar[str]

    def find(self, case: Case) -> Iterator[Finding]:
        """The same single trick in every stage: other arrangements have other rows, or none."""
        first = case.stages[0]
        name = next((name for name in self.tricks if first.names == {name}), "")
        if not name or any(stage.names != {name} for stage in case.stages):
            return
        from ltdsl.evidence.combination import between, of_row
        from ltdsl.evidence.compare import supported

        match = case.benchmark
        found = supported(match, lambda benchmark: _candidates(benchmark, name, first.uses))
        if not found:
            return
        _, deferred = min(found, key=lambda pair: between(of_row(pair[0])[0], first.uses))
        yield Finding(
            first.place(name),
            f"`{name}` from the first epoch was published worse than deferred",
            (Rows(tuple(found), match.caveat),),
            f"{self.what} late, as published: `{first.name}: {deferred.stages[0]}`, then "
            f"`{deferred.stages[1]}` in a stage of its own `@ 80%`",
            edit=_in_two(case, deferred),
        )

    def rows(self) -> Iterable[Row]:
        """Every pair that exists, whichever way it points."""
        from ltdsl.evidence.benchmarks import BENCHMARKS
        from ltdsl.evidence.combination import Use
        from ltdsl.evidence.compare import pairs

        for name in self.tricks:
            for benchmark in BENCHMARKS:
                candidates = _candidates(benchmark.name, name, frozenset({Use(name)}))
                yield from chain.from_iterable(pairs(benchmark.name, candidates))


def _in_two(case: Case, deferred: Row) -> Edit | None:
    """The only stage as two; None where there are more, or where it has braces, which may belong to either."""
    stage, *more = case.stages
    if more or stage.written.overrides or stage.written.start or len(stage.written.tricks) > 1:
        return None
    name = "stage2" if stage.name != "stage2" else "stage3"
    early, late = deferred.stages
    return Edit(stage.written.tricks[0].span, f"{early}\n{name}: {late} @ 80%")


def _candidates(benchmark: str, name: str, wanted: Tricks) -> Candidates:
    """The trick alone, and the same trick as the second of two stages; parameters nearest to those wanted first."""
    from ltdsl.evidence.combination import between

    allowed = _before(name)
    found = [
        ((after,), (before, after))
        for before, after in _of_two_stages(benchmark)
        if {use.name for use in after} == {name} and {use.name for use in before} <= allowed
    ]
    return sorted(found, key=lambda pair: (between(pair[0][0], wanted), str(pair)))


def _before(name: str) -> set[str]:
    """What a first stage may have before a deferred correction: the same loss without its weights, else nothing."""
    from ltdsl.catalogue import LOSSES

    plain = LOSSES[name].model_construct().without_counts() if name in LOSSES else None
    return {plain.name} if plain else set()


@cache
def _of_two_stages(benchmark: str) -> frozenset[Combination]:
    from ltdsl.evidence import rows
    from ltdsl.evidence.combination import of_row

    published = (of_row(row) for row in rows() if row.dataset == benchmark)
    return frozenset(combination for combination in published if len(combination) == 2)


class ReweightingFromTheStart(Deferral):
    """Re-weighting from the first epoch instead of deferred.

    A loss that weighs rare classes more was published better when it starts late, after a stage without weights
    (deferred re-weighting, DRW). The rule compares a loss alone with the same loss as the second of two stages, for
    the benchmark nearest to the recipe's data set and within one split.

    It says nothing where the rows do not: on CIFAR-100-LT, deferring `cb_ce` gained less than noise or lost, and so
    did `cb_focal` at imbalance 100, on CIFAR-10-LT too. Losses that shift logits (`balanced_softmax`, `cdt`) are no
    re-weighting; deferring `balanced_softmax` was mostly published worse.
    """

    code = "LT202"
    title = "re-weighting from the first epoch"
    grounds = (Rows,)
    tricks = ("cs_ce", "cb_ce", "cb_focal")
    bad = "stage1: cs_ce"
    good = "stage1: ce\nstage2: cs_ce @ 80%"
    what = "re-weight"


class ResamplingFromTheStart(Deferral):
    """Re-sampling from the first epoch instead of deferred.

    Drawing rare classes more often was published better when it starts late, after a stage that draws every image
    once (deferred re-sampling, DRS): for `class_balanced`, `square_root` and `progressive`, on CIFAR-10-LT and
    CIFAR-100-LT at imbalance 50 and 100, in both splits. With `input_mixup` from the first epoch, balanced sampling
    was published better than without; the rule leaves recipes with a mixer alone.
    """

    code = "LT203"
    title = "re-sampling from the first epoch"
    grounds = (Rows,)
    tricks = ("class_balanced", "square_root", "progressive")
    bad = "stage1: class_balanced"
    good = "stage1: ce\nstage2: class_balanced @ 80%"
    what = "re-sample"
