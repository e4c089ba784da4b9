"""NumPy files, from whoever wrote them."""

import numpy as np
import pytest
from ltdsl_runtime.data import load_dataset
from ltdsl_runtime.data.errors import DataError

from ltdsl.catalogue import Npz

RNG = np.random.default_rng(0)
LABELS = np.repeat([0, 1, 2], [8, 5, 3])
IMAGES = RNG.integers(0, 256, (16, 6, 5, 3), dtype=np.uint8)
TEST = {"x_test": IMAGES[:4], "y_test": np.array([0, 1, 2, 2])}


def loaded(tmp_path, **arrays):
    path = tmp_path / "data.npz"
    np.savez(path, **arrays)
    return load_dataset(Npz(), path, 0.0, 0)


def test_keras_and_medmnist(tmp_path):
    data = loaded(tmp_path, x_train=IMAGES, y_train=LABELS, **TEST)
    assert (data.counts, data.test.counts()) == ((8, 5, 3), (1, 1, 2))
    assert np.array_equal(data.train.batch([2])[0], IMAGES[2].transpose(2, 0, 1))
    assert np.allclose(data.mean, IMAGES.mean((0, 1, 2)) / 255)
    medmnist = loaded(
        tmp_path,
        train_images=IMAGES,
        train_labels=LABELS[:, None],
        test_images=TEST["x_test"],
        test_labels=TEST["y_test"].astype(np.uint8)[:, None],
        val_images=IMAGES,
    )
    assert medmnist.fingerprint == data.fingerprint


def test_grey_channels_first_and_names(tmp_path):
    grey = loaded(tmp_path, x_train=IMAGES[..., 0], y_train=LABELS, class_names=["x", "y", "z"])
    assert grey.train.shape == (1, 6, 5)
    assert grey.train.class_names == ("x", "y", "z")
    assert grey.test.counts() == (2, 1, 1)
    first = loaded(
        tmp_path,
        x_train=IMAGES.transpose(0, 3, 1, 2),
        y_train=LABELS,
        **TEST | {"x_test": IMAGES[:4].transpose(0, 3, 1, 2)},
    )
    assert first.train.shape == (3, 6, 5)


class Trap:
    def __reduce__(self):
        return (pytest.fail, ("it was unpickled",))


@pytest.mark.parametrize(
    ("arrays", "code", "said"),
    [
        ({}, "LT402", "lacks x_train and y_train"),
        (
            {"x_train": IMAGES[:2], "y_train": np.array([0, 2**31 - 1])},
            "LT403",
            "2 training images of 2,147,483,648 classes",
        ),
        ({"x_train": IMAGES / 255, "y_train": LABELS}, "LT402", "x_train is float64"),
        ({"x_train": IMAGES[0, 0], "y_train": LABELS}, "LT402", r"x_train is uint8 (5, 3)"),
        ({"x_train": IMAGES[:0], "y_train": LABELS[:0]}, "LT402", "x_train is uint8 (0,"),
        ({"x_train": np.zeros((4, 6, 5, 4), np.uint8), "y_train": LABELS[:4]}, "LT402", "channels"),
        ({"x_train": IMAGES, "y_train": LABELS[1:]}, "LT402", "beside 16 images"),
        ({"x_train": IMAGES, "y_train": LABELS / 1}, "LT402", "y_train is float64"),
        ({"x_train": IMAGES, "y_train": LABELS - 1}, "LT403", "the label -1"),
        ({"x_train": IMAGES, "y_train": LABELS * 0, **TEST}, "LT403", "other labels"),
        (
            {"x_train": IMAGES, "y_train": LABELS * 2, **TEST},
            "LT403",
            "no training image of classes 1 and 3: its labels are 0, 2 and 4",
        ),
        (
            {"x_train": IMAGES, "y_train": LABELS, **TEST, "x_test": IMAGES[:4, 1:]},
            "LT403",
            "shape",
        ),
        ({"x_train": IMAGES, "y_train": LABELS, "class_names": ["a"]}, "LT403", "names 1 class of"),
        ({"x_train": np.array([Trap()] * 3, object), "y_train": LABELS}, "LT402", "Python objects"),
    ],
)
def test_files_that_cannot_be_trained_on(tmp_path, arrays, code, said):
    with pytest.raises(DataError) as caught:
        loaded(tmp_path, **arrays)
    assert (caught.value.code, said in caught.value.message) == (code, True), caught.value.message


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04 and no more", b"\x93NUMPY"])
def test_what_is_no_archive(tmp_path, content):
    path = tmp_path / "data.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=r"data\.npz") as caught:
        load_dataset(Npz(), path, 0.0, 0)
    assert caught.value.code == ("LT401" if content is None else "LT402")


def test_one_array_is_no_archive(tmp_path):
    np.save(tmp_path / "a.npy", IMAGES)
    with pytest.raises(DataError, match=r"not a \.npz archive"):
        load_dataset(Npz(), tmp_path / "a.npy", 0.0, 0)


def test_a_truncated_archive(tmp_path):
    path = tmp_path / "data.npz"
    np.savez_compressed(path, x_train=IMAGES, y_train=LABELS)
    whole = path.read_bytes()
    for end in (10, 300, len(whole) - 30):
        path.write_bytes(whole[:end])
        with pytest.raises(DataError, match="cannot be read"):
            load_dataset(Npz(), path, 0.0, 0)


def test_a_damaged_archive_is_named_wherever_it_is_damaged(tmp_path):
    path = tmp_path / "data.npz"
    np.savez_compressed(path, x_train=IMAGES, y_train=LABELS)
    whole, refused = path.read_bytes(), 0
    for place in range(0, len(whole), 3):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        try:
            load_dataset(Npz(), path, 0.0, 0)
        except DataError:
            refused += 1
    assert refused > len(whole) / 6
