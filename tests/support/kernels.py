"""What the native kernels should compute, in double precision, and numbers to compute with."""

from __future__ import annotations

import numpy as np


def convolution(x, w, g, stride):
    """Output and both gradients by their sums, tap by tap."""
    (k, k), (height, width) = w.shape[2:], x.shape[2:]
    rows, columns = g.shape[2:]
    pad = k // 2
    padded = np.pad(x.astype(float), ((0, 0), (0, 0), (pad, pad + stride), (pad, pad + stride)))
    y, dx, dw = np.zeros(g.shape), np.zeros(padded.shape), np.zeros(w.shape)
    for a in range(k):
        for b in range(k):
            seen = (
                *(slice(None), slice(None)),
                *(slice(a, a + rows * stride, stride), slice(b, b + columns * stride, stride)),
            )
            y += np.einsum("ichw,oc->iohw", padded[seen], w[:, :, a, b].astype(float))
            dw[:, :, a, b] = np.einsum("ichw,iohw->oc", padded[seen], g.astype(float))
            dx[seen] += np.einsum("iohw,oc->ichw", g.astype(float), w[:, :, a, b].astype(float))
    return y, dx[:, :, pad : pad + height, pad : pad + width], dw


def draw_convolution(images, inputs, outputs, height, width, kernel, stride, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(images, inputs, height, width)).astype(np.float32)
    w = rng.normal(size=(outputs, inputs, kernel, kernel)).astype(np.float32)
    g = rng.normal(size=(images, outputs, -(-height // stride), -(-width // stride)))
    return x, w, g.astype(np.float32)


def assert_near(found, expected, sizes=None):
    """Within rounding of the largest value; of a sum that cancels, of its largest term's."""
    for ours, true, size in zip(found, expected, sizes or expected, strict=True):
        assert np.abs(ours - true).max() <= 2e-6 * np.abs(size).max()
