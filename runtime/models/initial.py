"""Initial weights from a seed alone, independent of any global state."""

from __future__ import annotations

import math

import numpy as np
from mindspore import Tensor, nn

from runtime.models.cosine import CosineClassifier


def initialise(network: nn.Cell, seed: int) -> None:
    """Draws the weights of all convolutions and dense layers.

    Convolutions: normal with standard deviation √(2 / fan_in) (He et al., "Delving Deep into
    Rectifiers" (2015), eq. 10). Dense layers: uniform within ±1/√fan_in, biases zero, as the
    published long-tailed results use for the classifier. Cosine classifiers: uniform directions in a
    cube, each class's weights of length 1. Other parameters keep their values.

    Args:
        network: The network to fill.
        seed: Non-negative; the same seed gives the same weights, in the order of the layers.
    """
    rng = np.random.default_rng(seed)
    for _, cell in network.cells_and_names():
        if isinstance(cell, nn.Conv2d):
            shape = cell.weight.shape
            values = rng.normal(0.0, math.sqrt(2.0 / math.prod(shape[1:])), shape)
        elif isinstance(cell, nn.Dense):
            shape = cell.weight.shape
            bound = 1.0 / math.sqrt(shape[1])
            values = rng.uniform(-bound, bound, shape)
        elif isinstance(cell, CosineClassifier):
            values = rng.uniform(-1.0, 1.0, cell.weight.shape)
            values /= np.linalg.norm(values, axis=1, keepdims=True)
        else:
            continue
        cell.weight.set_data(Tensor(values, cell.weight.dtype))
        if cell.bias is not None:
            cell.bias.set_data(Tensor(np.zeros(cell.bias.shape), cell.bias.dtype))
