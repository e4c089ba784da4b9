"""One worker of `test_sums.py`: adds up tensors with the others, again and again.

    python sums.py FOLDER memory|sockets

Writes FOLDER/KIND-RANK.npz: what it got in the last turn, and whether the workers shared memory.
"""

from __future__ import annotations

import ctypes
import os
import sys
import time
from pathlib import Path

import mindspore as ms
import numpy as np
import pytest
from ltdsl_runtime.errors import RunError
from ltdsl_runtime.machine.native.library import library
from ltdsl_runtime.parallel.cluster import is_scheduler, join
from ltdsl_runtime.parallel.collectives import SumGradients
from ltdsl_runtime.parallel.exchange import sharing, those_who_left
from mindspore import Parameter, Tensor

#: Scalars, odd sizes, and more than fits into a place.
SHAPES = [(1,), (3, 5, 7), (1_300_000,), (17,), (1, 1), (64, 3, 3, 3)]

TURNS = 6


def numbers(rank: int, turn: int) -> list[np.ndarray]:
    draw = np.random.default_rng([rank, turn])
    return [draw.normal(size=shape).astype(np.float32) for shape in [(), *SHAPES]]


def refuse(*_: object) -> int:
    raise OSError("forbidden")


def main() -> None:
    folder, kind = Path(sys.argv[1]), sys.argv[2]
    if kind == "sockets":
        os.memfd_create = refuse
    workers = join()
    if is_scheduler():
        return
    parameters = [
        Parameter(Tensor(np.zeros(shape, np.float32)), name=f"p{i}")
        for i, shape in enumerate(SHAPES)
    ]
    add = SumGradients(parameters)
    draw = np.random.default_rng(workers.rank)
    for turn in range(TURNS):
        loss, *gradients = map(Tensor, numbers(workers.rank, turn))
        if turn % 4 == workers.rank:
            time.sleep(draw.uniform(0, 0.3))  # one comes late
        total, sums = add(loss.astype(ms.float32), tuple(gradients))
        last = [total.asnumpy(), *(each.asnumpy() for each in sums)]
        expected = numbers(0, turn)
        for rank in range(1, workers.size):
            expected = [a + b for a, b in zip(expected, numbers(rank, turn), strict=True)]
        for one, other in zip(last, expected, strict=True):
            if sharing():
                np.testing.assert_array_equal(one, other)
            else:  # in whatever order MindSpore takes them
                np.testing.assert_allclose(one, other, rtol=0, atol=2e-6)
    if sharing():
        _without_the_last(workers, add, loss, tuple(gradients))
    np.savez(folder / f"{kind}-{workers.rank}.npz", *last, shared=sharing())


def _without_the_last(workers, add, loss, gradients) -> None:
    """One leaves as a process that ends does; the others' next sum fails instead of waiting."""
    if workers.rank == workers.size - 1:
        ctypes.CDLL(str(library())).ltdsl_leave()
        return
    begun = time.monotonic()
    with pytest.raises(RunError, match="another worker has ended"), those_who_left():
        add(loss.astype(ms.float32), gradients)[0].asnumpy()
    assert time.monotonic() - begun < 5


if __name__ == "__main__":
    main()
