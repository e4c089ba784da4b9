"""What the tests of the runtime share: data made by hand, runs that are watched.

MindSpore is prepared as a run does, before anything imports it: later, its device cannot be set any more.
"""

from __future__ import annotations

import numpy as np
import pytest
from ltdsl_runtime.data.arrays import ImageArrays
from ltdsl_runtime.machine.device import prepare

prepare("cpu")  # before anything imports mindspore

from support.training import count_compilations, hand_made  # noqa: E402


@pytest.fixture
def arrays():
    """60 images of 2×6×5 pixels, 4 classes with 30, 18, 9 and 3; no two images alike."""
    rng = np.random.default_rng(7)
    labels = rng.permutation(np.repeat(np.arange(4, dtype=np.int32), [30, 18, 9, 3]))
    images = rng.integers(0, 256, (60, 2, 6, 5), dtype=np.uint8)
    images[:, 0, 0, 0] = np.arange(60)
    return ImageArrays(images, labels, ("a", "b", "c", "d"))


@pytest.fixture
def compilations():
    """Names of the cells whose graphs are really compiled, in order."""
    with count_compilations() as seen:
        yield seen


@pytest.fixture(scope="session")
def data():
    return hand_made()
