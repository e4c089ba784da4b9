"""Networks in inference as one operator, against their layers in double precision and in MindSpore."""

from __future__ import annotations

import ctypes

import mindspore as ms
import numpy as np
import pytest
from ltdsl_runtime import models
from ltdsl_runtime.machine.native.library import library
from ltdsl_runtime.models import build_network, freeze
from mindspore import Tensor, nn
from support.kernels import call, unfilled


def draw(channels, widths, seed=0):
    """A stem and two blocks a width, the first of which halves images from the second width on."""
    rng = np.random.default_rng(seed)
    layers = []

    def layer(inputs, outputs, stride, adds):
        weights = rng.normal(0, (2 / 9 / inputs) ** 0.5, (outputs, inputs, 3, 3))
        gamma, variance = rng.uniform(0.5, 1.5, (2, outputs))
        norm = gamma, *rng.normal(0, 0.2, (2, outputs)), variance
        layers.append((stride, adds, [np.float32(each) for each in (weights, *norm)]))
        return outputs

    channels = layer(channels, widths[0], 1, False)
    for width in widths:
        for block in range(2):
            channels = layer(channels, width, 2 if width > widths[0] and not block else 1, False)
            layer(channels, channels, 1, True)
    return layers


def expected(x, layers, epsilon):
    """Layer by layer, a shortcut of option A in the middle of the channels (He et al. 2016)."""
    wide, before, x = (1, -1, 1, 1), None, x.astype(float)
    for stride, adds, given in layers:
        weights, gamma, beta, mean, variance = (each.astype(float) for each in given)
        height, width = (-(-size // stride) for size in x.shape[2:])
        padded, y = np.pad(x, ((0, 0), (0, 0), (1, 2), (1, 2))), 0
        for a in range(3):
            for b in range(3):
                seen = padded[
                    :, :, a : a + height * stride : stride, b : b + width * stride : stride
                ]
                y = y + np.einsum("ichw,oc->iohw", seen, weights[:, :, a, b], optimize=True)
        y = (y - mean.reshape(wide)) / np.sqrt(variance + epsilon).reshape(wide)
        y = y * gamma.reshape(wide) + beta.reshape(wide)
        if adds:
            side, each = (y.shape[1] - before.shape[1]) // 2, -(-before.shape[2] // y.shape[2])
            y[:, side : side + before.shape[1]] += before[:, :, ::each, ::each]
        before, x = x, np.maximum(y, 0)
    return x


def native(x, layers, epsilon=1e-3):
    size = x.shape[2:]
    for stride, _, _ in layers:
        size = [-(-each // stride) for each in size]
    y = unfilled(len(x), len(layers[-1][2][1]), *size)
    how = np.float32([[stride, adds, epsilon] for stride, adds, _ in layers])
    call("ltdsl_chain", x, how, *[each for *_, given in layers for each in given], y)
    return y


def images(*shape):
    return np.random.default_rng(1).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize(
    ("shape", "widths"),
    [
        ((3, 3, 32, 32), (16, 32, 64)),  # where nothing is left over
        ((19, 3, 13, 22), (9, 13)),  # where something is, of everything; two groups of images
        ((2, 1, 5, 3), (2, 8)),
        ((2, 8, 1, 1), (8, 10)),  # single pixels
    ],
)
def test_a_chain_is_what_its_layers_are(shape, widths):
    x, layers = images(*shape), draw(shape[1], widths)
    true = expected(x, layers, 1e-3)
    assert np.linalg.norm(native(x, layers) - true) <= 2e-6 * np.linalg.norm(true)


def test_winograds_method_rounds_no_more_than_four_times_as_much_in_a_chain(direct):
    x, layers = np.abs(images(16, 48, 13, 22)), draw(48, (48,))[:1]
    true, errors = expected(x, layers, 1e-3), []
    for wanted in (False, True):
        direct(wanted)
        errors.append(np.linalg.norm(native(x, layers) - true))
    assert errors[1] < errors[0] <= 4 * errors[1]  # both were taken


def test_an_image_depends_on_neither_its_neighbours_nor_the_number_of_threads():
    x, layers = images(37, 3, 12, 12), draw(3, (8, 16))
    x[5, 0, 0, 0] = np.nan
    loaded = ctypes.CDLL(str(library()))
    before = loaded.ltdsl_threads()
    try:
        results = []
        for threads in (9, 1, 2, 3):
            loaded.ltdsl_set_threads(threads)
            results.append(native(x, layers))
    finally:
        loaded.ltdsl_set_threads(before)
    for other in results[1:]:
        np.testing.assert_array_equal(other, results[0])
    own = [native(np.ascontiguousarray(x[i : i + 1]), layers)[0] for i in range(len(x))]
    np.testing.assert_array_equal(results[0], own)
    assert np.isfinite(np.delete(results[0], 5, 0)).all()
    assert np.isnan(results[0][5]).any()


class Maps(nn.Cell):
    def __init__(self, network):
        super().__init__(auto_prefix=False)
        self.network = network

    def construct(self, x):
        return self.network.features(x), self.network(x)


def test_a_network_takes_it_in_inference_alone(monkeypatch):
    x = Tensor(images(6, 3, 18, 20))
    network = build_network("resnet8", {}, 5, 3, 0)
    rng = np.random.default_rng(0)
    for parameter in network.get_parameters():
        if "moving" in parameter.name or "gamma" in parameter.name:
            value = rng.uniform(0.5, 1.5, parameter.shape).astype(np.float32)
            parameter.set_data(Tensor(value))
    network.set_train(False)
    frozen = freeze(network)
    found = [[each.asnumpy() for each in Maps(cell)(x)] for cell in (network, frozen)]
    for both in zip(*found, strict=True):
        np.testing.assert_array_equal(*both)
    assert all(name.startswith(("body.", "classifier.")) for name in network.parameters_dict())
    monkeypatch.setattr(models, "native", lambda: False)
    plain = build_network("resnet8", {}, 5, 3, 1)
    assert plain.chain is None
    ms.load_param_into_net(plain, network.parameters_dict())
    for ours, theirs in zip(found[0], Maps(plain.set_train(False))(x), strict=True):
        theirs = theirs.asnumpy()
        assert np.linalg.norm(ours - theirs) <= 2e-6 * np.linalg.norm(theirs)
    monkeypatch.undo()
    trained = [Maps(cell.set_train())(x)[0].asnumpy() for cell in (network, frozen)]
    assert not np.allclose(trained[0], found[0][0], rtol=0.1)  # by the batch's statistics
    np.testing.assert_array_equal(trained[1], found[1][0])


@pytest.mark.parametrize("model", ["resnet10", "resnet50", "efficientnet_lite0"])
def test_other_networks_run_layer_by_layer(model):
    assert build_network(model, {}, 5, 3, 0).chain is None
