"""What the tests of training share: plans from recipe text, hand-made data, runs that are watched."""

from __future__ import annotations

import os

# before anything imports mindspore
os.environ.setdefault("ONEDNN_MAX_CPU_ISA", "AVX2")
os.environ.setdefault("GLOG_v", "3")

import mindspore as ms
import numpy as np
import pytest
from training_support import count_compilations

from runtime.data import ImageArrays, LoadedData


@pytest.fixture(autouse=True, scope="session")
def _graph_mode():
    ms.set_context(mode=ms.GRAPH_MODE)


@pytest.fixture(scope="session")
def compilations():
    """Names of the cells whose graphs were really compiled, in order, from all of the session."""
    with count_compilations() as seen:
        yield seen


@pytest.fixture(scope="session")
def data():
    """Hand-made: 4 classes with 30, 20, 12 and 8 training images of 2×4×3 pixels, 21 test images."""
    rng = np.random.default_rng(5)
    names = ("a", "b", "c", "d")

    def part(*counts: int) -> ImageArrays:
        labels = rng.permutation(np.repeat(np.arange(4, dtype=np.int32), counts))
        images = rng.integers(0, 256, (len(labels), 2, 4, 3), dtype=np.uint8)
        return ImageArrays(images, labels, names)

    return LoadedData(
        train=part(30, 20, 12, 8),
        validation=part(4, 3, 2, 1),
        test=part(6, 4, 9, 2),
        counts=(30, 20, 12, 8),
        fingerprint={},
        mean=np.float32([0.48, 0.53]),
        std=np.float32([0.25, 0.31]),
    )
