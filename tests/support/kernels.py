"""What the native kernels should compute, in double precision, and numbers to compute with."""

from __future__ import annotations

import ctypes

import numpy as np


def call(name: str, *arrays: np.ndarray) -> None:
    """Pointers and shapes of all inputs and outputs; outputs are filled with what must not stay."""
    from ltdsl_runtime.machine.native.library import library

    loaded = ctypes.CDLL(str(library()))
    count = len(arrays)
    pointers = (ctypes.c_void_p * count)(*[each.ctypes.data for each in arrays])
    ranks = (ctypes.c_int * count)(*[each.ndim for each in arrays])
    kept = [(ctypes.c_int64 * each.ndim)(*each.shape) for each in arrays]
    shapes = (ctypes.c_void_p * count)(*[ctypes.addressof(each) for each in kept])
    assert getattr(loaded, name)(count, pointers, ranks, shapes, None, None, None) == 0


def unfilled(*shape: int) -> np.ndarray:
    return np.full(shape, np.nan, np.float32)


def convolution(x, w, g, stride, same=False, depthwise=False):
    """Output and both gradients by their sums, tap by tap."""
    (k, k), (height, width) = w.shape[2:], x.shape[2:]
    rows, columns = g.shape[2:]
    forward, images, weights = (
        ("ichw,c->ichw", "ichw,c->ichw", "ichw,ichw->c")
        if depthwise
        else ("ichw,oc->iohw", "iohw,oc->ichw", "ichw,iohw->oc")
    )
    top, left = (k // 2, k // 2)
    if same:  # as TensorFlow documents it
        top, left = (
            max((-(-size // stride) - 1) * stride + k - size, 0) // 2 for size in (height, width)
        )
    padded = np.pad(x.astype(float), ((0, 0), (0, 0), (top, k), (left, k)))
    y, dx, dw = np.zeros(g.shape), np.zeros(padded.shape), np.zeros(w.shape)
    for a in range(k):
        for b in range(k):
            seen = (
                *(slice(None), slice(None)),
                *(slice(a, a + rows * stride, stride), slice(b, b + columns * stride, stride)),
            )
            tap = w[:, 0 if depthwise else slice(None), a, b].astype(float)
            y += np.einsum(forward, padded[seen], tap)
            found = np.einsum(weights, padded[seen], g.astype(float))
            dw[:, 0 if depthwise else slice(None), a, b] = found
            dx[seen] += np.einsum(images, g.astype(float), tap)
    return y, dx[:, :, top : top + height, left : left + width], dw


def draw_convolution(images, inputs, outputs, height, width, kernel, stride, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(images, inputs, height, width)).astype(np.float32)
    w = rng.normal(size=(outputs, inputs, kernel, kernel)).astype(np.float32)
    g = rng.normal(size=(images, outputs, -(-height // stride), -(-width // stride)))
    return x, w, g.astype(np.float32)


def draw_depthwise(images, channels, height, width, kernel, stride, seed=0):
    x, w, g = draw_convolution(images, channels, channels, height, width, kernel, stride, seed)
    return x, w[:, :1].copy(), g


def assert_near(found, expected, sizes=None):
    """Within rounding of the largest value; of a sum that cancels, of its largest term's."""
    for ours, true, size in zip(found, expected, sizes or expected, strict=True):
        assert np.abs(ours - true).max() <= 2e-6 * np.abs(size).max()
