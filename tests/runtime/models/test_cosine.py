"""The cosine classifier, and the network that has one."""

from __future__ import annotations

import mindspore as ms
import numpy as np
import pytest
from ltdsl_runtime.errors import RunError
from ltdsl_runtime.models import CosineClassifier, build_network, freeze
from ltdsl_runtime.weights import checkpoints
from mindspore import Tensor, nn, ops


class WithGradient(nn.Cell):
    """Logits, and the gradient of their weighted sum at features and weights."""

    def __init__(self, classifier):
        super().__init__()
        self.classifier = classifier
        self.gradient = ops.grad(self.total, grad_position=0, weights=[classifier.weight])

    def total(self, features, factors):
        return (self.classifier(features) * factors).sum()

    def construct(self, features, factors):
        return self.classifier(features), self.gradient(features, factors)


def cosines(features, weight, scale):
    lengths = np.linalg.norm(features, axis=1)[:, None] * np.linalg.norm(weight, axis=1)
    return scale * features @ weight.T / lengths


def test_logits_and_gradients_are_those_of_cosines():
    rng = np.random.default_rng(0)
    features, weight = rng.normal(size=(6, 5)), rng.normal(size=(4, 5))
    factors = rng.normal(size=(6, 4))
    classifier = CosineClassifier(5, 4, 30.0)
    classifier.weight.set_data(Tensor(weight, ms.float32))
    logits, (at_features, (at_weight,)) = WithGradient(classifier)(
        Tensor(features, ms.float32), Tensor(factors, ms.float32)
    )
    np.testing.assert_allclose(logits.asnumpy(), cosines(features, weight, 30), rtol=1e-5)

    def slope(function, point, step=1e-6):
        result = np.empty_like(point)
        for index in np.ndindex(*point.shape):
            ends = []
            for sign in (1, -1):
                moved = point.copy()
                moved[index] += sign * step
                ends.append((function(moved) * factors).sum())
            result[index] = (ends[0] - ends[1]) / (2 * step)
        return result

    expected = slope(lambda x: cosines(x, weight, 30), features)
    np.testing.assert_allclose(at_features.asnumpy(), expected, atol=1e-4)
    expected = slope(lambda w: cosines(features, w, 30), weight)
    np.testing.assert_allclose(at_weight.asnumpy(), expected, atol=1e-4)


def test_lengths_do_not_matter_and_zeros_do_no_harm():
    classifier = CosineClassifier(3, 2, 10.0)
    classifier.weight.set_data(Tensor([[2, 0, 0], [0, 1e-3, 0]], ms.float32))
    cell = WithGradient(classifier)
    features = Tensor([[1e4, 0, 0], [1e-6, 1e-6, 0], [0, 0, 0]], ms.float32)
    logits, (slope, _) = cell(features, ops.ones((3, 2), ms.float32))
    half = 10 * np.sqrt(0.5)
    np.testing.assert_allclose(
        logits.asnumpy(), [[10, 0], [half, half], [0, 0]], rtol=1e-6, atol=1e-6
    )
    assert np.isfinite(slope.asnumpy()).all()


def test_a_network_with_a_cosine_classifier():
    cosine = build_network("resnet8", {}, 10, 1, seed=3, cosine_scale=30.0)
    linear = build_network("resnet8", {}, 10, 1, seed=3)
    assert isinstance(cosine.classifier, CosineClassifier)
    assert isinstance(linear.classifier, nn.Dense)
    names = [[p.name for p in network.get_parameters()] for network in (cosine, linear)]
    assert set(names[0]) - set(names[1]) == {"classifier.cosine_weight"}
    assert set(names[1]) - set(names[0]) == {"classifier.weight", "classifier.bias"}
    lengths = np.linalg.norm(cosine.classifier.weight.asnumpy(), axis=1)
    np.testing.assert_allclose(lengths, 1, rtol=1e-6)
    # the layers below are drawn first, and stay the same
    for ours, theirs in zip(
        cosine.body.get_parameters(), linear.body.get_parameters(), strict=True
    ):
        np.testing.assert_array_equal(ours.asnumpy(), theirs.asnumpy())
    frozen = freeze(cosine)
    assert frozen.classifier.weight.shape == (10, 64)


@pytest.mark.parametrize("scales", [(30.0, None), (None, 30.0)])
def test_weights_of_one_kind_are_refused_by_the_other(tmp_path, scales):
    saved, other = (build_network("resnet8", {}, 10, 1, cosine_scale=s) for s in scales)
    path = tmp_path / "saved.ckpt"
    checkpoints.save(path, saved.get_parameters())
    checkpoints.apply(checkpoints.load(path), saved, path)
    with pytest.raises(RunError) as refused:
        checkpoints.apply(checkpoints.load(path), other, path)
    assert refused.value.code == "LT412"
