"""Combinations of tricks of all kinds, each trained for two steps as a real stage on a tiny set.

``LTDSL_FULL=1`` trains every legal pair of two kinds; without it, each trick with some trick of each other kind.
"""

from __future__ import annotations

import math

import mindspore as ms
import numpy as np
import pytest
from ltdsl_runtime.data import ImageArrays, LoadedData
from ltdsl_runtime.graph.evaluation import EvalStep
from ltdsl_runtime.graph.normalise import Normalise
from ltdsl_runtime.models import Network, freeze
from ltdsl_runtime.models.classifiers import use_cosine, use_factors
from ltdsl_runtime.models.initial import initialise
from ltdsl_runtime.models.network import GlobalPool
from ltdsl_runtime.models.scaled import FACTORS
from ltdsl_runtime.training.stages import begin_stage, build_stage
from ltdsl_runtime.tricks.optimizers import build_optimizer
from ltdsl_runtime.tricks.posthoc import POSTHOC
from mindspore import Tensor, nn
from support.composition_pairs import (
    CHOICES,
    KINDS,
    all_pairs,
    every_kind_once,
    pairs,
    wanted_pairs,
)
from support.processes import FULL
from support.training import PLAIN, count_compilations, plan, weights

COUNTS = (14, 9, 6, 3)


@pytest.fixture(autouse=True, scope="module")
def _graph_mode():
    ms.set_context(mode=ms.GRAPH_MODE)


@pytest.fixture(scope="module")
def compilations():
    with count_compilations() as seen:
        yield seen


@pytest.fixture(scope="module")
def data():
    """32 random images of 8×8 pixels."""
    rng = np.random.default_rng(8)
    labels = rng.permutation(np.repeat(np.arange(4, dtype=np.int32), COUNTS))
    images = rng.integers(0, 256, (32, 1, 8, 8), dtype=np.uint8)
    part = ImageArrays(images, labels, tuple("abcd"))
    return LoadedData(part, None, part, COUNTS, {}, np.float32([0.5]), np.float32([0.29]))


def network_of(run, seed):
    """A convolution with a batch norm, and the classifier that the plan asks for."""
    body = {"layer1": nn.SequentialCell(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU())}
    network = Network(body, GlobalPool(), nn.Dense(4, 4))
    if run.logit_scale is not None:
        use_cosine(network, 4, run.logit_scale)
    initialise(network, seed)
    if any(stage.classifier and stage.classifier.adds_factors for stage in run.stages):
        use_factors(network, 4)
    return network


def allowed(network, classifier):
    """Names of what a stage may change: everything, the factors that its classifier learns, or the classifier."""
    if classifier is not None and classifier.adds_factors:
        return {FACTORS}
    names = {parameter.name for parameter in network.get_parameters()} - {FACTORS}
    held = {n for n in names if n.startswith("classifier.")}
    if classifier is None:
        return names
    return names - held if classifier.holds else held


ROWS = all_pairs() if FULL else every_kind_once()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: " + ".join(filter(None, row.values())))
def test_two_steps(row, data, compilations):
    tricks = " + ".join(filter(None, row.values()))
    head = 'init = "i.ckpt"; validation = 0.1; epochs = 2; batch_size = 8; '
    run = plan(f"{PLAIN}{head}a: {tricks}")
    (stage,) = run.stages
    network = network_of(run, 1)
    trained = begin_stage(run, stage, network)
    optimizer = build_optimizer(stage.optimizer, trained, [1e-4] * 2)
    teacher = freeze(network_of(run, 2)) if stage.teacher else None
    built = build_stage(run, stage, data, network, optimizer, teacher)
    built.step.set_train(True)
    start, taught = weights(network), weights(teacher) if teacher else {}
    compilations.clear()
    for number in (0, 1):
        loss = float(built.step(*map(Tensor, built.source[number])).asnumpy())
        assert math.isfinite(loss)
    assert compilations == ["TrainStep"]
    end = weights(network)
    assert all(np.isfinite(value).all() for value in end.values())
    changed = {name for name in end if np.any(end[name] != start[name])}
    assert changed == allowed(network, stage.classifier)
    for name, value in taught.items():
        np.testing.assert_array_equal(value, weights(teacher)[name])
    if stage.posthoc:
        corrected = POSTHOC[stage.posthoc.name](stage.posthoc, network, data.counts)
        step = EvalStep(corrected, Normalise(data.mean, data.std), stage.loss.confidence)
        step.set_train(False)
        batch = data.test.images[:8], data.test.labels[:8], np.ones(8, np.float32)
        prediction, confidence, *_ = (out.asnumpy() for out in step(*map(Tensor, batch)))
        assert set(prediction) <= set(range(4))
        assert np.all((confidence > 0) & (confidence <= 1))


def test_all_legal_pairs_are_covered():
    rows = all_pairs()
    assert {pair for row in rows for pair in pairs(row)} == wanted_pairs()
    assert rows == all_pairs()
    largest = sorted(len(choices) for choices in CHOICES.values())[-2:]
    assert math.prod(largest) <= len(rows) < 2 * math.prod(largest)


def test_the_short_list_has_every_trick():
    rows = every_kind_once()
    for kind in KINDS:
        assert set(filter(None, CHOICES[kind])) <= {row[kind] for row in rows}
    assert len(rows) < 40
