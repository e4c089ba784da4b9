"""One training step of a linear network in NumPy float64, from the papers and not from the code."""

from __future__ import annotations

import numpy as np


class SGD:
    """The formula of torch.optim.SGD: L2 through the gradient, no dampening.

    v ← g at the first step and μ·v + g after it; the direction is g + μ·v with nesterov, v without.
    """

    def __init__(self, momentum=0.9, nesterov=True, weight_decay=0.0):
        self.momentum, self.nesterov, self.weight_decay = momentum, nesterov, weight_decay
        self.velocity = None

    def step(self, values, gradients, lr):
        gradients = [g + self.weight_decay * w for g, w in zip(gradients, values, strict=True)]
        if self.velocity is None:
            self.velocity = [g.copy() for g in gradients]
        else:
            pairs = zip(self.velocity, gradients, strict=True)
            self.velocity = [self.momentum * v + g for v, g in pairs]
        directions = self.velocity
        if self.nesterov:
            pairs = zip(self.velocity, gradients, strict=True)
            directions = [g + self.momentum * v for v, g in pairs]
        return [w - lr * d for w, d in zip(values, directions, strict=True)]


class Adam:
    """Kingma and Ba (2015), end of section 2: α_t = α·√(1−β2^t)/(1−β1^t), θ ← θ − α_t·m/(√v + ε̂)."""

    def __init__(self, beta1=0.9, beta2=0.999, weight_decay=0.0):
        self.beta1, self.beta2, self.weight_decay = beta1, beta2, weight_decay
        self.t = 0

    def step(self, values, gradients, lr):
        gradients = [g + self.weight_decay * w for g, w in zip(gradients, values, strict=True)]
        if self.t == 0:
            self.mean = [np.zeros_like(g) for g in gradients]
            self.square = [np.zeros_like(g) for g in gradients]
        self.t += 1
        rate = lr * np.sqrt(1 - self.beta2**self.t) / (1 - self.beta1**self.t)
        result = []
        for i, (w, g) in enumerate(zip(values, gradients, strict=True)):
            self.mean[i] = self.beta1 * self.mean[i] + (1 - self.beta1) * g
            self.square[i] = self.beta2 * self.square[i] + (1 - self.beta2) * g**2
            result.append(w - rate * self.mean[i] / (np.sqrt(self.square[i]) + 1e-8))
        return result


class AdamW:
    """The documentation of torch.optim.AdamW: θ ← θ − γλθ, then θ ← θ − γ·m̂/(√v̂ + ε)."""

    def __init__(self, beta1=0.9, beta2=0.999, weight_decay=0.01):
        self.beta1, self.beta2, self.weight_decay = beta1, beta2, weight_decay
        self.t, self.mean, self.square = 0, None, None

    def step(self, values, gradients, lr):
        zeros = [np.zeros_like(g) for g in gradients]
        means, squares = self.mean or zeros, self.square or zeros
        self.t += 1
        b1, b2 = self.beta1, self.beta2
        self.mean = [b1 * m + (1 - b1) * g for m, g in zip(means, gradients, strict=True)]
        self.square = [b2 * s + (1 - b2) * g * g for s, g in zip(squares, gradients, strict=True)]
        found = []
        for w, m, s in zip(values, self.mean, self.square, strict=True):
            decayed = w - lr * self.weight_decay * w
            corrected = m / (1 - b1**self.t)
            found.append(decayed - lr * corrected / (np.sqrt(s / (1 - b2**self.t)) + 1e-8))
        return found


def normalise(images, mean, std):
    """uint8 [B, ch, H, W] -> (x / 255 − mean) / std."""
    mean, std = (np.float64(v).reshape(1, -1, 1, 1) for v in (mean, std))
    return (np.float64(images) / 255 - mean) / std


def softmax(logits):
    exp = np.exp(logits - logits.max(1, keepdims=True))
    return exp / exp.sum(1, keepdims=True)


def linear_step(
    images, labels, weight, bias, *, partner=None, lam=1.0, class_weights=None, by_weight=False
):
    """Loss and gradients of logits W·x + b, cross entropy, mixup and class weights.

    Args:
        images: Normalised, [B, ch, H, W].
        labels: [B].
        weight, bias: W [C, K] and b [C].
        partner: Index of each image's partner; None without mixing.
        lam: Share λ of the image itself.
        class_weights: w [C]; None for ones.
        by_weight: Divide by the sum of the weights and not by B.
    """
    x = images.reshape(len(images), -1)
    targets = [(1.0, labels)]
    if partner is not None:
        x = lam * x + (1 - lam) * x[partner]
        targets = [(lam, labels), (1 - lam, labels[partner])]
    p = softmax(x @ weight.T + bias)
    rows = np.arange(len(labels))
    loss, slope = 0.0, np.zeros_like(p)
    for share, y in targets:
        w = np.ones(len(y)) if class_weights is None else np.float64(class_weights)[y]
        factor = share * w / (w.sum() if by_weight else len(y))
        loss += (factor * -np.log(p[rows, y])).sum()
        slope += factor[:, None] * (p - np.eye(p.shape[1])[y])
    return loss, slope.T @ x, slope.sum(0)
