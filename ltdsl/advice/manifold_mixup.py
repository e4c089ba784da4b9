"""LT206."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING

from ltdsl.advice.basis import Rows
from ltdsl.advice.rule import Finding, Rule
from ltdsl.diagnostics import Edit, Label

if TYPE_CHECKING:
    from ltdsl.advice.case import Case
    from ltdsl.evidence import Row
    from ltdsl.evidence.compare import Candidates


class ManifoldMixupWithCsCe(Rule):
    """A cost-sensitive loss together with manifold mixup.

    On CIFAR-10-LT and CIFAR-100-LT, `manifold_mixup + cs_ce` was published worse than `input_mixup + cs_ce`, and than
    `manifold_mixup + balanced_softmax`. On CIFAR-100-LT it was also published worse than `manifold_mixup` alone; on
    CIFAR-10-LT it was not.
    """

    code = "LT206"
    title = "manifold_mixup with cs_ce"
    grounds = (Rows,)
    tricks = ("manifold_mixup", "cs_ce")
    bad = "epochs = 400\nstage1: manifold_mixup + cs_ce"
    good = "epochs = 400\nstage1: input_mixup + cs_ce"

    def find(self, case: Case) -> Iterator[Finding]:
        """Both tricks from the first epoch, as the rows have them."""
        first = case.stages[0]
        if first.names != {"manifold_mixup", "cs_ce"}:
            return
        from ltdsl.evidence.compare import supported

        match = case.benchmark
        found = supported(match, lambda _: _candidates("input_mixup", "cs_ce"))
        if not found:
            return
        others = [
            supported(match, lambda _, to=to: _candidates(*to))  # type: ignore[misc]
            for to in (("manifold_mixup", "balanced_softmax"), ("manifold_mixup",))
        ]
        groups = [
            (*pair, *(other[1] for pairs in others for other in pairs if other[0] == pair[0]))
            for pair in found
        ]
        yield Finding(
            first.place("cs_ce"),
            "`manifold_mixup` with `cs_ce` was published worse than `input_mixup` with it",
            (Rows(tuple(groups), match.caveat),),
            f"mix images: `{first.name}: input_mixup + cs_ce`, or take another loss",
            others=(Label(first.place("manifold_mixup"), "mixed here"),),
            edit=Edit(first.place("manifold_mixup"), "input_mixup"),
        )

    def rows(self) -> Iterable[Row]:
        """All combinations of the two mixers that it compares."""
        from ltdsl.evidence.benchmarks import BENCHMARKS
        from ltdsl.evidence.compare import pairs

        better = (
            ("input_mixup", "cs_ce"),
            ("manifold_mixup", "balanced_softmax"),
            ("manifold_mixup",),
        )
        for benchmark in BENCHMARKS:
            for to in better:
                yield from chain.from_iterable(pairs(benchmark.name, _candidates(*to)))


def _candidates(*better: str) -> Candidates:
    from ltdsl.evidence.combination import Use

    worse = frozenset({Use("manifold_mixup"), Use("cs_ce")})
    return [((worse,), (frozenset(map(Use, better)),))]
