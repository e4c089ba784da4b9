"""Losses made of separate operators, and the one place that reduces them.

A loss returns ``(loss, weight)``, both per sample; :class:`Reduction` turns them into one number. Every primitive is an
attribute of its own, so that each can be given its own sharding strategy.

Which loss a declaration becomes is the table of :mod:`ltdsl_runtime.tricks.losses.objectives`.
"""

from ltdsl_runtime.tricks.losses.cell import LossCell
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

__all__ = [
    "CloudedCrossEntropy",
    "CrossEntropy",
    "InfluenceBalanced",
    "LossCell",
    "MarginCrossEntropy",
    "OffsetCrossEntropy",
    "Reduction",
    "ScaledCrossEntropy",
    "SigmoidFocal",
    "SmoothedCrossEntropy",
    "SoftmaxEqualization",
    "TemperedCrossEntropy",
]
