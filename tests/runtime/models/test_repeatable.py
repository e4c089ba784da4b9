"""Models of others: the same in each run of one seed."""

# ruff: noqa: NPY002 - what models of others draw from

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest
from ltdsl_runtime import models
from ltdsl_runtime.errors import RunError
from ltdsl_runtime.models import Network, build_network, mindcv
from ltdsl_runtime.models.repeatable import DROPOUTS
from ltdsl_runtime.parallel.cluster import ALONE
from ltdsl_runtime.training import networks
from mindspore import Parameter, Tensor, nn
from support.training import plan


class Drawn(nn.Cell):
    """A layer that draws what no initialiser knows, as positions are drawn."""

    def __init__(self) -> None:
        super().__init__()
        self.offset = Parameter(Tensor(np.random.randn(2, 1, 1).astype(np.float32)), name="offset")

    def construct(self, x):
        return x + self.offset


def drops(num_classes: int, in_channels: int) -> Network:
    body = {"stem": nn.SequentialCell(Drawn(), nn.Dropout(p=0.2), nn.Dropout(p=0.0))}
    return Network(
        body, nn.SequentialCell(nn.Flatten(), nn.Dropout(p=0.5)), nn.Dense(24, num_classes)
    )


@pytest.fixture
def random_model(monkeypatch):
    monkeypatch.setitem(models.BUILDERS, "resnet8", drops)


def test_what_is_drawn_follows_from_the_seed(random_model):
    np.random.seed(5)
    expected = np.random.rand()
    np.random.seed(5)
    first, again, other = (build_network("resnet8", {}, 4, 2, seed=seed) for seed in (3, 3, 4))
    values = [network.body[0][0].offset.asnumpy() for network in (first, again, other)]
    np.testing.assert_array_equal(values[0], values[1])
    assert (values[0] != values[2]).all()
    assert np.random.rand() == expected  # whoever else draws is not disturbed


def test_dropout_is_left_out_and_said(random_model, data, tmp_path):
    network = build_network("resnet8", {}, 4, 2)
    assert network.dropouts_left_out == 2
    assert not any(isinstance(cell, DROPOUTS) for _, cell in network.cells_and_names())
    images = Tensor(np.random.default_rng(0).random((3, 2, 4, 3), np.float32))
    network.set_train(True)
    np.testing.assert_array_equal(network(images).asnumpy(), network(images).asnumpy())
    said: list[str] = []
    recipe = plan("dataset = digits_lt(imbalance = 10); model = resnet8; one: ce")
    networks.network_to_train(recipe, data, tmp_path, ALONE, said.append)
    assert said == [
        "`resnet8` drops units or blocks out at random in 2 places: it is trained without, as what is dropped could "
        "not be repeated"
    ]


def test_a_model_that_mindcv_cannot_make_is_a_sentence(monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("The Tensor(\nis odd")

    library = SimpleNamespace(list_models=lambda: ["odd"], create_model=fail)
    monkeypatch.setitem(sys.modules, "mindcv", library)
    monkeypatch.setattr(mindcv, "need", lambda *_: None)
    with pytest.raises(RunError, match=r"LT431: mindcv cannot make its model `odd`: The Tensor\("):
        mindcv._create("odd", 10, 3)
