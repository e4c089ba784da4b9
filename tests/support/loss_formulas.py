"""The losses of the catalogue as their papers define them, in float64, one sample a row.

Nothing here comes from the package: weights, margins and priors are computed from the class counts once more. A
function has the name of its loss. It takes logits [B, C], labels [B] and counts [C]; then, by their names in the
declaration, the parameters that it needs; and, if it names them so,

    drawn  [B, C]  what was drawn for the batch
    h      [B, K]  the pooled features
    at     [B, C]  the logits at which a factor that carries no gradient is taken

It returns losses and weights, both [B]. `tests/runtime/tricks/test_losses_formulas.py` does the rest.
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit, log_expit, log_softmax, logsumexp, softmax


def long_tail(classes: int) -> np.ndarray:
    """Counts that fall exponentially from 500 to 1."""
    return np.round(500 ** (1 - np.arange(classes) / (classes - 1))).astype(int)


def at(table: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Row i's entry at label i."""
    return table[np.arange(len(labels)), labels]


def one_hot(labels: np.ndarray, classes: int) -> np.ndarray:
    return np.eye(classes)[labels]


def effective(beta: float, counts: np.ndarray) -> np.ndarray:
    weights = (1 - beta) / (1 - beta ** counts.astype(float))
    return weights / weights.sum() * len(counts)


def ce(z, y, counts):
    return -at(log_softmax(z, axis=1), y), np.ones(len(y))


def cs_ce(z, y, counts, gamma):
    return ce(z, y, counts)[0], (counts.min() / counts[y]) ** gamma


def cb_ce(z, y, counts, beta):
    return ce(z, y, counts)[0], effective(beta, counts)[y]


def focal(z, y, counts, gamma, cost_sensitive=False):
    sign = np.where(one_hot(y, z.shape[1]) == 1, 1, -1)  # q = σ(z) at the label, σ(−z) elsewhere
    loss = (expit(-sign * z) ** gamma * -log_expit(sign * z)).sum(axis=1)
    return loss, counts.min() / counts[y] if cost_sensitive else np.ones(len(y))


def cb_focal(z, y, counts, beta, gamma):
    return focal(z, y, counts, gamma)[0], effective(beta, counts)[y]


def balanced_softmax(z, y, counts):
    own = np.log(counts[y]) + at(z, y)
    return logsumexp(z, axis=1, b=np.broadcast_to(counts, z.shape)) - own, np.ones(len(y))


def logit_adjustment(z, y, counts, tau):
    return ce(z + tau * np.log(counts / counts.sum()), y, counts)


def cdt(z, y, counts, gamma):
    return ce(z / (counts.max() / counts) ** gamma, y, counts)


def vs(z, y, counts, tau, gamma):
    delta = (1 / counts) ** gamma / ((1 / counts) ** gamma).min()
    return ce(z / delta + tau * np.log(counts / counts.sum()), y, counts)


def ldam(z, y, counts, s, margin, beta=0.0):
    """The logits are s · cos, whatever their size."""
    margins = 1 / np.sqrt(np.sqrt(counts))
    margins *= margin / margins.max()
    cosines = z / s
    loss, weight = ce(s * (cosines - one_hot(y, z.shape[1]) * margins[y][:, None]), y, counts)
    return loss, effective(beta, counts)[y] if beta else weight


def gcl(z, y, counts, s, noise, margin, focus, drawn, at):
    """The logits are s · cos; the focus is held fixed in the gradient."""
    delta = np.log(counts.max()) - np.log(counts)
    own = one_hot(y, z.shape[1])

    def loss(logits):
        return ce(s * (logits / s - noise * drawn / delta.max() * delta - margin * own), y, counts)

    right = np.exp(-loss(at)[0])
    return (1 - right) ** focus * loss(z)[0], np.ones(len(y))


def seql(z, y, counts, share, drawn):
    rare = counts / counts.sum() < share
    kept = 1 - drawn * rare * (1 - one_hot(y, z.shape[1]))
    return logsumexp(z, axis=1, b=kept) - at(z, y), np.ones(len(y))


def influence(z, y, h):
    return np.abs(softmax(z, axis=1) - one_hot(y, z.shape[1])).sum(axis=1) * np.abs(h).sum(axis=1)


def influence_balanced(z, y, counts, alpha, h, at, through_factor=False):
    """The paper holds the factor's denominator fixed in the gradient."""
    measured = influence(z if through_factor else at, y, h)
    weights = (1 / counts) / (1 / counts).sum() * len(counts)
    return alpha / (measured + 1e-3) * ce(z, y, counts)[0], weights[y]


def smoothed(z, target):
    return -(target * log_softmax(z, axis=1)).sum(axis=1), np.ones(len(z))


def label_smoothing(z, y, counts, epsilon):
    classes = z.shape[1]
    return smoothed(z, (1 - epsilon) * one_hot(y, classes) + epsilon / classes)


def label_aware_smoothing(z, y, counts, head, tail, shape, over="others"):
    classes, low, high = z.shape[1], counts.min(), counts.max()
    turn = np.pi * (counts - low) / (2 * (high - low))
    epsilon = {
        "concave": tail + (head - tail) * np.sin(turn),
        "linear": tail + (head - tail) * (counts - low) / (high - low),
        "convex": head + (head - tail) * np.sin(1.5 * np.pi + turn),
    }[shape][y][:, None]
    own = one_hot(y, classes)
    if over == "all":
        return smoothed(z, (1 - epsilon) * own + epsilon / classes)
    return smoothed(z, (1 - epsilon) * own + epsilon / (classes - 1) * (1 - own))


def label_over_smoothing(z, y, counts, epsilon):
    classes = z.shape[1]
    target = np.full(z.shape, epsilon / classes)
    target[np.arange(len(y)), y] = 1 - epsilon + epsilon / classes
    return smoothed(z, target)
