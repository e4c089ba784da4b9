"""Which benchmark's figures speak for a recipe's data set, and how well."""

from __future__ import annotations

import math
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from ltdsl.evidence.rows import rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ltdsl.catalogue import Dataset
    from ltdsl.evidence.rows import Row


class Benchmark(NamedTuple):
    """A data set that results were published on.

    Attributes:
        name: As in the rows.
        family: The data set in the language.
        classes: How many there are.
        imbalance: Images of the largest class for each image of the smallest.
    """

    name: str
    family: str
    classes: int
    imbalance: float


BENCHMARKS: tuple[Benchmark, ...] = (
    Benchmark("CIFAR-10-LT-100", "cifar10_lt", 10, 100),
    Benchmark("CIFAR-10-LT-50", "cifar10_lt", 10, 50),
    Benchmark("CIFAR-100-LT-100", "cifar100_lt", 100, 100),
    Benchmark("CIFAR-100-LT-50", "cifar100_lt", 100, 50),
    Benchmark("ImageNet-LT", "imagenet_lt", 1000, 256),
    Benchmark("iNat18", "inat18", 8142, 500),
)


class Nearness(Enum):
    """How well a benchmark's figures speak for a data set."""

    SAME = "same"
    FAMILY = "family"
    OTHER = "other"


class Match(NamedTuple):
    """The benchmark nearest to a data set.

    Attributes:
        benchmark: Whose figures are quoted.
        nearness: Whether it is the data set itself.
        must_agree: The benchmarks that a comparison has to hold on before it is quoted: the benchmark itself where it
            is the data set, else all of the family, else all there are.
        caveat: What has to be said beside the figures; empty where the benchmark is the data set itself.
    """

    benchmark: Benchmark
    nearness: Nearness
    must_agree: tuple[Benchmark, ...]
    caveat: str


def benchmark_of(row: Row) -> Benchmark:
    """The benchmark that a row was published on."""
    return next(benchmark for benchmark in BENCHMARKS if benchmark.name == row.dataset)


def nearest(dataset: Dataset, counts: Sequence[int] | None = None) -> Match:
    """The benchmark nearest to a data set: of its family where there is one, then by classes and imbalance.

    Args:
        dataset: The data set.
        counts: Its training images of each class, where its files say and were read.
    """
    counts = counts or dataset.class_counts()
    profile = getattr(dataset, "profile", "exponential")
    family = tuple(b for b in BENCHMARKS if b.family == dataset.name)
    candidates = family or _compared()
    best = min(candidates, key=lambda b: _apart(b, counts)) if counts else candidates[0]
    asked = getattr(dataset, "imbalance", None)
    if not family:
        caveat = f"nothing was published on {dataset.name}; {best.name} is " + (
            f"nearest by classes ({best.classes}, here {len(counts)}) and imbalance ({best.imbalance:g}, "
            f"here {max(counts) / min(counts):.3g})"
            if counts
            else "quoted, as the files' class counts are not known yet"
        )
        return Match(best, Nearness.OTHER, candidates, caveat)
    if asked is not None and (asked != best.imbalance or profile != "exponential"):
        what = f"imbalance {asked:g}" + (f", profile {profile}" * (profile != "exponential"))
        caveat = f"nothing was published on {dataset.name} with {what}; {best.name} is nearest"
        return Match(best, Nearness.FAMILY, family, caveat)
    return Match(best, Nearness.SAME, (best,), "")


@cache
def _compared() -> tuple[Benchmark, ...]:
    """Those with rows to compare: one with one or two rows speaks for nothing but its own data set."""
    known = {row.dataset for row in rows() if row.split in ("cao", "cui")}
    return tuple(benchmark for benchmark in BENCHMARKS if benchmark.name in known)


def _apart(benchmark: Benchmark, counts: Sequence[int]) -> float:
    imbalance = max(counts) / min(counts)
    return abs(math.log(benchmark.classes / len(counts))) + abs(
        math.log(benchmark.imbalance / imbalance)
    )
