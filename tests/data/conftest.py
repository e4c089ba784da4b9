import numpy as np
import pytest
from ltdsl_runtime.data.arrays import ImageArrays
from ltdsl_runtime.machine.device import prepare

prepare("cpu")  # before anything imports mindspore


@pytest.fixture
def arrays():
    """60 images of 2×6×5 pixels, 4 classes with 30, 18, 9 and 3; no two images alike."""
    rng = np.random.default_rng(7)
    labels = rng.permutation(np.repeat(np.arange(4, dtype=np.int32), [30, 18, 9, 3]))
    images = rng.integers(0, 256, (60, 2, 6, 5), dtype=np.uint8)
    images[:, 0, 0, 0] = np.arange(60)
    return ImageArrays(images, labels, ("a", "b", "c", "d"))
