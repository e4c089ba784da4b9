"""What a loss's declaration says of it, against what its implementation computes.

Checks and advice go by these facts, so a new loss that leaves one at its default where that is wrong is found here.
"""

from __future__ import annotations

from functools import cache

import mindspore as ms
import numpy as np
import pytest
from ltdsl_runtime.tricks.losses.objectives import LOSSES
from mindspore import Tensor, ops
from scipy.special import logit
from support import loss_formulas as papers

from ltdsl import catalogue

CLASSES, BATCH, FEATURES = 10, 30, 5
LONG, EQUAL = tuple(papers.long_tail(CLASSES).tolist()), (50,) * CLASSES
LABELS = np.arange(BATCH) % CLASSES

#: Every loss with its defaults, and some with arguments that turn on what else they can do.
ENTRIES = [
    *(loss() for loss in catalogue.LOSSES.values()),
    catalogue.LOSSES["focal"](cost_sensitive=True),
    catalogue.LOSSES["ldam"](beta=0.9999),
    catalogue.LOSSES["vs"](tau=0.0),
    catalogue.LOSSES["gcl"](margin=0.1, focus=1.0),
    catalogue.LOSSES["seql"](**{"lambda": 0.05}),
    catalogue.LOSSES["label_aware_smoothing"](over="all"),
]

over_losses = pytest.mark.parametrize("entry", ENTRIES, ids=str)


def logits(shift=0.0):
    return np.random.default_rng(1).normal(scale=2.0, size=(BATCH, CLASSES)) + shift


@cache
def cell(entry, counts):
    return LOSSES[entry.name](entry, counts).loss


def sample(entry, counts, z):
    """Loss and weight of each of a batch, float64 [B]; what is drawn is the same each time."""
    loss, rng = cell(entry, counts), np.random.default_rng(2)
    extra = (rng.gamma(1.0, size=(BATCH, FEATURES)).astype(np.float32),) * loss.needs_features
    drawn = loss.draw(rng, BATCH) if loss.draw else ()
    columns = Tensor(z, ms.float32), Tensor(LABELS, ms.int32), *map(Tensor, (*extra, *drawn))
    return tuple(np.float64(out.asnumpy()) for out in loss(*columns))


def table(values):
    return np.zeros(CLASSES) if values is None else np.array(values)


def spread_is_pulls(entry) -> bool:
    """Whether weights and offsets are said to be all that a loss makes of the class counts."""
    return type(entry).spread is catalogue.Loss.spread


@over_losses
def test_the_weights_are_those_declared(entry):
    for counts in (LONG, EQUAL):
        weights = entry.class_weights(counts)
        expected = np.ones(CLASSES) if weights is None else np.array(weights)
        np.testing.assert_allclose(sample(entry, counts, logits())[1], expected[LABELS], rtol=1e-6)


@over_losses
def test_the_offsets_are_all_that_the_class_counts_do_besides(entry):
    """Or else `spread` says what more there is."""
    z = logits()
    shift = table(entry.logit_offsets(LONG)) - table(entry.logit_offsets(EQUAL))
    here, _ = sample(entry, LONG, z)
    there, _ = sample(entry, EQUAL, z + shift)
    if spread_is_pulls(entry):
        hint = (
            "declare what the class counts do: class_weights, logit_offsets, or a spread of its own"
        )
        np.testing.assert_allclose(here, there, rtol=1e-4, atol=1e-5, err_msg=hint)
    else:
        assert (np.abs(here - there).max() > 1e-3) == (entry.spread(LONG) > 1)


@over_losses
def test_on_equal_counts_nothing_is_spread(entry):
    assert entry.spread(EQUAL) == pytest.approx(1)
    assert table(entry.class_weights(EQUAL)) == pytest.approx(table(entry.class_weights(EQUAL))[0])


@over_losses
def test_without_counts_it_is_the_loss_that_it_says(entry):
    other = entry.without_counts()
    if other is None:
        return
    ours, weight = sample(entry, EQUAL, logits())
    np.testing.assert_allclose(ours, sample(other, EQUAL, logits())[0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(weight, weight[0])
    # and that one makes nothing of them
    for expected, found in zip(
        sample(other, EQUAL, logits()), sample(other, LONG, logits()), strict=True
    ):
        np.testing.assert_allclose(expected, found, rtol=1e-5, atol=1e-6)
    assert other.spread(LONG) == 1


@over_losses
def test_confidence_is_of_the_softmax_where_a_shift_of_all_logits_changes_nothing(entry):
    plain, moved = (sample(entry, EQUAL, logits(shift))[0] for shift in (0.0, 3.0))
    invariant = bool(np.allclose(plain, moved, rtol=1e-3))
    assert entry.confidence == ("softmax" if invariant else "sigmoid")


@over_losses
def test_a_loss_has_the_classifier_that_it_can_stand_on(entry):
    if entry.confidence == "sigmoid" or cell(entry, LONG).needs_features:
        assert entry.classifier == "linear"
    assert (entry.classifier == "cosine") == (entry.logit_scale is not None)


@pytest.mark.parametrize(
    "entry",
    [
        entry
        for entry in ENTRIES
        if entry.without_counts() == catalogue.CrossEntropy() and spread_is_pulls(entry)
    ]
    + [
        catalogue.LOSSES["focal"](gamma=0.0, cost_sensitive=True),
        catalogue.LOSSES["cb_focal"](gamma=0.0),
    ],
    ids=str,
)
def test_pulls_are_what_the_odds_are_multiplied_by_at_the_optimum(entry):
    """A model that sees nothing but class counts: its loss is flat where the odds are N_c times the pull."""
    pulls = entry.pulls(LONG)
    odds = np.array(LONG) * (1.0 if pulls is None else np.array(pulls))
    share = odds / odds.sum()
    best = np.log(share) if entry.confidence == "softmax" else logit(share)
    loss = cell(entry, LONG)
    labels, images = Tensor(np.arange(CLASSES), ms.int32), Tensor(LONG, ms.float32)

    def total(z):
        value, weight = loss(ops.tile(z, (CLASSES, 1)), labels)
        return (images * value * weight).sum() / (images * weight).sum()

    def slope(z):
        return np.abs(ops.grad(total)(Tensor(z[None], ms.float32)).asnumpy()).max()

    assert slope(best) < 1e-5
    assert slope(best + 0.1 * np.arange(CLASSES)) > 1e-2
