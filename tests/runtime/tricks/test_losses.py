"""The refined-operator loss against formulas in float64 and finite differences."""

from functools import cache

import mindspore as ms
import numpy as np
import pytest
from ltdsl_runtime.tricks.losses import CrossEntropy, Reduction
from mindspore import Tensor, nn, ops

BATCH = 12
REDUCTIONS = ("weighted_mean", "mean")


def long_tailed_weights(classes):
    counts = (500 * 100 ** (-np.arange(classes) / (classes - 1))).astype(int)
    return counts.min() / counts


def expected(logits, labels, weights, reduction, partners=None, share=1.0):
    """The batch's loss, straight from the formulas, in float64."""

    def term(targets, shares):
        peak = logits.max(1)
        log_sum = peak + np.log(np.exp(logits - peak[:, None]).sum(1))
        loss = log_sum - logits[np.arange(len(targets)), targets]
        w = weights[targets]
        return (shares * w * loss).sum() / (w.sum() if reduction == "weighted_mean" else len(w))

    if partners is None:
        return term(labels, np.ones(len(labels)))
    return term(labels, share) + term(partners, 1.0 - share)


def finite_difference(function, point, step=1e-5):
    gradient = np.empty_like(point)
    for index in np.ndindex(*point.shape):
        plus, minus = point.copy(), point.copy()
        plus[index] += step
        minus[index] -= step
        gradient[index] = (function(plus) - function(minus)) / (plus[index] - minus[index])
    return gradient


class Plain(nn.Cell):
    def __init__(self, weights, reduction):
        super().__init__()
        self.loss = CrossEntropy(weights)
        self.reduction = Reduction(reduction)

    def construct(self, logits, labels):
        loss, weight = self.loss(logits, labels)
        return self.reduction(loss, weight)


class Mixed(Plain):
    def construct(self, logits, labels, partners, share):
        loss_a, weight_a = self.loss(logits, labels)
        loss_b, weight_b = self.loss(logits, partners)
        return self.reduction(loss_a, weight_a, loss_b, weight_b, share)


class Listing(nn.Cell):
    """The project's listing: softmax, log, one-hot, product, weight, plain mean, one by one."""

    def __init__(self, weights):
        super().__init__()
        self.softmax = ops.Softmax(axis=-1)
        self.log = ops.Log()
        self.one_hot = ops.OneHot()
        self.mul = ops.Mul()
        self.sum = ops.ReduceSum()
        self.neg = ops.Neg()
        self.weights = Tensor(weights, ms.float32)
        self.on = Tensor(1.0, ms.float32)
        self.off = Tensor(0.0, ms.float32)

    def construct(self, logits, labels):
        target = self.one_hot(labels, logits.shape[-1], self.on, self.off)
        log_probability = self.log(self.softmax(logits))
        loss = self.neg(self.sum(self.mul(log_probability, target), -1))
        weight = self.sum(self.mul(target, self.weights), -1)
        return self.mul(loss, weight).mean()


class WithGradient(nn.Cell):
    def __init__(self, cell):
        super().__init__()
        self.both = ops.value_and_grad(cell, grad_position=0)

    def construct(self, *arguments):
        return self.both(*arguments)


@cache
def compiled(kind, classes, weighted, reduction):
    weights = long_tailed_weights(classes) if weighted else None
    return WithGradient(kind(weights, reduction))


def evaluate(cell, logits, *columns):
    tensors = [Tensor(c, ms.float32 if c.dtype.kind == "f" else ms.int32) for c in columns]
    value, gradient = cell(Tensor(logits, ms.float32), *tensors)
    return value.asnumpy(), gradient.asnumpy()


def batch(classes, extreme):
    rng = np.random.default_rng(classes)
    logits = rng.normal(scale=3.0, size=(BATCH, classes))
    if extreme:
        logits = np.where(rng.random(logits.shape) < 0.5, 1e4, -1e4) + np.round(logits)
    logits = logits.astype(np.float32).astype(np.float64)
    columns = rng.integers(classes, size=BATCH), rng.integers(classes, size=BATCH)
    return logits, *columns, rng.random(BATCH).astype(np.float32)


@pytest.mark.parametrize("extreme", [False, True])
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("classes", [10, 100])
def test_value_and_gradient(classes, weighted, reduction, extreme):
    logits, labels, _, _ = batch(classes, extreme)
    weights = long_tailed_weights(classes) if weighted else np.ones(classes)
    value, gradient = evaluate(compiled(Plain, classes, weighted, reduction), logits, labels)

    def reference(z):
        return expected(z, labels, weights, reduction)

    assert np.isfinite(value)
    assert np.isfinite(gradient).all()
    np.testing.assert_allclose(value, reference(logits), rtol=1e-5)
    np.testing.assert_allclose(gradient, finite_difference(reference, logits), atol=2e-6)


@pytest.mark.parametrize("extreme", [False, True])
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("classes", [10, 100])
def test_value_and_gradient_under_mixing_with_a_share_for_each_sample(classes, reduction, extreme):
    logits, labels, partners, share = batch(classes, extreme)
    weights = long_tailed_weights(classes)
    cell = compiled(Mixed, classes, True, reduction)
    value, gradient = evaluate(cell, logits, labels, partners, share)

    def reference(z):
        return expected(z, labels, weights, reduction, partners, share.astype(np.float64))

    np.testing.assert_allclose(value, reference(logits), rtol=1e-5)
    np.testing.assert_allclose(gradient, finite_difference(reference, logits), atol=2e-6)


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_loss_of_mixed_labels_is_the_mixture_of_losses(reduction):
    logits, labels, partners, _ = batch(10, False)
    plain = compiled(Plain, 10, True, reduction)
    mixed = compiled(Mixed, 10, True, reduction)
    share = np.full(BATCH, 0.3, np.float32)
    loss, gradient = evaluate(mixed, logits, labels, partners, share)
    loss_a, gradient_a = evaluate(plain, logits, labels)
    loss_b, gradient_b = evaluate(plain, logits, partners)
    np.testing.assert_allclose(loss, 0.3 * loss_a + 0.7 * loss_b, rtol=1e-5)
    np.testing.assert_allclose(gradient, 0.3 * gradient_a + 0.7 * gradient_b, atol=1e-6)
    whole, _ = evaluate(mixed, logits, labels, partners, np.ones(BATCH, np.float32))
    np.testing.assert_allclose(whole, loss_a, rtol=1e-6)


@pytest.mark.parametrize("classes", [10, 100])
def test_mean_equals_the_listing_wherever_that_is_finite(classes):
    logits, labels, _, _ = batch(classes, False)
    listing = WithGradient(Listing(long_tailed_weights(classes)))
    refined = compiled(Plain, classes, True, "mean")
    for scale in (0.1, 1.0, 5.0):
        ours, theirs = (
            evaluate(refined, scale * logits, labels),
            evaluate(listing, scale * logits, labels),
        )
        np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-4)
        np.testing.assert_allclose(ours[1], theirs[1], atol=1e-6)
    extreme, labels, _, _ = batch(classes, True)
    assert not np.isfinite(evaluate(listing, extreme, labels)[0])


def test_equal_class_weights_are_a_plain_mean():
    logits, labels, _, _ = batch(10, False)
    equal = WithGradient(Plain(np.full(10, 0.25), "weighted_mean"))
    ours = evaluate(equal, logits, labels)
    for reduction in REDUCTIONS:
        theirs = evaluate(compiled(Plain, 10, False, reduction), logits, labels)
        np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-6)
        np.testing.assert_allclose(ours[1], theirs[1], atol=1e-7)


def test_losses_and_weights_are_per_sample():
    logits, labels, _, _ = batch(10, False)
    weights = long_tailed_weights(10)
    loss, weight = CrossEntropy(weights)(Tensor(logits, ms.float32), Tensor(labels, ms.int32))
    assert loss.shape == weight.shape == (BATCH,)
    np.testing.assert_allclose(weight.asnumpy(), weights[labels], rtol=1e-6)


def test_an_unknown_reduction_is_refused():
    with pytest.raises(ValueError, match="median"):
        Reduction("median")


@pytest.mark.parametrize("weighted", [False, True])
def test_every_primitive_gets_a_strategy_that_fits_its_inputs(weighted):
    dp, cp = 4, 2
    loss = CrossEntropy(np.ones(10) if weighted else None)
    assert loss.shard(dp, cp) is loss
    strategies = {
        "reduce_max": ((dp, cp),),
        "sub_max": ((dp, cp), (dp, 1)),  # the maxima have one column
        "exp": ((dp, cp),),
        "sum_exp": ((dp, cp),),
        "sub_one": ((dp,), ()),
        "log": ((dp,),),
        "one_hot": ((dp, cp), (), ()),  # as its output is split; on and off are scalars
        "mul_target": ((dp, cp), (dp, cp)),
        "sum_target": ((dp, cp),),
        "sub_target": ((dp,), (dp,)),
    }
    if weighted:
        strategies["gather_weight"] = ((1,), (dp,))
    else:
        strategies["ones_like"] = ((dp,),)
    cells = [loss, loss.sample_weight]
    primitives = {
        n: p for cell in cells for n, p in vars(cell).items() if isinstance(p, ops.Primitive)
    }
    assert {name: p.in_strategy for name, p in primitives.items()} == strategies


def test_strategies_are_ignored_on_one_device():
    logits, labels, _, _ = batch(10, False)
    tensors = Tensor(logits, ms.float32), Tensor(labels, ms.int32)
    split, _ = CrossEntropy().shard(2, 2)(*tensors)
    by_operators = CrossEntropy()
    by_operators.native = None  # one operator has no strategies, and other rounding
    whole, _ = by_operators(*tensors)
    np.testing.assert_array_equal(split.asnumpy(), whole.asnumpy())
