"""LT211."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from ltdsl.advice.basis import Rows
from ltdsl.advice.rule import Finding, Rule

if TYPE_CHECKING:
    from ltdsl.advice.case import Case
    from ltdsl.evidence.benchmarks import Match
    from ltdsl.evidence.combination import Combination
    from ltdsl.evidence.compare import Pair


class BetterWithout(Rule):
    """A combination that was published better without one of its tricks.

    The rule looks for the recipe's own combination among the published ones, and for the same combination with one
    trick fewer, trained equally long. It speaks where the smaller one was better in every split that has both, and
    beyond noise on average: `remix + cs_ce` on CIFAR-100-LT-100, for one. Where another rule says more about the trick,
    it is silent.
    """

    code = "LT211"
    title = "published better without a trick"
    grounds = (Rows,)
    bad = "dataset = cifar100_lt\nepochs = 400\nstage1: manifold_mixup + class_balanced"
    good = "dataset = cifar100_lt\nepochs = 400\nstage1: manifold_mixup"
    yields = True

    def find(self, case: Case) -> Iterator[Finding]:
        """Each trick that the rows are better without."""
        names = {name for stage in case.stages for name in stage.names}
        if not names:
            return
        match = case.benchmark
        for name in sorted(names):
            found = _better(match, case.combination, name)
            if found:
                stage, *more = (stage for stage in case.stages if name in stage.names)
                yield Finding(
                    stage.place(name),
                    f"this combination was published better without `{name}`",
                    (Rows(found, match.caveat),),
                    f"leave `{name}` out",
                    edit=None if more else stage.without(name),
                )


@lru_cache(maxsize=1024)  # recipes of a sweep ask the same
def _better(match: Match, combination: Combination, name: str) -> tuple[Pair, ...]:
    """Pairs of rows with a combination and without one of its tricks, which is better."""
    from ltdsl.evidence.compare import supported

    without = _without(combination, name)
    return tuple(supported(match, lambda _: [(combination, without)]))


def _without(combination: Combination, name: str) -> Combination:
    from ltdsl.evidence.combination import merged

    return merged(frozenset(use for use in stage if use.name != name) for stage in combination)
