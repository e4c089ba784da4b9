import hashlib

import numpy as np
import pytest
from ltdsl_runtime.data.errors import DataError
from ltdsl_runtime.data.split import fingerprint, long_tailed_split

from ltdsl.longtail import profile_counts, validation_counts


@pytest.fixture(scope="module")
def labels():
    return np.random.default_rng(1).permutation(np.repeat(np.arange(10, dtype=np.int32), 200))


def test_takes_the_counts_it_was_asked_for(labels):
    counts = profile_counts([200] * 10, 50)
    split = long_tailed_split(labels, counts, 0.1, split_seed=0)
    held = validation_counts(counts, 0.1)
    assert tuple(np.bincount(labels[split.validation], minlength=10)) == held
    kept = np.concatenate(split)
    assert tuple(np.bincount(labels[kept], minlength=10)) == counts
    assert len(np.unique(kept)) == len(kept)
    for part in split:
        assert part.dtype == np.int64
        assert np.all(np.diff(part) > 0)


def test_seed_decides(labels):
    counts = profile_counts([200] * 10, 50)
    first, again, other = (long_tailed_split(labels, counts, 0.1, seed) for seed in (0, 0, 1))
    assert all(map(np.array_equal, first, again))
    assert not np.array_equal(first.train, other.train)


@pytest.mark.parametrize("validation", [0.0, 0.1, 0.35])
def test_nested(labels, validation):
    train, kept = None, None
    for imbalance in (1, 2, 10, 50, 100):
        counts = profile_counts([200] * 10, imbalance)
        split = long_tailed_split(labels, counts, validation, split_seed=4)
        if train is not None:
            assert set(split.train) <= train
            assert set(np.concatenate(split)) <= kept
        train, kept = set(split.train), set(np.concatenate(split))


def test_class_does_not_depend_on_others(labels):
    one = long_tailed_split(labels, [200] * 10, 0.1, split_seed=0)
    two = long_tailed_split(labels, [20] * 9 + [200], 0.1, split_seed=0)
    for a, b in zip(one, two, strict=True):
        assert np.array_equal(a[labels[a] == 9], b[labels[b] == 9])


def published(labels, counts, seed=0):
    """The images that LDAM-DRW keeps: `gen_imbalanced_data` of its imbalance_cifar.py."""
    np.random.seed(seed)  # noqa: NPY002
    kept = []
    for the_class, the_img_num in zip(np.unique(labels), counts, strict=True):
        idx = np.where(labels == the_class)[0]
        np.random.shuffle(idx)  # noqa: NPY002
        kept.append(idx[:the_img_num])
    return np.concatenate(kept)


@pytest.mark.parametrize(("profile", "seed"), [("exponential", 0), ("step", 0), ("exponential", 3)])
def test_the_published_split_keeps_the_published_images(labels, profile, seed):
    counts = profile_counts([200] * 10, 100, profile)
    split = long_tailed_split(labels, counts, 0.0, seed, choice="cao")
    assert np.array_equal(split.train, np.sort(published(labels, counts, seed)))
    held = long_tailed_split(labels, counts, 0.1, seed, choice="cao")
    assert np.array_equal(np.sort(np.concatenate(held)), split.train)


def test_the_published_counts_are_those_of_the_profile():
    for imbalance in (10, 20, 50, 100, 200):
        theirs = [int(5000 * (1 / imbalance) ** (c / 9.0)) for c in range(10)]
        assert list(profile_counts([5000] * 10, imbalance)) == theirs


def test_too_few_images(labels):
    with pytest.raises(DataError, match="class 3 has 200 images") as caught:
        long_tailed_split(labels, [1, 1, 1, 201, 1, 1, 1, 1, 1, 1], 0.0, 0)
    assert caught.value.code == "LT403"


def test_choice_is_pinned(labels):
    """What split_seed 0 keeps is part of every published figure: it must never change."""
    split = long_tailed_split(labels, profile_counts([200] * 10, 100), 0.1, split_seed=0)
    digest = hashlib.sha256(np.concatenate(split).astype("<i8").tobytes()).hexdigest()
    assert digest[:16] == "4c0acf27998dc2fd"


def test_fingerprint_is_of_the_data(arrays):
    images, labels = arrays.images, arrays.labels
    base = fingerprint(labels, images)
    assert len(base) == 64
    assert base == fingerprint(labels.copy(), images.copy())
    assert base == fingerprint(labels.astype(">i8"), np.asfortranarray(images))
    assert base != fingerprint(labels[::-1], images[::-1])
    assert base != fingerprint(labels[:-1], images[:-1])
    for position in ((3, 0, 0, 0), (59, 1, 5, 4)):
        pixel = images.copy()
        pixel[position] ^= 1
        assert base != fingerprint(labels, pixel)
    relabelled = labels.copy()
    relabelled[5] = 3 - relabelled[5]
    assert base != fingerprint(relabelled, images)
    assert base != fingerprint(labels, images.reshape(60, 2, 5, 6))
    with pytest.raises(TypeError):
        fingerprint(labels, images.astype(np.float32))


def test_fingerprint_is_what_is_documented(arrays):
    content = np.array(arrays.images.shape, "<i8").tobytes()
    content += arrays.images.tobytes() + arrays.labels.astype("<i4").tobytes()
    assert fingerprint(arrays.labels, arrays.images) == hashlib.sha256(content).hexdigest()
