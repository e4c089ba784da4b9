"""From a declared loss to its cell and the reduction that it is published with."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ltdsl_runtime.tricks.losses.clouded import CloudedCrossEntropy
from ltdsl_runtime.tricks.losses.cross_entropy import CrossEntropy
from ltdsl_runtime.tricks.losses.equalization import SoftmaxEqualization
from ltdsl_runtime.tricks.losses.focal import SigmoidFocal
from ltdsl_runtime.tricks.losses.influence import InfluenceBalanced
from ltdsl_runtime.tricks.losses.logits import (
    MarginCrossEntropy,
    OffsetCrossEntropy,
    ScaledCrossEntropy,
    TemperedCrossEntropy,
)
from ltdsl_runtime.tricks.losses.reduction import Reduction
from ltdsl_runtime.tricks.losses.smoothing import SmoothedCrossEntropy

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from ltdsl import catalogue as declared
    from ltdsl.catalogue import Loss
    from ltdsl_runtime.tricks.losses.cell import LossCell


class Objective(NamedTuple):
    """A loss with its reduction."""

    loss: LossCell
    reduction: Reduction


def _weights(entry: Loss, counts: Sequence[int]) -> NDArray[np.float64] | None:
    weights = entry.class_weights(counts)
    return None if weights is None else np.asarray(weights)


def _cross_entropy(
    entry: declared.CostSensitiveCrossEntropy | declared.ClassBalancedCrossEntropy,
    counts: Sequence[int],
) -> Objective:
    return Objective(CrossEntropy(_weights(entry, counts)), Reduction(entry.reduction))


def _ldam(entry: declared.LabelDistributionAwareMargin, counts: Sequence[int]) -> Objective:
    # the network's logits are s · cos, so the margin counts s times as well
    margins = entry.s * np.asarray(entry.margins(counts))
    loss = MarginCrossEntropy(margins, _weights(entry, counts))
    return Objective(loss, Reduction(entry.reduction))


def _batch_mean(build: Callable[..., LossCell]) -> Callable[..., Objective]:
    """An objective whose sum is divided by the batch size, whatever its weights."""
    return lambda entry, counts: Objective(build(entry, counts), Reduction("mean"))


def _offset(
    entry: declared.BalancedSoftmax | declared.LogitAdjustment, counts: Sequence[int]
) -> LossCell:
    return OffsetCrossEntropy(np.asarray(entry.logit_offsets(counts)))


def _vs(entry: declared.VectorScaling, counts: Sequence[int]) -> LossCell:
    temperatures = np.asarray(entry.temperatures(counts))
    return ScaledCrossEntropy(temperatures, np.asarray(entry.logit_offsets(counts)))


def _gcl(entry: declared.GaussianClouded, counts: Sequence[int]) -> LossCell:
    # the network's logits are s · cos
    clouds = entry.s * np.asarray(entry.clouds(counts))
    return CloudedCrossEntropy(clouds, entry.s * entry.margin, entry.focus)


def _focal(entry: declared.Focal | declared.ClassBalancedFocal, counts: Sequence[int]) -> LossCell:
    return SigmoidFocal(entry.gamma, _weights(entry, counts))


def _influence_balanced(entry: declared.InfluenceBalanced, counts: Sequence[int]) -> LossCell:
    return InfluenceBalanced(entry.alpha, _weights(entry, counts), entry.through_factor)


_smoothed_over_all = _batch_mean(
    lambda entry, counts: SmoothedCrossEntropy(np.full(len(counts), entry.epsilon), True)
)

#: (declaration, training images of each class) -> objective
LOSSES: dict[str, Callable[..., Objective]] = {
    "ce": _batch_mean(lambda *_: CrossEntropy()),
    "cs_ce": _cross_entropy,
    "cb_ce": _cross_entropy,
    "focal": _batch_mean(_focal),
    "cb_focal": _batch_mean(_focal),
    "balanced_softmax": _batch_mean(_offset),
    "logit_adjustment": _batch_mean(_offset),
    "cdt": _batch_mean(
        lambda entry, counts: TemperedCrossEntropy(np.asarray(entry.temperatures(counts)))
    ),
    "vs": _batch_mean(_vs),
    "ldam": _ldam,
    "gcl": _batch_mean(_gcl),
    "seql": _batch_mean(lambda entry, counts: SoftmaxEqualization(entry.gamma, entry.rare(counts))),
    "influence_balanced": _batch_mean(_influence_balanced),
    "label_smoothing": _smoothed_over_all,
    "label_aware_smoothing": _batch_mean(
        lambda entry, counts: SmoothedCrossEntropy(
            np.asarray(entry.smoothing(counts)), entry.over == "all"
        )
    ),
    "label_over_smoothing": _smoothed_over_all,
}
