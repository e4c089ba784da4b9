"""LT211."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ltdsl.advice.basis import Rows
from ltdsl.advice.rule import Finding, Rule

if TYPE_CHECKING:
    from ltdsl.advice.case import Case
    from ltdsl.evidence.combination import Combination


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
        from ltdsl.evidence.compare import supported

        match = case.benchmark
        for name in sorted(names):
            without = _without(case.combination, name)
            found = supported(match, lambda _, w=without: [(case.combination, w)])  # type: ignore[misc]
            if found:
                stage, *more = (stage for stage in case.stages if name in stage.names)
                yield Finding(
                    stage.place(name),
                    f"this combination was published better without `{name}`",
                    (Rows(tuple(found), match.caveat),),
                    f"leave `{name}` out",
                    edit=None if more else stage.without(name),
                )


def _without(combination: Combination, name: str) -> Combination:
    from ltdsl.evidence.combination import merged

    return merged(frozenset(use for use in stage if use.name != name) for stage in combination)
