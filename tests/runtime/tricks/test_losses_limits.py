"""Limits of the losses, the weights and margins that they get from class counts, draws and shardings."""

from __future__ import annotations

import mindspore as ms
import numpy as np
import pytest
from ltdsl_runtime.streams import generator
from ltdsl_runtime.tricks.losses import SoftmaxEqualization
from ltdsl_runtime.tricks.losses.objectives import LOSSES
from mindspore import Tensor, nn, ops
from scipy.special import log_expit
from scipy.stats import binomtest, kstest, norm, truncnorm

from ltdsl import catalogue
from ltdsl.catalogue.losses import shared

COUNTS = (500, 90, 30, 1)
RNG = np.random.default_rng(3)
LOGITS = RNG.normal(scale=3, size=(9, 4)).astype(np.float32)
LABELS = np.arange(9) % 4


def declared(name, **arguments):
    return catalogue.LOSSES[name](**arguments)


def total(entry, counts=COUNTS, logits=LOGITS, labels=LABELS, *extra):
    """The batch's loss."""
    loss, reduction = LOSSES[entry.name](entry, counts)
    tensors = Tensor(logits, ms.float32), Tensor(labels, ms.int32)
    return float(reduction(*loss(*tensors, *map(Tensor, extra))).asnumpy())


def plain(logits=LOGITS, labels=LABELS):
    return total(declared("ce"), COUNTS, logits, labels)


# ── where a loss becomes another ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "arguments", "counts"),
    [
        ("cs_ce", {"gamma": 0.0}, COUNTS),
        ("cb_ce", {"beta": 0.0}, COUNTS),
        ("cdt", {"gamma": 0.0}, COUNTS),
        ("logit_adjustment", {"tau": 0.0}, COUNTS),
        ("vs", {"tau": 0.0, "gamma": 0.0}, COUNTS),
        ("vs", {}, (7, 7, 7, 7)),
        ("label_smoothing", {"epsilon": 0.0}, COUNTS),
        ("label_aware_smoothing", {"head": 0.0, "tail": 0.0}, COUNTS),
        ("balanced_softmax", {}, (7, 7, 7, 7)),
        ("logit_adjustment", {"tau": 2.0}, (7, 7, 7, 7)),
        ("cdt", {"gamma": 1.0}, (7, 7, 7, 7)),
        ("cb_ce", {}, (7, 7, 7, 7)),
        # the logits of an ldam stage are s · cos already
        ("ldam", {"margin": 0.0}, COUNTS),
    ],
)
def test_plain_cross_entropy_is_the_limit(name, arguments, counts):
    assert total(declared(name, **arguments), counts) == pytest.approx(plain(), rel=1e-6)


def test_seql_without_rare_classes_or_without_drawing_is_plain():
    everything, nothing = np.ones((9, 4), np.uint8), np.zeros((9, 4), np.uint8)
    none_rare = declared("seql", **{"lambda": 0.0})
    all_rare = declared("seql", **{"lambda": 1.0})
    assert total(none_rare, COUNTS, LOGITS, LABELS, everything) == pytest.approx(plain(), rel=1e-6)
    assert total(all_rare, COUNTS, LOGITS, LABELS, nothing) == pytest.approx(plain(), rel=1e-6)
    # every class but the label left out: nothing to lose
    assert total(all_rare, COUNTS, LOGITS, LABELS, everything) == pytest.approx(0, abs=1e-6)


def test_vector_scaling_has_two_limits():
    both = [
        (declared("vs", gamma=0.0, tau=1.2), declared("logit_adjustment", tau=1.2)),
        (declared("vs", gamma=0.2, tau=0.0), declared("cdt", gamma=0.2)),
    ]
    for ours, other in both:
        assert total(ours) == pytest.approx(total(other), rel=1e-6)


def test_over_smoothing_is_smoothing_by_nearly_everything():
    ours, other = declared("label_over_smoothing"), declared("label_smoothing", epsilon=0.98)
    assert total(ours) == pytest.approx(total(other), rel=1e-6)


def test_clouds_rise_from_none_for_the_largest_class_to_all_the_noise_for_the_rarest():
    assert declared("gcl").clouds((100, 10, 1)) == pytest.approx((0, 0.25, 0.5))
    assert declared("gcl").clouds((7, 7)) == (0, 0)
    sizes = np.full((9, 4), 0.5, np.float32)
    for counts, noise in ((COUNTS, 0.0), ((7, 7, 7, 7), 0.5)):
        clouded = declared("gcl", noise=noise)
        assert total(clouded, counts, LOGITS, LABELS, sizes) == pytest.approx(plain(), rel=1e-6)


def test_focal_with_gamma_0_is_the_sum_of_binary_cross_entropies():
    z = LOGITS.astype(np.float64)
    sign = np.where(np.eye(4)[LABELS] == 1, 1, -1)
    expected = -log_expit(sign * z).sum(1).mean()
    assert total(declared("focal", gamma=0.0)) == pytest.approx(expected, rel=1e-6)
    assert total(declared("cb_focal", beta=0.0, gamma=0.0)) == pytest.approx(expected, rel=1e-6)
    assert expected != pytest.approx(plain(), rel=0.1)


def test_the_batch_mean_of_focal_is_not_divided_by_its_weights():
    labels = np.full(9, 0)  # the largest class, whose weight is 1/500
    plain_focal, costly = declared("focal"), declared("focal", cost_sensitive=True)
    ratio = total(costly, labels=labels) / total(plain_focal, labels=labels)
    assert ratio == pytest.approx(1 / 500, rel=1e-5)


def test_logit_adjustment_by_1_is_balanced_softmax():
    ours, theirs = total(declared("logit_adjustment")), total(declared("balanced_softmax"))
    assert ours == pytest.approx(theirs, rel=1e-6)


def test_the_influence_is_a_constant_of_the_gradient_unless_asked_for():
    features = RNG.gamma(1.0, size=(9, 5)).astype(np.float32)

    class WithFeatures(nn.Cell):
        def __init__(self, objective):
            super().__init__()
            self.loss, self.reduction = objective
            self.gradient = ops.grad(self.total, grad_position=2)

        def total(self, logits, labels, h):
            return self.reduction(*self.loss(logits, labels, h))

        def construct(self, logits, labels, h):
            return self.gradient(logits, labels, h)

    def slope(**arguments):
        entry = declared("influence_balanced", **arguments)
        cell = WithFeatures(LOSSES[entry.name](entry, COUNTS))
        return cell(Tensor(LOGITS), Tensor(LABELS, ms.int32), Tensor(features)).asnumpy()

    assert np.all(slope() == 0)
    assert np.all(slope(through_factor=True) < 0)  # longer features, more influence, less loss


@pytest.mark.parametrize("name", catalogue.LOSSES)
def test_two_classes_of_which_one_has_a_single_image(name):
    entry = declared(name)
    logits = np.array([[1e4, -1e4], [3, -1], [0, 0]], np.float32)
    loss, _ = LOSSES[name](entry, (50, 1))
    extra = [np.ones((3, 4), "f4")] if loss.needs_features else []
    extra += loss.draw(RNG, 3) if loss.draw else []
    for labels in (np.array([0, 1, 1]), np.array([1, 0, 0])):
        assert np.isfinite(total(entry, (50, 1), logits, labels, *extra))


@pytest.mark.parametrize("name", catalogue.LOSSES)
def test_weights_of_labels_are_those_that_come_with_the_losses(name):
    loss, _ = LOSSES[name](declared(name), COUNTS)
    extra = [np.ones((9, 4), "f4")] if loss.needs_features else []
    extra += loss.draw(RNG, 9) if loss.draw else []
    labels = Tensor(LABELS, ms.int32)
    _, weight = loss(Tensor(LOGITS), labels, *map(Tensor, extra))
    np.testing.assert_array_equal(loss.weights(labels).asnumpy(), weight.asnumpy())


# ── what comes from class counts ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("beta", [0.0, 0.9, 0.9999, 1 - 1e-12, np.nextafter(1, 0)])
def test_class_balanced_weights_sum_to_the_classes_and_end_at_inverse_counts(beta):
    weights = np.array(shared.effective_number_weights(beta, COUNTS))
    assert weights.sum() == pytest.approx(4)
    assert np.all(np.diff(weights) >= 0)
    if beta == 0:
        assert np.all(weights == 1)
    if beta > 0.99999:
        inverse = 1 / np.array(COUNTS)
        np.testing.assert_allclose(weights, 4 * inverse / inverse.sum(), rtol=1e-9)


def test_tables_of_each_class():
    assert declared("ldam").margins((16, 81, 1)) == pytest.approx((0.25, 0.5 / 3, 0.5))
    assert declared("cdt", gamma=0.5).temperatures((16, 4, 1)) == pytest.approx((1, 2, 4))
    assert declared("influence_balanced").class_weights((2, 1)) == pytest.approx((2 / 3, 4 / 3))
    assert declared("focal").class_weights(COUNTS) is None
    # strictly below: a class with just the share is not rare
    assert declared("seql", **{"lambda": 0.25}).rare((50, 25, 24, 1)) == (False, False, True, True)


@pytest.mark.parametrize(
    ("shape", "middle"), [("concave", 0.5), ("linear", 1 / 3), ("convex", 1 - np.sqrt(0.75))]
)
def test_smoothing_falls_from_head_to_tail(shape, middle):
    entry = declared("label_aware_smoothing", shape=shape)
    assert entry.smoothing((100, 34, 1)) == pytest.approx((0.4, 0.1 + 0.3 * middle, 0.1))
    assert entry.smoothing((5, 5)) == pytest.approx((0.4, 0.4))


def test_the_scale_of_the_cosines_is_that_of_the_loss():
    assert declared("ldam", s=16.0).logit_scale == 16
    assert declared("ce").logit_scale is None


def test_lambda_is_written_as_the_paper_has_it():
    entry = declared("seql", **{"lambda": 0.05})
    assert str(entry) == "seql(lambda = 0.05)"
    assert entry.model_dump(by_alias=True)["arguments"] == {"gamma": 0.9, "lambda": 0.05}


# ── draws and shardings ──────────────────────────────────────────────────────────────────────────


def test_masks_are_drawn_with_their_probability_from_seed_epoch_and_step():
    loss = SoftmaxEqualization(0.9, (False,) * 100)

    def drawn(*keys):
        return loss.draw(generator(7, "loss", *keys), 64)[0]

    assert drawn(3, 5).dtype == np.uint8
    assert drawn(3, 5).shape == (64, 100)
    np.testing.assert_array_equal(drawn(3, 5), drawn(3, 5))
    others = [drawn(3, 6), drawn(4, 5), loss.draw(generator(8, "loss", 3, 5), 64)[0]]
    assert all(np.any(drawn(3, 5) != other) for other in others)
    ones = sum(int(drawn(0, step).sum()) for step in range(20))
    assert binomtest(ones, 20 * 6400, 0.9).pvalue > 1e-3
    for gamma in (0.0, 1.0):
        certain = SoftmaxEqualization(gamma, (True,) * 3).draw(generator(0, "loss"), 50)[0]
        assert np.all(certain == gamma)


def test_clouds_are_sizes_of_normal_numbers_cut_at_three_deviations():
    loss = LOSSES["gcl"](declared("gcl"), (3,) * 100).loss
    sizes = loss.draw(generator(7, "loss", 3, 5), 640)[0]
    np.testing.assert_array_equal(sizes, loss.draw(generator(7, "loss", 3, 5), 640)[0])
    assert sizes.dtype == np.float32
    assert sizes.max() == 1
    cut = binomtest(int((sizes == 1).sum()), sizes.size, 2 * norm.sf(3))
    assert cut.pvalue > 1e-3
    assert kstest(sizes[sizes < 1], truncnorm(0, 3, scale=1 / 3).cdf).pvalue > 1e-3


def primitives(cell):
    own = {n: p for n, p in vars(cell).items() if isinstance(p, ops.Primitive)}
    return [*own.items(), *(pair for child in cell.cells() for pair in primitives(child))]


#: Axes of each input and how they are split over 4 × 2 devices.
SPLITS = {(4, 2), (4, 1), (4,), (1, 2), (1,), ()}


@pytest.mark.parametrize("name", catalogue.LOSSES)
def test_every_primitive_of_every_loss_gets_a_strategy(name):
    loss, _ = LOSSES[name](declared(name), COUNTS)
    assert loss.shard(4, 2) is loss
    found = primitives(loss)
    assert found
    for label, primitive in found:
        assert primitive.in_strategy, label
        assert set(primitive.in_strategy) <= SPLITS, label
