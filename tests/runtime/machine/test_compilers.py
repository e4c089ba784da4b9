"""The kernels by other compilers, for other vectors, and for another processor in an emulator."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from ltdsl_runtime.machine.native.library import _processor_flags
from ltdsl_runtime.machine.native.sources import INSTRUCTIONS, SOURCES
from support.kernels import assert_near, convolution, draw_convolution, draw_depthwise

DRIVER = Path(__file__).parents[2] / "support" / "kernels.c"

#: A compiler, the instructions it compiles to, and what runs that.
WAYS = {
    "gcc-avx2": ("gcc", "avx2", []),
    "gcc-avx512": ("gcc", "avx512", []),
    "clang-avx2": ("clang", "avx2", []),
    "clang-avx512": ("clang", "avx512", []),
    "gcc-neon": ("aarch64-linux-gnu-gcc", "neon", ["qemu-aarch64"]),
}

#: Both methods, all strides, and what is left over; no inputs where each channel has a kernel of its own.
SHAPES = [
    (32, 49, 50, 7, 8, 3, 1),
    (32, 20, 24, 8, 8, 3, 1),
    (16, 257, 256, 4, 4, 3, 1),
    (3, 3, 5, 7, 9, 3, 2),
    (2, 3, 4, 9, 6, 5, 1),
    (5, 9, 70, 7, 5, 1, 2),
    (2, 0, 5, 9, 11, 3, 1),
    (3, 0, 2, 9, 12, 5, 2),
]


@pytest.fixture(scope="module", params=WAYS)
def program(request, tmp_path_factory):
    compiler, name, emulator = WAYS[request.param]
    for needed in (compiler, *emulator):
        if shutil.which(needed) is None:
            pytest.skip(f"no {needed}")
    needed = INSTRUCTIONS["aarch64" if emulator else "x86_64"][name]
    if not emulator and not {*needed} <= {*_processor_flags()}:
        pytest.skip(f"this processor has no {name}")
    flags = ["-static"] if emulator else [f"-m{flag}" for flag in needed]
    path = tmp_path_factory.mktemp(name) / "kernels"
    sources = [str(DRIVER), *map(str, SOURCES.glob("*.c"))]
    warnings = ["-Wall", "-Wextra", "-Wno-unused-parameter", "-Werror"]
    command = [compiler, "-std=gnu11", "-O3", "-pthread", *warnings, *flags, *sources, "-o", path]
    subprocess.run([*command, "-lm"], check=True)
    return [*emulator, path]


@cache
def drawn(shape):
    """Images, weights and a gradient; what is to be made of them, and how large it is where nothing cancels."""
    images, inputs, outputs, *rest = shape
    given = draw_convolution(*shape) if inputs else draw_depthwise(images, outputs, *rest)
    expected, sizes = (
        convolution(*numbers, shape[-1], depthwise=not inputs)
        for numbers in (given, [abs(each) for each in given])
    )
    return given, expected, sizes if inputs > 100 else expected


@pytest.mark.parametrize("shape", SHAPES)
def test_other_builds_compute_the_same(program, shape):
    (x, w, g), expected, sizes = drawn(shape)
    given = np.int32(shape).tobytes() + b"".join(each.tobytes() for each in (x, w, g))
    done = subprocess.run(program, input=given, capture_output=True, check=True, timeout=60)
    found = np.frombuffer(done.stdout, np.float32)
    y, dx, dw, chained = np.split(found, np.cumsum([g.size, x.size, w.size]))
    assert_near((y.reshape(g.shape), dx.reshape(x.shape), dw.reshape(w.shape)), expected, sizes)
    assert bool(chained.size) == bool(shape[1] and shape[5] == 3)
    if chained.size:  # a chain of one layer
        assert_near([chained.reshape(g.shape)], [np.maximum(expected[0], 0)], sizes[:1])
