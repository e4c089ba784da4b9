"""The kernels, called as MindSpore calls them, against their definitions in double precision."""

from __future__ import annotations

import ctypes
import platform
import subprocess

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ltdsl_runtime.machine.native.library import library
from support.kernels import (
    assert_near,
    call,
    convolution,
    draw_convolution,
    draw_depthwise,
    unfilled,
)


def native_convolution(x, w, g, same=False, depthwise=False):
    y, dx, dw = unfilled(*g.shape), unfilled(*x.shape), unfilled(*w.shape)
    padding, kind = np.float32([same]), "ltdsl_depthwise" if depthwise else "ltdsl"
    call("ltdsl_depthwise" if depthwise else "ltdsl_convolve", x, w, padding, y)
    call(f"{kind}_images_gradient", g, w, x, padding, dx)
    call(f"{kind}_weights_gradient", g, x, w, padding, dw)
    return y, dx, dw


@pytest.mark.parametrize(
    "shape",
    [
        (128, 16, 16, 32, 32, 3, 1),  # where nothing is left over
        (4, 16, 32, 32, 32, 3, 2),
        (33, 3, 5, 7, 9, 3, 1),  # where something is, of everything
        (2, 3, 4, 37, 22, 7, 2),
        (2, 3, 8, 224, 224, 7, 2),
        (3, 2, 2, 1, 1, 3, 2),  # single pixels
        (2, 3, 4, 1, 9, 3, 2),
        (2, 2, 2, 3, 1, 11, 1),  # kernels larger than images
    ],
)
def test_a_convolution_and_its_gradients_are_what_they_should_be(shape):
    x, w, g = draw_convolution(*shape)
    assert_near(native_convolution(x, w, g), convolution(x, w, g, shape[-1]))


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(
        st.integers(1, 20),
        *[st.integers(1, 9)] * 2,
        *[st.integers(1, 20)] * 2,
        st.sampled_from([1, 3, 5, 7]),
        st.sampled_from([1, 2]),
        st.integers(0, 2**31),
    ),
    st.booleans(),
)
@example(
    (40, 9, 70, 6, 5, 1, 2, 0), False
)  # vectors over several images, and of some outputs alone
def test_any_convolution_is_what_it_should_be(drawn, same):
    x, w, g = draw_convolution(*drawn)
    stride = drawn[-2]
    sizes = convolution(
        abs(x), abs(w), abs(g), stride, same
    )  # of few terms that cancel, little is left
    assert_near(native_convolution(x, w, g, same), convolution(x, w, g, stride, same), sizes)


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(
        *[st.integers(1, 9)] * 2,
        *[st.integers(1, 40)] * 2,
        st.sampled_from([3, 5, 7, 11]),
        st.sampled_from([1, 2]),
        st.integers(0, 2**31),
    ),
    st.booleans(),
)
@example((2, 3, 112, 112, 3, 1, 0), False)
@example((2, 3, 113, 113, 5, 2, 0), True)
@example((70, 2, 7, 7, 5, 1, 0), False)  # sums over several images at once, and some left over
def test_any_depthwise_convolution_is_what_it_should_be(drawn, same):
    x, w, g = draw_depthwise(*drawn)
    stride = drawn[-2]
    sizes = convolution(abs(x), abs(w), abs(g), stride, same, depthwise=True)
    expected = convolution(x, w, g, stride, same, depthwise=True)
    assert_near(native_convolution(x, w, g, same, depthwise=True), expected, sizes)


@pytest.mark.parametrize(
    "shape",
    [
        (33, 40, 44, 8, 8),  # a third group of one image
        (30, 50, 49, 13, 22),  # tiles that reach over the edge, channels that are left over
        (16, 48, 65, 5, 30),  # rows of tiles in pieces
        (16, 130, 135, 7, 7),  # many channels, and outputs of which a few are left over
        (16, 258, 257, 4, 4),
    ],
)
def test_winograds_method_rounds_no_more_than_four_times_as_much(shape, direct):
    x, w, g = draw_convolution(*shape, 3, 1)
    x = np.maximum(x, 0)  # as after a ReLU: what is added up does not cancel
    expected = convolution(x, w, g, 1)
    errors = []
    for wanted in (False, True):
        direct(wanted)
        found = native_convolution(x, w, g)
        errors.append([np.linalg.norm(a - b) for a, b in zip(found, expected, strict=True)])
    for ours, plain in zip(*errors, strict=True):
        assert plain < ours <= 4 * plain  # it was taken


def test_infinities_and_nans_stay_where_they_belong():
    x, w, g = draw_convolution(2, 1, 1, 8, 8, 3, 1)
    x[0, 0, 0, 0] = np.nan
    y, _, _ = native_convolution(x, w, g)
    assert np.isnan(y[0, 0, :2, :2]).all()
    assert np.isfinite(y[0, 0, 2:]).all()
    assert np.isfinite(y[0, 0, :, 2:]).all()
    assert np.isfinite(y[1]).all()


def normalise(x, gamma, beta, g, epsilon):
    """By autograd's book: the gradient through mean and variance is written out."""
    x, g = x.astype(float), g.astype(float)
    axes, wide = (0, 2, 3), (1, -1, 1, 1)
    mean, variance = x.mean(axes), x.var(axes)
    unit = (x - mean.reshape(wide)) / np.sqrt(variance.reshape(wide) + epsilon)
    y = unit * gamma.reshape(wide) + beta.reshape(wide)
    d_unit = g * gamma.reshape(wide)
    inner = d_unit - d_unit.mean(axes).reshape(wide)
    inner -= unit * (d_unit * unit).mean(axes).reshape(wide)
    dx = inner / np.sqrt(variance.reshape(wide) + epsilon)
    return y, mean, variance, dx, (g * unit).sum(axes), g.sum(axes)


def native_normalise(x, gamma, beta, g, epsilon, ceiling=0.0, added=None):
    """With a ReLU where there is a ceiling; the last result is then the gradient of what was added, if anything was."""
    channels, more = x.shape[1], [] if added is None else [added]
    y, mean, variance, *moved = unfilled(*x.shape), *(unfilled(channels) for _ in range(4))
    kept = np.float32([[3] * channels, [5] * channels])
    constants = np.float32([epsilon, 0.25, ceiling])
    call("ltdsl_batch_norm", x, gamma, beta, *kept, constants, *more, y, mean, variance, *moved)
    count = x[:, 0].size
    assert moved[0] == pytest.approx(0.75 * 3 + 0.25 * mean, rel=1e-6, nan_ok=True)
    assert moved[1] == pytest.approx(
        0.75 * 5 + 0.25 * variance * count / (count - 1), rel=1e-6, nan_ok=True
    )
    found = [unfilled(*x.shape), unfilled(channels), unfilled(channels)]
    found += [unfilled(*each.shape) for each in more]
    given = [*([y] if ceiling else []), *more]
    call("ltdsl_batch_norm_gradient", g, x, gamma, mean, variance, constants, *given, *found)
    return y, mean, variance, *found


def draw_norm(images, channels, height, width, seed=0, offset=0.0):
    rng = np.random.default_rng(seed)
    x = rng.normal(offset, 2, (images, channels, height, width)).astype(np.float32)
    gamma, beta = rng.normal(size=(2, channels)).astype(np.float32)
    return x, gamma, beta, rng.normal(size=x.shape).astype(np.float32)


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(
        st.integers(3, 9), st.integers(1, 7), *[st.integers(2, 20)] * 2, st.integers(0, 2**31)
    )
)
def test_any_batch_norm_is_what_it_should_be(drawn):
    x, gamma, beta, g = draw_norm(*drawn)
    found = native_normalise(x, gamma, beta, g, 1e-5)
    y, _, variance, dx, *_ = expected = normalise(x, gamma, beta, g, 1e-5)
    terms = np.abs(g).sum((0, 2, 3))
    assert_near(found, expected, (y, x, variance, dx, terms, terms))


#: None, of the same shape, and of fewer channels in the middle of ours, of which each second row and column counts.
SHORTCUTS = [None, (5, 4, 9, 7), (5, 2, 18, 14), (5, 2, 17, 13), (5, 2, 9, 7)]


@pytest.mark.parametrize("shape", SHORTCUTS)
@pytest.mark.parametrize("ceiling", [np.inf, 1.0])
def test_a_batch_norm_with_what_follows_it_is_what_it_should_be(ceiling, shape):
    x, gamma, beta, g = draw_norm(5, 4, 9, 7)
    added = None if shape is None else draw_norm(*shape, seed=1)[0]
    total, adds = normalise(x, gamma, beta, g, 1e-5)[0], shape is not None
    if shape is not None:
        seen = slice(2 - shape[1] // 2, 2 + shape[1] // 2), *[slice(None, None, shape[2] // 8)] * 2
        total[:, seen[0]] += added[:, :, seen[1], seen[2]]
    passed = g * ((total > 0) & (total < ceiling))
    _, *others = normalise(x, gamma, beta, passed, 1e-5)
    expected = [np.clip(total, 0, ceiling), *others]
    if shape is not None:
        of_added = np.zeros(shape)
        of_added[:, :, seen[1], seen[2]] = passed[:, seen[0]]
        expected.append(of_added)
        spread = unfilled(*shape)
        call("ltdsl_shortcut_gradient", passed.astype(np.float32), added, spread)
        assert_near([spread], [of_added])
    found = native_normalise(x, gamma, beta, g, 1e-5, ceiling, added)
    assert_near(found, expected)
    mean, variance = others[:2]
    y, kept = unfilled(*x.shape), [np.float32(each) for each in (mean, variance)]
    constants = np.float32([1e-5, 0, ceiling])
    call("ltdsl_kept_norm", x, gamma, beta, *kept, constants, *[added] * adds, y)
    assert_near([y], expected[:1])


def test_nans_pass_a_relu():
    x, gamma, beta, g = draw_norm(2, 2, 3, 3)
    x[0, 0, 0, 0] = np.nan
    y = native_normalise(x, gamma, beta, g, 1e-5, np.inf)[0]
    assert np.isnan(y[:, 0]).all()
    assert np.isfinite(y[:, 1]).all()


def test_a_channel_far_from_zero_keeps_its_variance():
    x, gamma, beta, g = draw_norm(16, 2, 8, 8, offset=3000.0)
    _, mean, variance, *_ = native_normalise(x, gamma, beta, g, 1e-5)
    assert mean == pytest.approx(x.astype(float).mean((0, 2, 3)), rel=1e-6)
    assert variance == pytest.approx(x.astype(float).var((0, 2, 3)), rel=1e-3)


def test_kept_statistics_normalise_too():
    x, gamma, beta, _ = draw_norm(3, 5, 4, 7)
    mean, variance = np.float32([1, 2, 3, 4, 5]), np.float32([5, 4, 3, 2, 1])
    y = unfilled(*x.shape)
    call("ltdsl_kept_norm", x, gamma, beta, mean, variance, np.float32([1e-5, 0, 0]), y)
    wide = (1, -1, 1, 1)
    unit = (x.astype(float) - mean.reshape(wide)) / np.sqrt(variance.reshape(wide) + 1e-5)
    assert_near([y], [unit * gamma.reshape(wide) + beta.reshape(wide)])


def max_pool(x, g, size, stride, top, left):
    """Maxima, and where each window's gradient goes: to the first of equal pixels."""
    y, dx = np.zeros(g.shape), np.zeros(x.shape)
    for (i, j), _ in np.ndenumerate(g[0, 0]):
        rows = [r for r in range(i * stride - top, i * stride - top + size) if 0 <= r < x.shape[2]]
        columns = [
            c for c in range(j * stride - left, j * stride - left + size) if 0 <= c < x.shape[3]
        ]
        window = x[:, :, rows][..., columns].reshape(*x.shape[:2], -1)
        first = window.argmax(2)  # a NaN, where there is one
        y[..., i, j] = np.take_along_axis(window, first[..., None], 2)[..., 0]
        for place, (image, channel) in zip(first.ravel(), np.ndindex(*x.shape[:2]), strict=True):
            row, column = rows[place // len(columns)], columns[place % len(columns)]
            dx[image, channel, row, column] += g[image, channel, i, j]
    return y, dx


@pytest.mark.parametrize(
    ("size", "stride", "padding"),
    [(3, 2, 2), (3, 2, 1), (3, 2, 0), (2, 2, 0), (3, 1, 1), (1, 2, 0), (5, 3, 1), (2, 3, 0)],
)
@pytest.mark.parametrize("shape", [(2, 3, 17, 30), (1, 2, 5, 6)])
def test_maxima_and_their_gradient_are_what_they_should_be(shape, size, stride, padding):
    x = np.maximum(draw_norm(*shape)[0], 0)  # as after a ReLU: many are equal
    x[0, 0, 2, 3] = np.nan
    lost = (size - 1, 0, size - 1 - size // 2 * 2)[padding]
    y = unfilled(*shape[:2], *(-(-(pixels - lost) // stride) for pixels in shape[2:]))
    g = np.random.default_rng(1).normal(size=y.shape).astype(np.float32)
    missing = [(a - 1) * stride + size - b for a, b in zip(y.shape[2:], shape[2:], strict=True)]
    top, left = ([0, 0], [max(each, 0) // 2 for each in missing], [size // 2] * 2)[padding]
    settings, dx = np.float32([size, stride, padding]), unfilled(*shape)
    call("ltdsl_max_pool", x, settings, y)
    call("ltdsl_max_pool_gradient", g, x, y, settings, dx)
    expected = max_pool(x, g, size, stride, top, left)
    np.testing.assert_array_equal(y, expected[0])
    assert_near([dx], expected[1:])


def native_cross_entropy(logits, labels, g):
    losses, shares, of_logits = (
        unfilled(len(labels)),
        unfilled(*logits.shape),
        unfilled(*logits.shape),
    )
    call("ltdsl_cross_entropy", logits, labels, losses, shares)
    call("ltdsl_cross_entropy_gradient", g, shares, labels, of_logits)
    return losses, shares, of_logits


def draw_logits(rows, classes, seed=0):
    rng = np.random.default_rng(seed)
    logits, g = rng.normal(0, 9, (rows, classes)), rng.normal(size=rows)
    labels = rng.integers(0, classes, rows).astype(np.int32)
    return logits.astype(np.float32), labels, g.astype(np.float32)


@pytest.mark.parametrize("shape", [(32, 10), (3, 20000), (5, 1), (1, 7)])
@pytest.mark.parametrize("shift", [0, 1e4])
def test_cross_entropy_and_its_gradient_are_what_they_should_be(shape, shift):
    logits, labels, g = draw_logits(*shape)
    logits += np.float32(shift)
    labels[0] = -1  # no class: nothing is taken away
    z = logits.astype(float) - logits.max(1, keepdims=True)
    shares = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    target = np.arange(shape[1]) == labels[:, None]
    losses = np.log(np.exp(z).sum(1)) - (z * target).sum(1)
    expected = losses, shares, g[:, None] * (shares - target)
    for found, right in zip(native_cross_entropy(logits, labels, g), expected, strict=True):
        assert found == pytest.approx(right, rel=1e-6, abs=3e-7)


def test_logits_that_are_not_finite_make_no_finite_loss():
    logits, labels, g = draw_logits(3, 4)
    logits[0, 2], logits[1, 2] = np.nan, np.inf
    losses, _, of_logits = native_cross_entropy(logits, labels, g)
    assert np.isfinite(losses).tolist() == [False, False, True]
    assert np.isfinite(of_logits).all(1).tolist() == [False, False, True]


def test_what_is_done_with_all_images_alike():
    x, scale, shift, g = draw_norm(3, 5, 4, 7)
    share = np.float32([0, 0.25, 1])
    data = np.random.default_rng(1).integers(0, 256, x.shape, dtype=np.uint8)
    normalised, blended, pooled, of_pooled = (unfilled(*x.shape) for _ in range(4))
    pooled = unfilled(*x.shape[:2])
    call("ltdsl_normalise", data, scale, shift, normalised)
    call("ltdsl_blend", x, g, share, blended)
    call("ltdsl_pool", x, pooled)
    call("ltdsl_pool_gradient", pooled, x, of_pooled)
    wide = (1, -1, 1, 1)
    own = share.reshape(-1, 1, 1, 1).astype(float)
    assert_near(
        [normalised, blended, pooled, of_pooled],
        [
            data * scale.reshape(wide).astype(float) + shift.reshape(wide),
            own * x + (1 - own) * g,
            x.astype(float).mean((2, 3)),
            np.broadcast_to(pooled[:, :, None, None] / 28.0, x.shape),
        ],
    )


def native_sgd(seed, nesterov=1.0, momentum=0.9):
    """Two parameters, of which one is more than a thread's piece; all after one step."""
    rng = np.random.default_rng(seed)
    shapes = ((130, 40, 5), (7,))
    state = [rng.normal(size=shape).astype(np.float32) for _ in range(3) for shape in shapes]
    marks = [np.ones(shape, np.float32) for shape in shapes]
    settings = [np.array(each, np.float32) for each in (0.1, momentum, [0.01, 0.02], [nesterov])]
    before = [each.astype(float) for each in state]
    call("ltdsl_sgd", *settings, *state, *marks, unfilled(1))
    return before, state, marks


@pytest.mark.parametrize(("momentum", "nesterov"), [(0.9, 1.0), (0.9, 0.0), (0.0, 0.0)])
def test_an_update_of_all_parameters_is_what_it_should_be(momentum, nesterov):
    (*weights, g, h, a, b), found, marks = native_sgd(0, nesterov, momentum)
    for i, (w, gradient, moving, decay) in enumerate(
        zip(weights, (g, h), (a, b), (0.01, 0.02), strict=True)
    ):
        own = gradient + decay * w
        moved = momentum * moving + own
        step = own + momentum * moved if nesterov else moved if momentum else own
        kept = moved if momentum else moving  # untouched
        assert_near([found[i], found[4 + i]], [w - 0.1 * step, kept])
        assert (marks[i] == (momentum == 0)).all()


def test_numbers_do_not_depend_on_how_many_threads_there_are():
    drawn = draw_convolution(21, 6, 7, 11, 13, 3, 1), draw_norm(21, 6, 11, 13)
    large = [draw_convolution(48, many, many, 4, 4, 3, 1) for many in (40, 130)]
    points = draw_convolution(30, 9, 70, 7, 9, 1, 2)
    apart = draw_depthwise(30, 40, 11, 13, 5, 2)
    loaded = ctypes.CDLL(str(library()))
    before = loaded.ltdsl_threads()
    try:
        results = []
        for threads in (1, 2, 5, 3):
            loaded.ltdsl_set_threads(threads)
            results.append(native_convolution(*drawn[0]) + native_normalise(*drawn[1], 1e-5))
            results[-1] += native_normalise(*drawn[1], 1e-5, np.inf, drawn[1][3])
            results[-1] += native_convolution(*large[0]) + native_convolution(*large[1])
            results[-1] += native_convolution(*apart, depthwise=True)
            results[-1] += native_convolution(*points)
            results[-1] += tuple(native_sgd(0)[1])
            results[-1] += native_cross_entropy(*draw_logits(90, 1000))
    finally:
        loaded.ltdsl_set_threads(before)
    for other in results[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(results[0], other, strict=True))


FLUSH = """
#include <immintrin.h>
void flush(int on) { _mm_setcsr(on ? _mm_getcsr() | 0x8040 : _mm_getcsr() & ~0x8040); }
"""


@pytest.mark.skipif(platform.machine() != "x86_64", reason="sets a register of x86-64")
def test_numbers_do_not_depend_on_how_whoever_calls_takes_the_smallest_ones(tmp_path):
    """Some libraries make their threads take subnormal numbers for 0, which the kernels' own threads would not."""
    (tmp_path / "flush.c").write_text(FLUSH)
    made = ["cc", "-shared", "-fPIC", "-o", tmp_path / "flush.so", tmp_path / "flush.c"]
    subprocess.run(made, check=True)
    flush = ctypes.CDLL(str(tmp_path / "flush.so")).flush
    logits = np.random.default_rng(0).normal(size=(10_000, 49), scale=40).astype(np.float32)
    labels = np.zeros(len(logits), np.int32)
    found = []
    for on in (0, 1):
        losses, shares = unfilled(len(logits)), unfilled(*logits.shape)
        flush(on)
        try:
            call("ltdsl_cross_entropy", logits, labels, losses, shares)
        finally:
            flush(0)
        found.append((losses.tobytes(), shares.tobytes()))
        assert ((shares > 0) & (shares < np.finfo(np.float32).tiny)).any()
    assert found[0] == found[1]
