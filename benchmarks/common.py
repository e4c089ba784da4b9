"""What the benchmarks share: taking turns, rows of a table, a stage on made-up images."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from ltdsl_runtime.data import LoadedData
    from ltdsl_runtime.training.stages import Stage

    from ltdsl.plan import Plan


class Row(NamedTuple):
    """One comparison.

    Attributes:
        what: What is measured.
        ours, other: Medians, with their unit.
        against: What the other one is.
        ratio: Median of the pairs' ratios ours / other.
        spread: Their first and third quartile: how far to trust the median.
        goal: The ratio is to be at most this; None where the figure is for information.
    """

    what: str
    ours: str
    against: str
    other: str
    ratio: float
    spread: tuple[float, float]
    goal: float | None = None


def as_installed() -> dict[str, str]:
    """The environment, in which bytecode is kept as an installed package has it."""
    return {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}


def take_turns(
    ours: Callable[[], object], other: Callable[[], object], rounds: int, warm: int = 2
) -> tuple[list[float], list[float]]:
    """Seconds of each call of both, in pairs, so that whatever else the machine does meets both.

    The order within a pair alternates: going second must not help.
    """
    times: tuple[list[float], list[float]] = ([], [])
    calls = (ours, other)
    for turn in range(-warm, rounds):
        for which in (0, 1) if turn % 2 == 0 else (1, 0):
            start = time.perf_counter()
            calls[which]()
            if turn >= 0:
                times[which].append(time.perf_counter() - start)
    return times


def compare(
    what: str,
    against: str,
    times: tuple[list[float], list[float]],
    goal: float | None = None,
) -> Row:
    """A row of two lists of paired times."""
    ratios = [a / b for a, b in zip(*times, strict=True)]
    low, middle, high = statistics.quantiles(ratios, n=4)
    ours, other = (f"{statistics.median(values) * 1e3:,.4g} ms" for values in times)
    return Row(what, ours, against, other, middle, (low, high), goal)


def cifar_like(images: int = 1024) -> LoadedData:
    """Random bytes in CIFAR-10's shapes, with the class shares of CIFAR-10-LT-100."""
    from ltdsl_runtime.data import ImageArrays, LoadedData
    from ltdsl_runtime.data.cifar import MEAN, STD

    from ltdsl.catalogue import Cifar10LT

    rng = np.random.default_rng(0)
    counts = Cifar10LT().class_counts()
    labels = rng.choice(np.repeat(np.arange(10), counts), images).astype(np.int32)
    pixels = rng.integers(0, 256, (images, 3, 32, 32), dtype=np.uint8)
    part = ImageArrays(pixels, labels, tuple("0123456789"))
    return LoadedData(part, None, part, counts, {}, np.float32(MEAN), np.float32(STD))


def made_up(images: int, classes: int, size: int) -> LoadedData:
    """Random bytes of ``size`` × ``size`` pixels, balanced."""
    from ltdsl_runtime.data import ImageArrays, LoadedData
    from ltdsl_runtime.data.cifar import MEAN, STD

    labels = (np.arange(images) % classes).astype(np.int32)
    pixels = np.random.default_rng(0).integers(0, 256, (images, 3, size, size), dtype=np.uint8)
    part = ImageArrays(pixels, labels, tuple(map(str, range(classes))))
    # as if each class had some: what the recipe's tricks compute from counts is not what is measured
    counts = (images,) * classes
    return LoadedData(part, None, part, counts, {}, np.float32(MEAN), np.float32(STD))


def compiled(text: str) -> Plan:
    """The plan of a recipe."""
    from ltdsl.compiler import compile_recipe
    from ltdsl.source import Source

    plan = compile_recipe(Source("benchmark", text)).plan
    assert plan is not None
    return plan


def first_stage(text: str, data: LoadedData, rates: int = 10_000) -> Stage:
    """A recipe's first stage, built as a run builds it, with a network of its own."""
    from ltdsl_runtime.models import build_network
    from ltdsl_runtime.training.stages import build_stage
    from ltdsl_runtime.tricks.optimizers import build_optimizer

    plan = compiled(text)
    network = build_network(plan.model.name, {}, len(data.counts), 3, plan.seed)
    stage = plan.stages[0]
    # a list of rates, as in a run; small enough that random labels stay finite
    optimizer = build_optimizer(stage.optimizer, network.trainable_params(), [0.001] * rates)
    built = build_stage(plan, stage, data, network, optimizer)
    built.step.set_train(True)
    return built
