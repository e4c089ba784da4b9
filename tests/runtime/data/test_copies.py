"""Images that are there under other names too, byte for byte."""

import os

import numpy as np
import pytest
from ltdsl_runtime.data import load_dataset, survey
from ltdsl_runtime.data.copies import about_copies

from ltdsl.catalogue import DigitsLT, ImageFolder, Npz

SIZE = 5000  # more than the end by which files of one size are told apart


@pytest.fixture
def folder(tmp_path):
    """Files of one size and other contents: none of them is decoded here."""
    random = np.random.default_rng(0)
    for part in ("train", "test"):
        for name in ("cat", "dog"):
            (tmp_path / part / name).mkdir(parents=True)
            for number in range(6):
                (tmp_path / part / name / f"{number}.jpg").write_bytes(random.bytes(SIZE))
    return tmp_path


def copy(folder, source, target):
    (folder / target).write_bytes((folder / source).read_bytes())


def told(folder):
    seen = survey(ImageFolder(), folder, whole=True)
    return [(note.level, note.message) for note in seen.notes if note.code == "LT406"]


def test_nothing_is_alike(folder):
    begin = (folder / "train/cat/0.jpg").read_bytes()
    (folder / "train/cat/1.jpg").write_bytes(begin[:-1] + b"?")  # all but the end
    (folder / "train/cat/2.jpg").write_bytes(b"?" + begin[1:])  # all but the beginning
    for name in ("train/dog/1.jpg", "train/dog/2.jpg"):
        (folder / name).write_bytes(b"")
    assert told(folder) == []


def test_copies_across_parts_are_warned_of(folder):
    copy(folder, "train/cat/0.jpg", "test/cat/9.jpg")
    copy(folder, "train/cat/1.jpg", "test/dog/9.jpg")
    [(level, message)] = told(folder)
    assert level == "warning"
    assert message == (
        "2 test images are copies, byte for byte, of images that are trained on: test/cat/9.jpg = train/cat/0.jpg and "
        "test/dog/9.jpg = train/cat/1.jpg (of classes dog and cat)"
    )


def test_copies_within_a_part(folder):
    for number in (7, 8):
        copy(folder, "train/cat/0.jpg", f"train/cat/{number}.jpg")
    copy(folder, "train/dog/0.jpg", "train/cat/9.jpg")
    assert told(folder) == [
        (
            "warning",
            "1 training image is a copy of another, byte for byte: train/cat/9.jpg = train/dog/0.jpg (of classes cat "
            "and dog)",
        ),
        (
            "advice",
            "2 training images are copies of others, byte for byte: train/cat/0.jpg = train/cat/7.jpg = "
            "train/cat/8.jpg",
        ),
    ]


def test_of_a_part_that_is_drawn(folder):
    for name in ("cat", "dog"):
        for number in range(6):
            copy(folder, f"train/{name}/{number}.jpg", f"train/{name}/b{number}.jpg")
    data = load_dataset(ImageFolder(), folder, 0.5, 0)
    notes = [note for note in about_copies(ImageFolder(), data.parts) if note.level == "warning"]
    assert len(notes) == 1
    assert (
        "validation images are copies, byte for byte, of images that are trained on"
        in notes[0].message
    )


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="a system without pipes")
def test_what_is_no_file_is_left_to_whoever_reads_it(folder):
    data = load_dataset(ImageFolder(), folder, 0.0, 0)
    (folder / "train/cat/0.jpg").unlink()
    (folder / "train/cat/1.jpg").unlink()
    os.mkfifo(folder / "train/cat/1.jpg")
    assert list(about_copies(ImageFolder(), data.parts)) == []


def test_of_arrays(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (8, 4, 4, 3), np.uint8)
    labels = np.arange(8) % 2
    np.savez(tmp_path / "d.npz", x_train=images, y_train=labels, x_test=images[2:3], y_test=[0])
    data = load_dataset(Npz(), tmp_path / "d.npz", 0.0, 0)
    [note] = about_copies(Npz(), data.parts)
    assert note.message == (
        "1 test image is a copy, byte for byte, of images that are trained on: test[0] = train[2]"
    )


def test_a_published_data_set_is_as_it_is():
    data = load_dataset(DigitsLT(), None, 0.0, 0)
    twice = {"train": data.train, "test": data.train}
    assert list(about_copies(DigitsLT(), twice)) == []
