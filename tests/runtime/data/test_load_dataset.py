import subprocess
import sys

import numpy as np
import pytest
from ltdsl_runtime.data import READERS, Reader, cifar, load_dataset
from ltdsl_runtime.data.arrays import ImageArrays, channel_statistics
from ltdsl_runtime.data.errors import DataError
from ltdsl_runtime.data.reading import Reading

from ltdsl.catalogue import Cifar10LT, Cifar100LT, DigitsLT
from ltdsl.longtail import profile_counts, validation_counts


def test_digits():
    data = load_dataset(DigitsLT(imbalance=20.0), None, validation=0.1, split_seed=0)
    before = profile_counts([134] * 10, 20)
    held = validation_counts(before, 0.1)
    assert data.counts == data.train.counts() == tuple(np.subtract(before, held))
    assert data.validation.counts() == held
    assert data.test.counts() == (40,) * 10
    assert set(data.fingerprint) == {"train", "validation", "test"}
    mean, std = channel_statistics(data.train.images)
    assert np.array_equal(data.mean, mean)
    assert np.array_equal(data.std, std)


def test_digits_fingerprint_is_pinned():
    data = load_dataset(DigitsLT(imbalance=20.0), None, validation=0.0, split_seed=0)
    assert data.validation is None
    assert {part: text[:12] for part, text in data.fingerprint.items()} == {
        "train": "a5e48f8f6416",
        "test": "c5baea140c18",
    }


def test_split_seed_changes_training_part_only():
    one, two = (load_dataset(DigitsLT(imbalance=20.0), None, 0.1, seed) for seed in (0, 1))
    assert one.fingerprint["train"] != two.fingerprint["train"]
    assert one.fingerprint["test"] == two.fingerprint["test"]
    assert one.counts == two.counts


def test_profile_is_passed_on():
    dataset = DigitsLT(imbalance=10.0, profile="step")
    data = load_dataset(dataset, None, validation=0.0, split_seed=0)
    assert data.counts == (134,) * 5 + (13,) * 5


@pytest.mark.parametrize("dataset", [Cifar10LT(), Cifar100LT()])
def test_files_need_a_folder(dataset, tmp_path):
    with pytest.raises(DataError) as caught:
        load_dataset(dataset, None, 0.0, 0)
    assert (caught.value.code, caught.value.hint) == ("LT401", "pass --data DIR")
    with pytest.raises(DataError) as caught:
        load_dataset(dataset, tmp_path, 0.0, 0)
    assert caught.value.code == "LT401"


def test_cifar_is_normalised_as_published(arrays, monkeypatch, tmp_path):
    monkeypatch.setitem(
        READERS, "cifar10_lt", Reader(lambda *_: Reading(arrays, arrays), (cifar.MEAN, cifar.STD))
    )
    data = load_dataset(Cifar10LT(imbalance=3.0), tmp_path, 0.0, 0)
    assert data.counts == (3, 2, 1, 1)  # the smallest class gives three
    assert data.mean.dtype == np.float32
    assert np.allclose(data.mean, (0.4914, 0.4822, 0.4465))
    assert np.allclose(data.std, (0.2023, 0.1994, 0.2010))


def test_other_counts_than_planned():
    planned = profile_counts([134] * 10, 20)
    load_dataset(DigitsLT(imbalance=20.0), None, 0.0, 0, expected=planned)
    with pytest.raises(DataError, match=r"134, 9.*were planned") as caught:
        load_dataset(DigitsLT(imbalance=10.0), None, 0.0, 0, expected=planned)
    assert caught.value.code == "LT403"


def test_class_without_images(arrays, monkeypatch):
    pool = arrays.take(np.flatnonzero(arrays.labels != 2))
    monkeypatch.setitem(READERS, "digits_lt", Reader(lambda *_: Reading(pool, pool)))
    with pytest.raises(DataError, match="no training image of class c"):
        load_dataset(DigitsLT(imbalance=2.0), None, 0.0, 0)


def test_channel_statistics(arrays):
    mean, std = channel_statistics(arrays.images)
    scaled = arrays.images.astype(np.float64) / 255
    assert mean.dtype == std.dtype == np.float32
    assert np.allclose(mean, scaled.mean(axis=(0, 2, 3)), rtol=1e-6)
    assert np.allclose(std, scaled.std(axis=(0, 2, 3)), rtol=1e-6)
    mean, std = channel_statistics(np.full((2, 1, 3, 3), 51, np.uint8))
    assert (mean[0], std[0]) == (np.float32(0.2), 1)


def test_arrays_refuse_other_types():
    images, labels = np.zeros((2, 1, 3, 3), np.uint8), np.zeros(2, np.int32)
    wide = labels.astype(np.int64)
    for bad in ((images / 255, labels), (images[0], labels), (images, labels[:1]), (images, wide)):
        with pytest.raises(TypeError):
            ImageArrays(*bad, ("a",))


def test_loading_does_not_import_mindspore():
    code = "import sys, ltdsl_runtime.data, ltdsl_runtime.data.source; print('mindspore' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout == "False\n", result.stderr
