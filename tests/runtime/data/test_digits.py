import numpy as np
from ltdsl_runtime.data import digits
from PIL import Image


def test_parts():
    train, test = digits.load()
    assert len(train) == 1397
    assert train.counts() == (138, 142, 137, 143, 141, 142, 141, 139, 134, 140)
    assert test.counts() == (40,) * 10
    assert train.images.shape[1:] == test.images.shape[1:] == (1, 16, 16)
    assert train.images.max() == 255
    assert train.images.min() == 0


def test_parts_are_the_same_each_time_and_disjoint():
    (train, test), (again, test_again) = digits.load(), digits.load()
    assert np.array_equal(train.images, again.images)
    assert np.array_equal(test.images, test_again.images)
    seen = {image.tobytes() for image in train.images}
    assert not any(image.tobytes() in seen for image in test.images)


def test_enlarging_is_bilinear():
    """Pillow rounds at each of its two passes, so it may differ by one."""
    small = np.random.default_rng(0).integers(0, 17, (20, 1, 8, 8), dtype=np.uint8)
    large = digits._enlarge(small)
    scaled = np.rint(small * (255 / 16)).astype(np.uint8)
    for ours, source in zip(large, scaled, strict=True):
        pillow = Image.fromarray(source[0]).resize((16, 16), Image.Resampling.BILINEAR)
        assert np.abs(ours[0].astype(int) - np.asarray(pillow)).max() <= 1
    assert (digits._enlarge(np.full((1, 1, 8, 8), 16, np.uint8)) == 255).all()
