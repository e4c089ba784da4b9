"""What a model takes for granted of classes, measured on its predictions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: No share is smaller: the logarithm stays finite, and so does what is kept of it.
SMALLEST = 1e-300


def effective_prior(logits: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """The mean prediction over images, which is the share of each class that a model takes for granted.

    P(y = c) = E_x[P(y = c | x)] (Bhat et al., 2025).

    Args:
        logits: Before any correction, [N, C], N at least 1.

    Returns:
        Shares, float64 [C], positive, summing to 1 but for rounding.
    """
    z = logits.astype(np.float64)
    z -= z.max(1, keepdims=True)
    p = np.exp(z)
    p /= p.sum(1, keepdims=True)
    shares: NDArray[np.float64] = np.maximum(p.mean(0), SMALLEST)
    return shares
