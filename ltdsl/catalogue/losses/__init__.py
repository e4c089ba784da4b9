"""Declarations of the losses.

N_c: training images of class c; N: their sum; C: the number of classes; z: the logits; p: their softmax; y: the label.
"""

from __future__ import annotations

from ltdsl.catalogue.entry import index
from ltdsl.catalogue.losses.cross_entropy import (
    ClassBalancedCrossEntropy,
    CostSensitiveCrossEntropy,
    CrossEntropy,
)
from ltdsl.catalogue.losses.focal import ClassBalancedFocal, Focal
from ltdsl.catalogue.losses.logits import (
    BalancedSoftmax,
    ClassDependentTemperature,
    LogitAdjustment,
    VectorScaling,
)
from ltdsl.catalogue.losses.margin import GaussianClouded, LabelDistributionAwareMargin
from ltdsl.catalogue.losses.selective import InfluenceBalanced, SoftmaxEqualization
from ltdsl.catalogue.losses.smoothing import (
    LabelAwareSmoothing,
    LabelOverSmoothing,
    LabelSmoothing,
)
from ltdsl.catalogue.tricks import Loss

__all__ = [
    "LOSSES",
    "BalancedSoftmax",
    "ClassBalancedCrossEntropy",
    "ClassBalancedFocal",
    "ClassDependentTemperature",
    "CostSensitiveCrossEntropy",
    "CrossEntropy",
    "Focal",
    "GaussianClouded",
    "InfluenceBalanced",
    "LabelAwareSmoothing",
    "LabelDistributionAwareMargin",
    "LabelOverSmoothing",
    "LabelSmoothing",
    "LogitAdjustment",
    "SoftmaxEqualization",
    "VectorScaling",
]

LOSSES: dict[str, type[Loss]] = index(
    CrossEntropy,
    CostSensitiveCrossEntropy,
    ClassBalancedCrossEntropy,
    Focal,
    ClassBalancedFocal,
    BalancedSoftmax,
    LogitAdjustment,
    ClassDependentTemperature,
    VectorScaling,
    LabelDistributionAwareMargin,
    GaussianClouded,
    SoftmaxEqualization,
    InfluenceBalanced,
    LabelSmoothing,
    LabelAwareSmoothing,
    LabelOverSmoothing,
)
