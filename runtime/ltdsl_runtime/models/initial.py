"""Initial weights from a seed alone, independent of any global state."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from mindspore import Tensor, nn

from ltdsl_runtime.models.cosine import CosineClassifier
from ltdsl_runtime.parallel.part import ClassPart

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Draw = Callable[[tuple[int, int]], NDArray[np.float64]]

#: Rows of a dense layer that are drawn at once; how many decides nothing but memory.
ROWS = 4096


def initialise(network: nn.Cell, seed: int, part: ClassPart | None = None) -> None:
    """Draws the weights of all convolutions and dense layers.

    Convolutions: normal with standard deviation √(2 / fan_in) (He et al., "Delving Deep into
    Rectifiers" (2015), eq. 10). Dense layers: uniform within ±1/√fan_in, biases zero (the
    published long-tailed results draw these within the same bounds). Cosine classifiers: uniform directions in a
    cube, each class's weights of length 1. Other parameters keep their values.

    Args:
        network: The network to fill.
        seed: Non-negative; the same seed gives the same weights, in the order of the layers.
        part: The classes that dense layers and cosine classifiers have, where these are split; they get the rows that
            they would have of the whole layer.
    """
    rng = np.random.default_rng(seed)

    def within(bound: float) -> Draw:
        return lambda shape: rng.uniform(-bound, bound, shape)

    for _, cell in network.cells_and_names():
        if isinstance(cell, nn.Conv2d):
            shape = cell.weight.shape
            values: NDArray[np.float32] | NDArray[np.float64] = rng.normal(
                0.0, math.sqrt(2.0 / math.prod(shape[1:])), shape
            )
        elif isinstance(cell, nn.Dense):
            values = _rows(cell, part, within(1.0 / math.sqrt(cell.weight.shape[1])))
        elif isinstance(cell, CosineClassifier):
            values = _rows(cell, part, lambda shape: _directions(rng, shape))
        else:
            continue
        cell.weight.set_data(Tensor(values, cell.weight.dtype))
        if cell.bias is not None:
            cell.bias.set_data(Tensor(np.zeros(cell.bias.shape), cell.bias.dtype))


def simplex_frame(classes: int, features: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """A simplex equiangular tight frame: unit vectors of which each two have the cosine −1 / (C − 1).

    √(C / (C − 1)) · U (I − 1 1ᵀ / C) (Yang et al., 2022, definition 1) has only C − 1 dimensions, so that U is drawn
    for those alone: one fewer feature than classes is enough.

    Args:
        classes: C, at least 2.
        features: K, at least C − 1.
        rng: Turns it.

    Returns:
        One row a class, [C, K].
    """
    centred = np.eye(classes)[:, :-1] - 1 / classes
    basis, _ = np.linalg.qr(centred)  # of what is orthogonal to 1, [C, C − 1]
    turned, _ = np.linalg.qr(rng.normal(size=(features, classes - 1)))
    rows: NDArray[np.float64] = math.sqrt(classes / (classes - 1)) * basis @ turned.T
    return rows


def _rows(
    cell: nn.Dense | CosineClassifier, part: ClassPart | None, draw: Draw
) -> NDArray[np.float32]:
    """A layer's weights, drawn some rows at a time: with 100,000 classes, all in float64 would take gigabytes."""
    own, width = cell.weight.shape
    part = part or ClassPart(own, 0, 1)
    values = np.empty((own, width), np.float32)
    for start in range(0, part.classes, ROWS):
        drawn = draw((min(ROWS, part.classes - start), width))
        first, end = max(part.first, start), min(part.end, start + len(drawn))
        if first < end:
            values[first - part.first : end - part.first] = drawn[first - start : end - start]
    return values


def _directions(rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.float64]:
    values = rng.uniform(-1.0, 1.0, shape)
    directions: NDArray[np.float64] = values / np.linalg.norm(values, axis=1, keepdims=True)
    return directions
