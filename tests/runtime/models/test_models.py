import sys

import mindspore as ms
import numpy as np
import pytest
from ltdsl_runtime.errors import RunError
from ltdsl_runtime.models import Network, build_network, copy_weights, freeze
from ltdsl_runtime.models.network import GlobalPool
from ltdsl_runtime.models.resnet import PadShortcut
from mindspore import Tensor, nn, ops

from ltdsl import catalogue

# name: (channels, size, layers between stem and pool, channels and size of the last maps)
MODELS = {
    "resnet8": (1, 16, 3, 64, 4),
    "resnet20": (3, 32, 3, 64, 8),
    "resnet32": (3, 32, 3, 64, 8),
    "resnet10": (3, 64, 4, 512, 2),
    "resnet50": (3, 64, 4, 2048, 2),
    "efficientnet_lite0": (3, 64, 8, 1280, 2),
}


def test_every_model_has_its_shapes():
    missing = catalogue.MODELS.keys() - MODELS.keys() - {"mindcv"}  # those of a library are below
    assert not missing, (
        f"write the shapes of {missing} into MODELS of tests/runtime/models/test_models.py"
    )


def images(name, batch=4):
    channels, size = MODELS[name][:2]
    values = np.random.default_rng(0).normal(size=(batch, channels, size, size))
    return Tensor(values, ms.float32)


@pytest.fixture(scope="module", params=MODELS)
def model(request):
    name = request.param
    return name, build_network(name, {}, 10, MODELS[name][0], seed=1)


class Cut(nn.Cell):
    """A network interrupted at a layer, as mixing of hidden features does."""

    def __init__(self, network, layer):
        super().__init__(auto_prefix=False)
        self.network = network
        self.layer = layer

    def construct(self, x):
        hidden = self.network.until(x, self.layer)
        return hidden, self.network.after(hidden, self.layer)


class Features(nn.Cell):
    def __init__(self, network):
        super().__init__(auto_prefix=False)
        self.network = network

    def construct(self, x):
        maps = self.network.features(x)
        return maps, self.network.classify(maps)


class Loss(nn.Cell):
    def __init__(self, network):
        super().__init__(auto_prefix=False)
        self.network = network

    def construct(self, x):
        return (self.network(x) ** 2).sum()


class Gradients(nn.Cell):
    def __init__(self, network):
        super().__init__(auto_prefix=False)
        self.weights = ms.ParameterTuple(network.trainable_params())
        self.both = ops.value_and_grad(Loss(network), grad_position=None, weights=self.weights)

    def construct(self, x):
        return self.both(x)


class Beside(nn.Cell):
    """A training step in small: a live and a frozen network in one cell."""

    def __init__(self, live, frozen):
        super().__init__()
        self.live = live
        self.frozen = frozen

    def construct(self, x):
        return self.live(x), self.frozen(x)


class Drift(nn.Cell):
    """Changes a parameter in place, as an optimizer does."""

    def __init__(self, parameter):
        super().__init__(auto_prefix=False)
        self.parameter = parameter

    def construct(self):
        return ops.assign_add(self.parameter, ops.ones_like(self.parameter))


def parameter_count(network):
    return sum(parameter.size for parameter in network.trainable_params())


def values(cell):
    return [parameter.asnumpy().copy() for parameter in cell.get_parameters()]


def test_shapes_and_features_then_classify(model):
    name, network = model
    _, _, groups, channels, size = MODELS[name]
    assert network.layer_names == (
        "stem",
        *(f"layer{index + 1}" for index in range(groups)),
        "pool",
        "fc",
    )
    assert network.classifier.weight.shape == (10, channels)
    maps, logits = Features(network)(images(name))
    assert maps.shape == (4, channels, size, size)
    assert logits.shape == (4, 10)
    np.testing.assert_array_equal(logits.asnumpy(), network(images(name)).asnumpy())


@pytest.mark.parametrize("layer", ["stem", "layer1", "layer2", "layer3", "pool", "fc"])
def test_a_network_may_be_cut_at_every_layer(layer):
    whole, network = (build_network("resnet8", {}, 10, 1) for _ in range(2))
    # in inference, all before the pool may be one operator, whose rounding is its own
    network.chain = None
    hidden, logits = Cut(network, layer)(images("resnet8"))
    assert hidden.shape[1] == {"pool": 64, "fc": 10, "layer2": 32, "layer3": 64}.get(layer, 16)
    np.testing.assert_array_equal(logits.asnumpy(), network(images("resnet8")).asnumpy())
    np.testing.assert_allclose(logits.asnumpy(), whole(images("resnet8")).asnumpy(), atol=1e-5)


def test_parameter_counts():
    # He et al. (2016), table 6: 0.46 M for ResNet-32 on CIFAR-10
    assert parameter_count(build_network("resnet32", {}, 10, 3)) == 464_154
    assert parameter_count(build_network("resnet32", {}, 100, 3)) == 464_154 + 90 * 65
    assert parameter_count(build_network("resnet8", {}, 10, 1)) == 75_002
    # stem 9,408 + 128; groups 73,984, 230,144, 919,040, 3,673,088; classifier 513,000
    assert parameter_count(build_network("resnet10", {}, 1000, 3)) == 5_418_792
    assert parameter_count(build_network("resnet50", {}, 1000, 3)) == 25_557_032  # as everywhere
    # timm's figure for it
    assert parameter_count(build_network("efficientnet_lite0", {}, 1000, 3)) == 4_652_008
    # He et al. (2016), table 6: 0.27 M for ResNet-20
    assert parameter_count(build_network("resnet20", {}, 10, 3)) == 269_722


def test_every_parameter_gets_a_gradient(model):
    name, network = model
    step = Gradients(network)
    network.set_train(True)
    before = values(network)
    _, gradients = step(images(name))
    network.set_train(False)
    assert len(gradients) == len(network.trainable_params())
    for gradient, parameter in zip(gradients, network.trainable_params(), strict=True):
        gradient = gradient.asnumpy()
        assert np.isfinite(gradient).all(), parameter.name
        assert np.abs(gradient).max() > 0, parameter.name
    # training moved the statistics: put them back for the other tests
    for parameter, value in zip(network.get_parameters(), before, strict=True):
        parameter.set_data(Tensor(value))


def test_convolutions_are_drawn_with_kaimings_deviation(model):
    _, network = model
    for _, cell in network.cells_and_names():
        if isinstance(cell, nn.Conv2d):
            weight = cell.weight.asnumpy()
            deviation = np.sqrt(2.0 / np.prod(weight.shape[1:]))
            error = 5 * deviation / np.sqrt(2 * weight.size)
            assert abs(weight.std() - deviation) < error
            assert abs(weight.mean()) < 5 * deviation / np.sqrt(weight.size)
    weight = network.classifier.weight.asnumpy()
    bound = 1 / np.sqrt(weight.shape[1])
    assert 0.95 * bound < np.abs(weight).max() <= bound
    assert not network.classifier.bias.asnumpy().any()


def test_weights_depend_on_the_seed_alone():
    ms.set_seed(1)
    first = values(build_network("resnet8", {}, 10, 1, seed=5))
    ms.set_seed(2)
    np.random.default_rng().random()
    second = values(build_network("resnet8", {}, 10, 1, seed=5))
    other = values(build_network("resnet8", {}, 10, 1, seed=6))
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert not np.array_equal(first[0], other[0])


def test_option_a_keeps_every_second_pixel_and_pads_channels_with_zeros():
    x = np.random.default_rng(0).normal(size=(2, 16, 9, 12)).astype(np.float32)
    out = PadShortcut(16, 32, 2)(Tensor(x)).asnumpy()
    assert out.shape == (2, 32, 5, 6)
    np.testing.assert_array_equal(out[:, 8:24], x[:, :, ::2, ::2])
    assert not out[:, :8].any()
    assert not out[:, 24:].any()


def test_a_classifier_may_be_replaced():
    network = build_network("resnet8", {}, 10, 1)
    network.classifier = nn.Dense(64, 3)
    assert network(images("resnet8")).shape == (4, 3)


class WithDropout(nn.Cell):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.dropout = nn.Dropout(p=0.5)

    def construct(self, x):
        return self.dropout(self.norm(self.conv(x)))


def test_frozen_stays_in_inference_mode_inside_a_training_step():
    network = Network({"stem": WithDropout()}, GlobalPool(), nn.Dense(4, 3))
    network.body[0].norm.moving_mean.set_data(Tensor([0.5, -0.5, 1.0, 0.0], ms.float32))
    frozen = freeze(network)
    assert not frozen.trainable_params()
    x = images("resnet8")
    calm = frozen(x).asnumpy()
    np.testing.assert_allclose(calm, network(x).asnumpy(), rtol=1e-6)
    before = values(frozen), values(network)
    step = Beside(network, frozen)
    step.set_train(True)
    for _ in range(2):
        live, still = step(x)
        np.testing.assert_array_equal(still.asnumpy(), calm)
    assert np.abs(live.asnumpy() - calm).max() > 1e-3
    assert all(np.array_equal(a, b) for a, b in zip(before[0], values(frozen), strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(before[1], values(network), strict=True))
    names = [parameter.name for parameter in step.get_parameters()]
    assert len(set(names)) == len(names)


def test_copied_weights_reach_a_compiled_graph_and_stay_apart():
    source, target = (build_network("resnet8", {}, 10, 1, seed=seed) for seed in (1, 2))
    frozen = freeze(target)
    x = images("resnet8")
    assert np.abs(frozen(x).asnumpy() - source(x).asnumpy()).max() > 0
    copy_weights(source, frozen)
    wanted = source(x).asnumpy()
    np.testing.assert_array_equal(frozen(x).asnumpy(), wanted)
    Drift(source.classifier.weight)()
    assert np.abs(source(x).asnumpy() - wanted).max() > 0
    np.testing.assert_array_equal(frozen(x).asnumpy(), wanted)


def test_unknown_models_are_errors():
    with pytest.raises(RunError, match="resnet9") as caught:
        build_network("resnet9", {}, 10, 3)
    assert "resnet32" in caught.value.hint


def test_mindcv_missing_is_a_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "mindcv", None)
    with pytest.raises(RunError, match="LT430: the model `resnet18` needs mindcv: pip install"):
        build_network("mindcv", {"name": "resnet18"}, 10, 3)


@pytest.mark.parametrize(
    ("name", "features"), [("resnet18", 512), ("mobilenet_v2_100", 1280), ("squeezenet1_1", None)]
)
def test_mindcv_models(name, features):
    pytest.importorskip("mindcv")
    if features is None:  # its classifier is a convolution
        with pytest.raises(RunError, match=name):
            build_network("mindcv", {"name": name}, 7, 3)
        return
    network = build_network("mindcv", {"name": name}, 7, 3, seed=3)
    assert network.classifier.weight.shape == (7, features)
    maps, logits = Features(network)(images("resnet10"))
    assert maps.shape == (4, features, 2, 2)
    np.testing.assert_allclose(logits.asnumpy(), network(images("resnet10")).asnumpy(), rtol=1e-5)
    pooled = maps.asnumpy().mean((2, 3)) @ network.classifier.weight.asnumpy().T
    np.testing.assert_allclose(logits.asnumpy(), pooled, rtol=1e-3, atol=1e-4)
    again = build_network("mindcv", {"name": name}, 7, 3, seed=3)
    assert all(np.array_equal(a, b) for a, b in zip(values(network), values(again), strict=True))
    frozen = freeze(network)
    np.testing.assert_array_equal(frozen(images("resnet10")).asnumpy(), logits.asnumpy())
    copy_weights(again, frozen)


def test_unknown_mindcv_models_are_errors():
    pytest.importorskip("mindcv")
    with pytest.raises(RunError, match="resnet19"):
        build_network("mindcv", {"name": "resnet19"}, 10, 3)
