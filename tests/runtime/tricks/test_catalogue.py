"""What is declared is implemented, under the same names, and trains."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest
from ltdsl_runtime.data import ImageArrays, LoadedData
from ltdsl_runtime.models import build_network
from ltdsl_runtime.models.classifiers import use_factors
from ltdsl_runtime.models.scaled import FACTORS
from ltdsl_runtime.training.stages import begin_stage, build_stage
from ltdsl_runtime.tricks import registry as tricks
from ltdsl_runtime.tricks.optimizers import build_optimizer
from mindspore import Tensor
from support.training import PLAIN, linear_network, plan, trainer, weights

from ltdsl import catalogue


@pytest.mark.parametrize("kind", tricks.TABLES, ids=lambda kind: kind.kind)
def test_declared_and_implemented_are_the_same(kind):
    declared, implemented = set(catalogue.INDEXES[kind]), set(tricks.TABLES[kind])
    if kind is catalogue.Sampler:
        implemented |= set(tricks.TRANSFORMS)
        # what is all said by its class shares needs no order of its own
        implemented |= {n for n in declared if is_all_shares(catalogue.SAMPLERS[n])}
    assert implemented == declared, (
        f"every {kind.kind} needs its declaration in ltdsl/catalogue and its line in the table of runtime/"
    )


def is_all_shares(sampler: type[catalogue.Sampler]) -> bool:
    return (
        issubclass(sampler, catalogue.PlainSampler)
        and sampler.drawn_by is catalogue.Sampler.drawn_by
        and sampler.draws is catalogue.Sampler.draws
    )


def test_every_kind_has_a_table():
    abstract = {catalogue.Trick, catalogue.PlainSampler}
    assert set(catalogue.INDEXES) - abstract - set(tricks.TABLES) == {catalogue.Schedule}


@pytest.mark.parametrize("name", catalogue.MIXERS)
def test_a_mixer_mixes_what_it_is_said_to(name):
    entry = catalogue.MIXERS[name]()
    layer = tricks.MIXERS[name](entry, (30, 20, 12, 8)).layer
    assert layer == entry.mixed_layer
    assert (layer is not None) == entry.mixes_hidden


@pytest.mark.parametrize("name", catalogue.CLASSIFIERS)
def test_a_classifier_starts_and_learns_what_it_is_said_to(name):
    entry, network = catalogue.CLASSIFIERS[name](), linear_network(seed=3)
    use_factors(network, 4)
    run = plan(PLAIN + f'init = "i.ckpt"; epochs = 1; batch_size = 8; a: {name}')
    start = weights(network)
    trained = {parameter.name for parameter in begin_stage(run, run.stages[0], network)}
    drawn = {key for key, value in weights(network).items() if np.any(value != start[key])}
    assert bool(drawn) == entry.draws_anew
    assert all(key.startswith("classifier.") for key in {*drawn, *trained})
    assert (trained == {FACTORS}) == entry.adds_factors


def coloured(size: int, channels: int = 3) -> LoadedData:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (16, channels, size, size), dtype=np.uint8)
    part = ImageArrays(images, np.arange(16, dtype=np.int32) % 4, tuple("abcd"))
    half = np.full(channels, 0.5, np.float32)
    return LoadedData(part, part, part, part.counts(), {}, half, half)


#: How a recipe calls a model, and the image size it is tried with.
CALLS = {"mindcv": ('mindcv(name = "mobilenet_v3_small_100")', 32), "resnet10": ("resnet10", 32)}


@pytest.mark.parametrize("name", catalogue.MODELS)
def test_a_model_trains(name):
    if name == "mindcv" and not find_spec("mindcv"):
        pytest.skip("mindcv is not installed")
    call, size = CALLS.get(name, (name, 16))
    data = coloured(size)
    run = plan(PLAIN + f"model = {call}; epochs = 2; batch_size = 8; a: ce")
    arguments = run.model.model_dump(by_alias=True)["arguments"]
    network = build_network(name, arguments, 4, 3, seed=1)
    start = weights(network)
    optimizer = build_optimizer(run.stages[0].optimizer, network.trainable_params(), [0.01] * 4)
    stage = build_stage(run, run.stages[0], data, network, optimizer)
    stage.step.set_train(True)
    losses = [float(stage.step(*map(Tensor, stage.source[i])).asnumpy()) for i in (0, 1)]
    assert np.all(np.isfinite(losses))
    still = [name for name, value in weights(network).items() if np.all(value == start[name])]
    assert still == []


@pytest.mark.parametrize(
    "setting",
    [f"optimizer = {name}" for name in catalogue.OPTIMIZERS]
    + [f"schedule = {name}(warmup = 1)" for name in catalogue.SCHEDULES],
)
def test_an_optimizer_or_schedule_trains(data, tmp_path, setting):
    base = "schedule = constant; " if setting.startswith("optimizer") else ""
    run = plan(f"{base}{setting}; augment = []; epochs = 3; batch_size = 32; a: ce")
    made = trainer(run, data, tmp_path / "run", linear_network())
    made()
    assert [record.lr for record in made.reporter.records] == [
        run.stages[0].rate(epoch) for epoch in range(3)
    ]
    first, second, third = (end["classifier.weight"] for end in made.reporter.ends)
    assert np.all(np.isfinite(third))
    assert np.any(first != second)
    assert np.any(second != third)


@pytest.mark.parametrize("name", catalogue.AUGMENTS)
def test_an_augmentation_reaches_the_batches(name):
    data = coloured(8)
    network = build_network("resnet8", {}, 4, 3)
    batches = []
    for chain in ("", name):
        run = plan(f"schedule = constant; epochs = 1; batch_size = 16; augment = [{chain}]; a: ce")
        optimizer = build_optimizer(run.stages[0].optimizer, network.trainable_params(), [0.1])
        source = build_stage(run, run.stages[0], data, network, optimizer).source
        if any(entry.follows_classes for entry in run.stages[0].augment):
            source.levels = lambda _: np.full(4, 5)
        batches.append(source[0])
    (plain, labels), (changed, same) = batches
    np.testing.assert_array_equal(labels, same)
    assert np.any(plain != changed)
