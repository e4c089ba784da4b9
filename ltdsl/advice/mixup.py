"""LT204 and LT205: how mixup was published to need training."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING

from ltdsl.advice.basis import Quotation, Rows
from ltdsl.advice.rule import Finding, Rule
from ltdsl.wording import counted

if TYPE_CHECKING:
    from ltdsl.advice.case import Case
    from ltdsl.evidence import Row
    from ltdsl.evidence.compare import Pair

_AUTHORS = "the authors of Bag of Tricks (AAAI 2021), issue 1 of the reference repository"

_TWICE = Quotation("mixup needs about twice the epochs", _AUTHORS)

_FINE_TUNING = Quotation(
    "fine-tuning after mixup, without mixup and at a small learning rate, gains: about 59.66 → 58.21 % on "
    "CIFAR-100-LT-100",
    _AUTHORS,
)


#: Epochs of the published fine-tuning stage.
_LONGER = 20


class MixupTooShort(Rule):
    """Mixup in as few epochs as a recipe without it.

    The authors of Bag of Tricks say that mixup needs about twice the epochs, and all their rows with `input_mixup`,
    `manifold_mixup` or `remix` are trained 400 epochs where those without are trained 200. The rule reports a recipe
    on a data set of these benchmarks whose `epochs` are nearer to 200 than to 400; on other data sets nobody
    published how many epochs go without mixup.
    """

    code = "LT204"
    title = "mixup with too few epochs"
    grounds = (Quotation, Rows)
    tricks = ("input_mixup", "manifold_mixup", "remix")
    bad = "dataset = cifar10_lt\nepochs = 200\nstage1: input_mixup"
    good = "dataset = cifar10_lt\nepochs = 400\nstage1: input_mixup"

    def find(self, case: Case) -> Iterator[Finding]:
        """A mixer in a run that is too short for it."""
        stage = next((s for s in case.stages if s.names & set(self.tricks)), None)
        if stage is None:
            return
        from ltdsl.evidence.benchmarks import Nearness

        match = case.benchmark
        if match.nearness is Nearness.OTHER:
            return
        name = (stage.names & set(self.tricks)).pop()
        groups = _lengths(match.benchmark.name, name)
        if not groups:
            return
        plain, mixed = (groups[0][end].epochs or 0 for end in (0, -1))
        if case.epochs * 2 >= plain + mixed:
            return
        yield Finding(
            stage.place(name),
            f"`{name}` in {counted(case.epochs, 'epoch')}: it was published with {mixed}, recipes without it with "
            f"{plain}",
            (_TWICE, Rows(groups, match.caveat)),
            f"set `epochs = {mixed}`; stages and milestones in percent move with it",
            edit=case.value("epochs", str(mixed)),
        )

    def rows(self) -> Iterable[Row]:
        """Each mixer, and what was trained without."""
        from ltdsl.evidence.benchmarks import BENCHMARKS

        for benchmark in BENCHMARKS:
            for name in self.tricks:
                yield from chain.from_iterable(_lengths(benchmark.name, name))


@cache
def _lengths(benchmark: str, name: str) -> tuple[tuple[Row, ...], ...]:
    """In each split the baselines, the shortest first, and last the mixer alone."""
    from ltdsl.evidence import SPLITS
    from ltdsl.evidence.combination import Use
    from ltdsl.evidence.compare import find

    groups = []
    for split in SPLITS:
        plain = {row.epochs or 0: row for row in reversed(find(benchmark, split, (frozenset(),)))}
        mixed = find(benchmark, split, (frozenset({Use(name)}),))
        if plain and mixed:
            groups.append((*(plain[epochs] for epochs in sorted(plain)), mixed[0]))
    return tuple(groups)


class MixupWithoutFineTuning(Rule):
    """Mixup up to the last epoch.

    The authors of Bag of Tricks say that a last stage without mixup, at a small learning rate, gains: about
    59.66 → 58.21 % top-1 error on CIFAR-100-LT-100. Their final recipes are published with such a stage and without it,
    20 epochs apart.
    """

    code = "LT205"
    title = "mixup without fine-tuning"
    grounds = (Quotation, Rows)
    tricks = ("input_mixup", "manifold_mixup")
    bad = "epochs = 400\nstage1: input_mixup"
    good = (
        "epochs = 420\nstage1: input_mixup\nstage2: ce @ epoch 400 { optimizer = sgd(lr = 0.001) }"
    )

    def find(self, case: Case) -> Iterator[Finding]:
        """A last stage that still mixes."""
        last = case.stages[-1]
        name = next((name for name in self.tricks if last.has(name)), "")
        if not name:
            return
        match = case.benchmark
        rows = _fine_tuned(match.benchmark.name)
        basis = (_FINE_TUNING, Rows(rows, match.caveat)) if rows else (_FINE_TUNING,)
        yield Finding(
            last.place(name),
            f"`{name}` lasts to the end, and no stage fine-tunes without it",
            basis,
            "add a short last stage without a mixer, at a small learning rate: "
            f"`finetune: ce @ epoch {case.epochs} {{ optimizer = sgd(lr = 0.001) }}`, "
            f"with `epochs = {case.epochs + _LONGER}`",
        )

    def rows(self) -> Iterable[Row]:
        """The published recipes with and without fine-tuning."""
        from ltdsl.evidence.benchmarks import BENCHMARKS

        for benchmark in BENCHMARKS:
            yield from chain.from_iterable(_fine_tuned(benchmark.name))


@cache
def _fine_tuned(benchmark: str) -> tuple[Pair, ...]:
    """Rows that mix to the end, and the same rows with one more stage that does not mix."""
    from ltdsl.evidence import rows
    from ltdsl.evidence.combination import of_row
    from ltdsl.evidence.compare import pairs

    found = dict.fromkeys(
        (of_row(row)[:-1], of_row(row))
        for row in rows()
        if row.dataset == benchmark
        and len(row.stages) > 2
        and any(use.kind == "mixer" for use in of_row(row)[-2])
        and not any(use.kind == "mixer" for use in of_row(row)[-1])
    )
    return tuple(pairs(benchmark, list(found), same_epochs=False))
