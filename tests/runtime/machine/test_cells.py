"""Layers on native kernels against MindSpore's own, in compiled graphs."""

from __future__ import annotations

import mindspore as ms
import numpy as np
import pytest
from ltdsl_runtime import models
from ltdsl_runtime.models import build_network
from ltdsl_runtime.models.native_cells import Convolve, JoinInTraining, MaxPool, use_native
from ltdsl_runtime.models.norm import NormRelu
from mindspore import Tensor, nn


@pytest.fixture(autouse=True)
def plain(monkeypatch):
    """What is built is MindSpore's, until a test takes the kernels."""
    monkeypatch.setattr(models, "native", lambda: False)


class Layers(nn.Cell):
    """One of each that is taken, and of each that is not."""

    def __init__(self) -> None:
        super().__init__()
        self.taken = nn.SequentialCell(
            nn.Conv2d(3, 8, 3, pad_mode="same"),
            nn.BatchNorm2d(8),
            nn.ReLU6(),
            nn.Conv2d(8, 8, 5, 2, pad_mode="pad", padding=2, has_bias=True),
            nn.Conv2d(8, 8, 3, 2, pad_mode="same"),  # pads at the end only
            nn.Conv2d(8, 8, 1, pad_mode="valid"),
            nn.Conv2d(8, 8, 5, pad_mode="same", group=8),
            nn.Conv2d(8, 8, 3, 2, pad_mode="same", group=8),
            nn.MaxPool2d(3, 1, pad_mode="same"),
            nn.MaxPool2d(2, 1),
        )
        self.left = nn.SequentialCell(
            nn.Conv2d(8, 8, 1, pad_mode="pad", padding=1),
            nn.Conv2d(8, 8, 3, pad_mode="same", group=4),
            nn.Conv2d(8, 8, 3, pad_mode="same", dilation=2),
            nn.Conv2d(8, 16, 3, pad_mode="same", group=8),
            nn.Conv2d(16, 8, (3, 5), pad_mode="same"),
            nn.Conv2d(8, 8, 2, pad_mode="valid"),
        )

    def construct(self, x):
        return self.left(self.taken(x))


class Gradients(nn.Cell):
    """Output, and gradients of a weighted sum of it, by all weights."""

    def __init__(self, network: nn.Cell, weights: Tensor) -> None:
        super().__init__(auto_prefix=False)
        self.network = network
        self.weights = weights
        self.both = ms.value_and_grad(self.forward, 0, network.trainable_params(), has_aux=True)

    def forward(self, x):
        out = self.network(x)
        return (out * self.weights).sum(), out

    def construct(self, x):
        (_, out), gradients = self.both(x)
        return out, gradients


def pair(build, x):
    """Results of a network and of its native twin with the same weights."""
    plain, native = build(), build()
    ms.load_param_into_net(native, plain.parameters_dict())
    names = list(native.parameters_dict())
    use_native(native)
    assert list(native.parameters_dict()) == names
    weights = Tensor(np.random.default_rng(1).normal(size=plain(x).shape).astype(np.float32))
    results = []
    for network in (plain, native):
        out, (of_x, of_weights) = Gradients(network.set_train(), weights)(x)
        results.append([out, of_x, *of_weights, *network.parameters_dict().values()])
    return (plain, native), results


def close(results, tolerance=1e-5, least=1e-2):
    """By their norms: where a ReLU's input is 0 but for rounding, a single number may differ by much.

    ``least``: of a norm whose true value may be 0, that of the terms that cancel.
    """
    for a, b in zip(*results, strict=True):
        a, b = a.asnumpy(), b.asnumpy()
        assert np.linalg.norm(a - b) <= tolerance * max(np.linalg.norm(a), least)


@pytest.fixture
def images():
    return Tensor(np.random.default_rng(0).normal(size=(6, 3, 18, 20)).astype(np.float32))


def test_layers_that_fit_are_taken_and_compute_the_same(images):
    (_, native), results = pair(Layers, images)
    close(results)
    taken = [name for name, cell in native.cells_and_names() if isinstance(cell, Convolve)]
    assert taken == [f"taken.{i}.conv2d" for i in (0, 3, 4, 5, 6, 7)]
    pools = [name for name, cell in native.cells_and_names() if isinstance(cell, MaxPool)]
    assert pools == [f"taken.{i}.max_pool" for i in (8, 9)]
    assert type(native.taken[2]) is nn.Identity  # the batch norm computes it


@pytest.mark.parametrize("model", ["resnet8", "resnet10", "efficientnet_lite0"])
def test_a_network_trains_the_same(model, images):
    (plain, native), results = pair(lambda: build_network(model, {}, 5, 3, 0), images)
    close(results, 1e-3, least=1)  # batch norms behind batch norms: shifts have no gradient
    layers = [layer for _, layer in native.cells_and_names()]
    assert not any(isinstance(layer, nn.ReLU | nn.ReLU6) for layer in layers)
    assert not any(isinstance(layer, nn.Pad) for layer in layers)
    joins = [layer.join_in_training for layer in layers if isinstance(layer, NormRelu)]
    assert all(isinstance(join, JoinInTraining) for join in joins)
    found = [network.set_train(False)(images).asnumpy() for network in (plain, native)]
    np.testing.assert_allclose(found[1], found[0], rtol=1e-3, atol=1e-4)


def test_moving_statistics_can_be_set_after_the_graph_was_compiled(images):
    _, native = pair(lambda: nn.SequentialCell(nn.BatchNorm2d(3)), images)[0]
    step = Gradients(native.set_train(), Tensor(1.0))
    step(images)
    norm = native[0]
    norm.moving_mean.set_data(Tensor(np.float32([9, 9, 9])))
    step(images)
    expected = 0.9 * 9 + 0.1 * images.asnumpy().mean((0, 2, 3))
    assert norm.moving_mean.asnumpy() == pytest.approx(expected, rel=1e-5)


def test_gradients_pass_through_batch_norms_that_do_not_train(images):
    results = []
    for native in (False, True):
        network = build_network("resnet8", {}, 5, 3, 0).set_train(False)
        if native:
            use_native(network)
        out, (of_x, of_weights) = Gradients(network, Tensor(1.0))(images)
        results.append([out, of_x, *of_weights])
    close(results, 1e-3)
