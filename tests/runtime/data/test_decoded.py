"""Images that are decoded once: the same pixels, found as long as nothing that they depend on has changed."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import pytest
from ltdsl_runtime.data import decoded as decoded_module
from ltdsl_runtime.data import load_dataset
from ltdsl_runtime.data.augment import RandomHorizontalFlip, RandomResizedCrop
from ltdsl_runtime.data.augment.colour import ColorJitter
from ltdsl_runtime.data.decoded import decoded_once
from ltdsl_runtime.data.files import ImageFiles
from ltdsl_runtime.data.image import View
from ltdsl_runtime.data.source import StageSource
from PIL import Image

from ltdsl.cache import DECODED_IMAGES, Store
from ltdsl.catalogue import ImageFolder

CROP = (RandomResizedCrop(0.08, 4 / 3), RandomHorizontalFlip(), ColorJitter(0.4, 0.4, 0.4))
PLAIN = (RandomHorizontalFlip(), ColorJitter(0.4, 0.4, 0.4))


@pytest.fixture(autouse=True)
def _kept(monkeypatch):
    monkeypatch.delenv("LTDSL_NO_CACHE")


@pytest.fixture
def folder(tmp_path):
    """Photographs of many sizes, colours and formats."""
    rng = np.random.default_rng(3)
    for part, count in (("train", 12), ("test", 5)):
        for number in range(count):
            place = tmp_path / "images" / part / "ab"[number % 2]
            place.mkdir(parents=True, exist_ok=True)
            shape = (20 + 3 * number, 31 - number, 3)
            image = Image.fromarray(rng.integers(0, 256, shape, dtype=np.uint8))
            ending = ("jpg", "png", "webp")[number % 3]
            image.convert(("RGB", "L")[number % 4 == 3]).save(place / f"{number}.{ending}")
    return tmp_path / "images"


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "cache", 10**8)


def load(folder, size=16):
    return load_dataset(ImageFolder(size=size, crop=0.875), folder, 0.25, 0)


def batches(part, chain):
    indices = np.arange(len(part))
    return StageSource(
        part, lambda epoch: np.roll(indices, epoch), 4, 0, 2, seed=5, augmentation=chain
    )


def assert_same_batches(ours, theirs, chain):
    for one, other in zip(batches(ours, chain), batches(theirs, chain), strict=True):
        np.testing.assert_array_equal(one[0], other[0])


@pytest.fixture
def no_decoding(monkeypatch):
    """Fails whoever decodes a file from here on."""

    def forbid():
        monkeypatch.setattr(View, "open", lambda *_: pytest.fail("decoded again"))

    return forbid


@pytest.mark.parametrize(("cropped", "chain"), [(True, CROP), (False, PLAIN), (False, ())])
def test_batches_are_the_same_and_no_file_is_read(folder, store, no_decoding, cropped, chain):
    plain = load(folder)
    once = decoded_once(plain, cropped, store)
    expected = [batch[0] for batch in batches(plain.train, chain)]
    parts = [(getattr(plain, name), getattr(once, name)) for name in ("validation", "test")]
    evaluated = [plain_part.batch(range(len(plain_part))) for plain_part, _ in parts]
    no_decoding()
    for batch, wanted in zip(batches(once.train, chain), expected, strict=True):
        np.testing.assert_array_equal(batch[0], wanted)
    for (_, part), wanted in zip(parts, evaluated, strict=True):
        np.testing.assert_array_equal(part.batch(range(len(part))), wanted)
    again = decoded_once(load(folder), cropped, store)  # of another run
    for batch, wanted in zip(batches(again.train, chain), expected, strict=True):
        np.testing.assert_array_equal(batch[0], wanted)


def test_whole_images_are_seen_as_evaluation_sees_them(folder, store):
    plain = load(folder)
    assert_same_batches(decoded_once(plain, True, store).train, plain.train, PLAIN)


def test_a_crop_of_images_that_were_resized_is_cut_from_the_file(folder, store):
    plain = load(folder)
    assert_same_batches(decoded_once(plain, False, store).train, plain.train, CROP)


def test_grey_images(folder, store):
    plain = load(folder).train
    grey = replace(plain, view=View(1, 16, 16))
    data = replace(load(folder), train=grey)
    for cropped, chain in ((True, CROP[:2]), (False, PLAIN[:1])):
        assert_same_batches(decoded_once(data, cropped, store).train, grey, chain)


def test_taken_images_keep_their_pixels(folder, store, no_decoding):
    plain = load(folder).train
    once = decoded_once(load(folder), False, store).train
    wanted = plain.take([5, 1, 3]).batch([2, 0])
    no_decoding()
    np.testing.assert_array_equal(once.take([5, 1, 3]).batch([2, 0]), wanted)
    assert once.fingerprint() == plain.fingerprint()


@pytest.mark.parametrize("how", ["content", "time", "size"])
def test_what_was_changed_is_decoded_anew(folder, store, how):
    before = decoded_once(load(folder), False, store)
    path = before.train.path(0)
    if how == "content":  # of as many bytes, with the time of before
        info = path.stat()
        other = path.with_name("other.png")
        Image.new("RGB", (40, 40), (255, 0, 0)).save(other)
        other.replace(path)
        os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns))
    elif how == "time":
        os.utime(path, (1, 1))
    size = 24 if how == "size" else 16
    after = decoded_once(load(folder, size), False, store)
    assert len(store.entries(DECODED_IMAGES)) > 3 - (how != "size")
    np.testing.assert_array_equal(after.train.batch([0]), load(folder, size).train.batch([0]))


def test_another_decoder_decodes_anew(folder, store, monkeypatch):
    decoded_once(load(folder), False, store)
    count = len(store.entries(DECODED_IMAGES))
    monkeypatch.setattr(decoded_module.PIL, "__version__", "0.0")
    decoded_once(load(folder), False, store)
    assert len(store.entries(DECODED_IMAGES)) == 2 * count


def test_what_takes_too_much_is_not_kept(folder, tmp_path, monkeypatch):
    for store in (Store(tmp_path / "small", 100), Store(tmp_path / "none", 0)):
        once = decoded_once(load(folder), True, store)
        assert once.train.decoded is once.test.decoded is None
        assert store.entries() == []
    monkeypatch.setattr(decoded_module, "memory_limit", lambda: 1000)
    roomy = Store(tmp_path / "roomy", 10**8)
    assert decoded_once(load(folder), True, roomy).train.decoded is None
    assert decoded_once(load(folder), False, roomy).train.decoded is not None


def test_more_than_was_expected_is_given_up(folder, store, monkeypatch):
    monkeypatch.setattr(decoded_module, "_expected", lambda *_: 0.0)
    small = Store(store.folder, 2000)
    assert decoded_once(load(folder), True, small).train.decoded is None
    assert small.entries() == []


def test_a_damaged_image_is_told_by_whoever_needs_it(folder, store):
    data = load(folder)
    data.train.path(2).write_bytes(b"no image")
    assert decoded_once(data, False, store).train.decoded is None
    assert decoded_once(data, False, store).test.decoded is not None


def test_a_file_that_changes_meanwhile(folder, store, monkeypatch):
    data, seen = load(folder), []

    def identity(part):
        seen.append(part)
        return f"{len(seen)}"

    monkeypatch.setattr(decoded_module, "identity", identity)
    assert decoded_once(data, False, store).train.decoded is None


def test_nothing_is_kept_where_nobody_wants_it(folder, store, monkeypatch):
    monkeypatch.setenv("LTDSL_NO_CACHE", "1")
    assert decoded_once(load(folder), False, store).train.decoded is None


def test_images_in_memory_stay_as_they_are(arrays, store, folder):
    data = replace(load(folder), train=arrays, validation=None)
    assert decoded_once(data, True, store).train is arrays
    assert isinstance(decoded_once(data, True, store).test, ImageFiles)
