"""What several losses have in common: the choice of a reduction, and weights of classes."""

import math
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

CUI = "Cui, Jia, Lin, Song, Belongie: Class-Balanced Loss Based on Effective Number of Samples, CVPR 2019"


#: How a cross entropy with weights is reduced.
Reduced = Annotated[
    Literal["weighted_mean", "mean"],
    Field(
        description="Divide the weighted sum over a batch by the sum of its weights, or by its size."
    ),
]


def effective_number_weights(beta: float, counts: Sequence[int]) -> tuple[float, ...]:
    """Class-balanced weights: inverse effective numbers of images, scaled to sum to the number of classes.

    w_c ∝ (1 − beta) / (1 − beta^N_c), computed without cancellation, so that it holds for beta up to the last float
    below 1, where it is 1 / N_c.

    Args:
        beta: In [0, 1); 0 weighs all classes the same.
        counts: Training images N_c of each class, all positive.
    """
    if beta == 0:
        return (1.0,) * len(counts)
    weights = [(1 - beta) / -math.expm1(count * math.log(beta)) for count in counts]
    return scaled_to_classes(weights)


def most_effective_number(beta: float) -> float:
    """What the effective number of images of a class approaches as it grows: 1 / (1 − beta)."""
    return 1 / (1 - beta)


def scaled_to_classes(weights: Sequence[float]) -> tuple[float, ...]:
    """Weights in the same proportions whose sum is their number."""
    scale = len(weights) / sum(weights)
    return tuple(weight * scale for weight in weights)
