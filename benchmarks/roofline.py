"""How near a step on native kernels is to what the processor can do: ResNet-32, 128 images of 3×32×32.

Of each convolution and batch norm, forward and backward, the least time is that of its arithmetic at the processor's
peak, or that of reading its inputs and writing its outputs once, whichever is longer; the peaks are measured by
``peak.c``. Winograd's method multiplies less than direct sums; its transforms are not counted, so what it takes beyond
the bound is theirs too.
"""

from __future__ import annotations

import ctypes
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from ltdsl_runtime.machine.native import library as native

from benchmarks.common import Row, cifar_like, compare, first_stage, take_turns

IMAGES, FLOAT = 128, 4

#: Blocks of two convolutions in each group, and for each its channels and rows.
BLOCKS, GROUPS = 5, ((16, 32), (32, 16), (64, 8))


class Operator(NamedTuple):
    """A call of a kernel.

    Attributes:
        kind: What it is counted with.
        name: The kernel's.
        arrays: Its inputs and outputs.
        operations: Multiplications and additions.
        moved: Numbers read and written once.
        times: How many of them a step has.
    """

    kind: str
    name: str
    arrays: tuple[np.ndarray, ...]
    operations: float
    moved: int
    times: int


def measure(quick: bool = False) -> list[Row]:
    rounds = 4 if quick else 12
    library = ctypes.CDLL(str(native.library()))
    operations_a_second, bytes_a_second = peaks(library.ltdsl_threads())
    operators = [*step()]

    def bound(each: Operator) -> float:
        arithmetic = each.operations / operations_a_second
        return each.times * max(arithmetic, FLOAT * each.moved / bytes_a_second)

    def run(some: list[Operator]) -> Callable[[], object]:
        calls = [(prepared(library, each), each.times) for each in some]
        return lambda: [call() for call, times in calls for _ in range(times)]

    stage = first_stage("dataset = cifar10_lt; augment = []; stage1: ce", cifar_like())
    from mindspore import Tensor

    batch = [Tensor(column) for column in stage.source[0]]
    parts = {kind: [o for o in operators if o.kind == kind] for kind in ("convolutions", "norms")}
    peak = f"{operations_a_second / 1e9:,.0f} GFLOP/s, {bytes_a_second / 1e9:,.0f} GB/s"
    rows = []
    for kind, some in parts.items():
        least = sum(map(bound, some))
        total = sum(o.times * o.operations for o in some) / 1e9
        moved = sum(o.times * FLOAT * o.moved for o in some) / 1e9
        what = f"roofline: {kind}, {total:,.1f} GFLOP, {moved:,.1f} GB"
        times = take_turns(run(some), lambda: None, rounds)[0]
        rows.append(compare(what, peak, (times, [least] * rounds)))
    times = take_turns(run(operators), lambda: stage.step(*batch).asnumpy(), rounds)
    rows.append(compare("roofline: these kernels", "the whole step", times))
    return rows


def peaks(threads: int) -> tuple[float, float]:
    """Floating point operations, and bytes, a second, of so many threads."""
    flags = [each for each in native._instructions()[1] if each.startswith("-m")]
    with tempfile.TemporaryDirectory() as folder:
        program, source = Path(folder, "peak"), Path(__file__).with_name("peak.c")
        options = ["-std=gnu11", "-O3", "-pthread", *flags]
        subprocess.run([*native._compiler(), *options, source, "-o", program], check=True)
        said = subprocess.run([program, str(threads)], capture_output=True, text=True, check=True)
    operations, moved = map(float, said.stdout.split())
    return operations, moved


def step() -> Iterator[Operator]:
    """The convolutions and batch norms of a step, the same ones together."""
    yield from _convolution(3, *GROUPS[0], 1, 1)
    for index, (channels, rows) in enumerate(GROUPS):
        first = index > 0
        if first:
            yield from _convolution(channels // 2, channels, rows, 2, 1)
        yield from _convolution(channels, channels, rows, 1, 2 * BLOCKS - first)
        yield from _norm(channels, rows, adds=False, times=BLOCKS + (not first))
        yield from _norm(channels, rows, adds=True, times=BLOCKS)


def _convolution(
    inputs: int, outputs: int, rows: int, stride: int, times: int
) -> Iterator[Operator]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(IMAGES, inputs, rows * stride, rows * stride)).astype(np.float32)
    w = rng.normal(size=(outputs, inputs, 3, 3)).astype(np.float32)
    g = rng.normal(size=(IMAGES, outputs, rows, rows)).astype(np.float32)
    padding, direct = np.zeros(1, np.float32), 2 * g.size * inputs * 9
    count, of_weights = (direct / 4 if taken else direct for taken in winograds(inputs, stride))
    kind, moved = "convolutions", x.size + g.size
    yield Operator(kind, "ltdsl_convolve", (x, w, padding, g.copy()), count, moved, times)
    if inputs > 3:  # of the images that a step begins with none is asked for
        arrays = (g, w, x, padding, x.copy())
        yield Operator(kind, "ltdsl_images_gradient", arrays, count, moved, times)
    arrays = (g, x, w, padding, w.copy())
    yield Operator(kind, "ltdsl_weights_gradient", arrays, of_weights, moved, times)


def winograds(inputs: int, stride: int) -> tuple[bool, bool]:
    """Whether a convolution of 128 images and the gradient of its weights multiply a quarter as often."""
    name = native.name()
    least = (8, 8) if "avx512" in name else (24, 48)
    taken = stride == 1 and not name.endswith("-direct")
    return taken and inputs >= least[0], taken and inputs >= least[1]


def _norm(channels: int, rows: int, adds: bool, times: int) -> Iterator[Operator]:
    rng = np.random.default_rng(0)
    shape = (IMAGES, channels, rows, rows)
    x, g, y, added = (rng.normal(size=shape).astype(np.float32) for _ in range(4))
    each = [np.ones(channels, np.float32) for _ in range(8)]
    constants, more = np.float32([1e-5, 0.1, np.inf]), [added] * adds
    arrays = (x, *each[:4], constants, *more, y, *each[4:])
    yield Operator("norms", "ltdsl_batch_norm", arrays, 8 * x.size, (2 + adds) * x.size, times)
    found = [np.empty_like(x) for _ in range(1 + adds)]
    arrays = (g, x, *each[:3], constants, y, found[0], *each[3:5], *found[1:])
    name = "ltdsl_batch_norm_gradient"
    yield Operator("norms", name, arrays, 10 * x.size, (4 + adds) * x.size, times)


def prepared(library: ctypes.CDLL, operator: Operator) -> Callable[[], None]:
    """A call of a kernel as MindSpore calls it."""
    arrays = operator.arrays
    pointers = (ctypes.c_void_p * len(arrays))(*[each.ctypes.data for each in arrays])
    ranks = (ctypes.c_int * len(arrays))(*[each.ndim for each in arrays])
    kept = [(ctypes.c_int64 * each.ndim)(*each.shape) for each in arrays]
    shapes = (ctypes.c_void_p * len(arrays))(*[ctypes.addressof(each) for each in kept])

    def call() -> None:
        assert kept  # which shapes point to
        getattr(library, operator.name)(len(arrays), pointers, ranks, shapes, None, None, None)

    return call
