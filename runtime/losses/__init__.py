"""Losses made of separate operators, and the one place that reduces them.

A loss returns ``(loss, weight)``, both per sample; :class:`Reduction` turns them into one number. Every primitive is an
attribute of its own, so that each can be given its own sharding strategy.

Which loss a declaration becomes is the table of :mod:`runtime.losses.objectives`.
"""

from runtime.losses.cell import LossCell
from runtime.losses.cross_entropy import CrossEntropy
from runtime.losses.equalization import SoftmaxEqualization
from runtime.losses.focal import SigmoidFocal
from runtime.losses.influence import InfluenceBalanced
from runtime.losses.logits import MarginCrossEntropy, OffsetCrossEntropy, TemperedCrossEntropy
from runtime.losses.reduction import Reduction
from runtime.losses.smoothing import SmoothedCrossEntropy

__all__ = [
    "CrossEntropy",
    "InfluenceBalanced",
    "LossCell",
    "MarginCrossEntropy",
    "OffsetCrossEntropy",
    "Reduction",
    "SigmoidFocal",
    "SmoothedCrossEntropy",
    "SoftmaxEqualization",
    "TemperedCrossEntropy",
]
