"""Every loss of the catalogue against its paper's formula: values, gradients and limits."""

from __future__ import annotations

from functools import cache
from inspect import signature

import mindspore as ms
import numpy as np
import pytest
from ltdsl_runtime.tricks.losses.objectives import LOSSES
from mindspore import Tensor, nn, ops
from support import loss_formulas as papers

from ltdsl import catalogue

BATCH, FEATURES = 12, 5
KINDS = ("ordinary", "extreme")

#: Further calls of losses, each beside the one with all defaults: what else their formulas depend on.
VARIANTS: dict[str, dict] = {
    "cs_ce": {"gamma": 0.5},
    "cb_ce": {"beta": 0.9, "reduction": "mean"},
    "focal": {"gamma": 0.5, "cost_sensitive": True},
    "logit_adjustment": {"tau": 1.5},
    "vs": {"tau": 1.2, "gamma": 0.2},
    "gcl": {"s": 20.0, "margin": 0.1, "focus": 1.0},
    "ldam": {"s": 10.0, "beta": 0.9999},
    "seql": {"lambda": 0.05},
    "influence_balanced": {"through_factor": True},
    "label_aware_smoothing": {"shape": "convex", "over": "all"},
}

#: Every loss that has a formula, as a recipe would call it.
CASES = {
    str(entry): entry
    for name, loss in catalogue.LOSSES.items()
    if hasattr(papers, name)
    for entry in [loss(), *([loss(**VARIANTS[name])] if name in VARIANTS else [])]
}


def parameters(case):
    """The arguments of a loss that its formula asks for."""
    wanted = signature(getattr(papers, CASES[case].name)).parameters
    return {name: value for name, value in dict(CASES[case]).items() if name in wanted}


class Mixed(nn.Cell):
    """Loss and gradient as the training step computes them, of two labels with a share for each sample."""

    def __init__(self, objective):
        super().__init__()
        self.loss, self.reduction = objective
        self.value_and_grad = ops.value_and_grad(self.total, grad_position=0)

    def total(self, logits, labels, partners, share, *extra):
        loss_a, weight_a = self.loss(logits, labels, *extra)
        loss_b, weight_b = self.loss(logits, partners, *extra)
        return self.reduction(loss_a, weight_a, loss_b, weight_b, share)

    def construct(self, logits, labels, partners, share, *extra):
        return self.value_and_grad(logits, labels, partners, share, *extra)


@cache
def compiled(case, classes):
    entry = CASES[case]
    return Mixed(LOSSES[entry.name](entry, tuple(papers.long_tail(classes).tolist())))


def run(case, classes, logits, batch):
    """Value and gradient from the graph."""
    labels, partners, share, extra = batch
    value, gradient = compiled(case, classes)(
        Tensor(logits, ms.float32),
        Tensor(labels, ms.int32),
        Tensor(partners, ms.int32),
        Tensor(share, ms.float32),
        *map(Tensor, extra),
    )
    return float(value.asnumpy()), gradient.asnumpy().astype(np.float64)


def batch(case, classes, kind, mixed):
    """Logits, and (labels, partners, shares, what else the loss takes)."""
    rng = np.random.default_rng(classes)
    logits = rng.normal(scale=3.0, size=(BATCH, classes))
    if kind == "extreme":
        logits = np.where(rng.random(logits.shape) < 0.5, 1e4, -1e4) + np.round(logits)
    labels, partners = rng.integers(classes, size=(2, BATCH))
    share = rng.random(BATCH) if mixed else np.ones(BATCH)
    extra = ()
    loss = compiled(case, classes).loss
    if loss.needs_features:
        extra += (rng.gamma(1.0, size=(BATCH, FEATURES)).astype(np.float32),)
    if loss.draw:
        extra += loss.draw(rng, BATCH)
    exactly = logits.astype(np.float32).astype(np.float64)
    return exactly, (labels, partners, share.astype(np.float32), extra)


def contributions(case, classes, logits, batch, at=None):
    """What each sample adds to the batch's loss, by the paper's formula, float64 [B].

    ``at`` are the logits at which a factor that carries no gradient is taken.
    """
    formula = getattr(papers, CASES[case].name)
    labels, partners, share, extra = batch
    counts = papers.long_tail(classes)
    by_weight = getattr(CASES[case], "reduction", "mean") == "weighted_mean"
    given = [name for name in ("h", "drawn") if name in signature(formula).parameters]
    more = {name: np.float64(column) for name, column in zip(given, extra, strict=True)}
    if "at" in signature(formula).parameters:
        more["at"] = logits if at is None else at

    def term(targets, shares):
        loss, weight = formula(logits, targets, counts, **parameters(case), **more)
        return shares * weight * loss / (weight.sum() if by_weight else len(targets))

    return term(labels, share.astype(np.float64)) + term(partners, 1 - share.astype(np.float64))


def gradient(case, classes, logits, batch, step=1e-2):
    """Differences of fourth order; a sample's loss depends on its own logits only, so a column is one evaluation."""
    result = np.empty_like(logits)
    for column in range(classes):

        def moved(distance, column=column):
            changed = logits.copy()
            changed[:, column] += distance
            return contributions(case, classes, changed, batch, at=logits)

        near, far = moved(step) - moved(-step), moved(2 * step) - moved(-2 * step)
        result[:, column] = (8 * near - far) / (12 * step)
    return result


@cache
def differences(case):
    """The largest relative differences of a loss: of its value, and of its gradient over the largest entry."""
    values, gradients = [], []
    for classes in (10, 100):
        for kind in KINDS:
            for mixed in (False, True):
                logits, columns = batch(case, classes, kind, mixed)
                value, slope = run(case, classes, logits, columns)
                expected = contributions(case, classes, logits, columns).sum()
                expected_slope = gradient(case, classes, logits, columns)
                values.append(abs(value - expected) / abs(expected))
                error = np.abs(slope - expected_slope).max()
                gradients.append(error / np.abs(expected_slope).max())
    return max(values), max(gradients)


@pytest.mark.parametrize("case", CASES)
def test_value_and_gradient(case):
    value, slope = differences(case)
    assert value < 1e-6
    assert slope < 5e-6


def certain(classes):
    """Every label ahead of, level with or behind all others by as much as 2e4."""
    labels = np.arange(BATCH) % classes
    ahead = np.array([2e4, 100, 60, 30, 20, 10, 0, -10, -30, -100, -2e4, 1e-3])
    logits = np.zeros((BATCH, classes))
    logits[np.arange(BATCH), labels] = ahead
    return logits + np.linspace(-1e4, 1e4, BATCH)[:, None].round(), labels


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("classes", [10, 100])
def test_whatever_the_logits_values_and_gradients_are_finite(case, classes):
    logits, labels = certain(classes)
    for batch_of in (logits, np.zeros_like(logits), np.full_like(logits, -1e4)):
        _, (_, partners, share, extra) = batch(case, classes, "ordinary", True)
        value, slope = run(case, classes, batch_of, (labels, partners, share, extra))
        assert np.isfinite(value)
        assert np.isfinite(slope).all()


@pytest.mark.parametrize(
    "case", ["influence_balanced", "influence_balanced(through_factor = true)"]
)
def test_influence_keeps_its_digits_where_the_label_is_certain(case):
    """There the factor reaches 1000 alpha, and would enlarge any error of the logarithm."""
    _, (_, partners, _, extra) = batch(case, 10, "ordinary", False)
    labels, ones = np.arange(BATCH) % 10, np.ones(BATCH, np.float32)
    for ahead in (5.0, 15.0, 20.0):  # float64 loses its own digits further on
        logits = ahead * papers.one_hot(labels, 10)
        columns = (labels, partners, ones, extra)
        value, slope = run(case, 10, logits, columns)
        np.testing.assert_allclose(value, contributions(case, 10, logits, columns).sum(), rtol=1e-5)
        expected = gradient(case, 10, logits, columns, step=1e-3)
        np.testing.assert_allclose(slope, expected, atol=1e-5 * np.abs(expected).max())


def test_every_loss_has_a_formula():
    missing = {name for name in catalogue.LOSSES if not hasattr(papers, name)}
    assert not missing, (
        f"write the formula of {missing} into tests/support/loss_formulas.py, from its paper, and run: "
        "python -m pytest tests/runtime/tricks/test_losses_formulas.py"
    )
    print("\n| loss | value | gradient |\n|---|---|---|")  # shown by pytest -s, for docs/tricks.md
    for case in CASES:
        value, slope = differences(case)
        print(f"| `{case}` | {value:.1e} | {slope:.1e} |")
