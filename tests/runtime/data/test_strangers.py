"""Data sets from a stranger: nothing among their files makes a reader wait, or takes its memory."""

from __future__ import annotations

import io
import os
import struct
import time
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from ltdsl_runtime.data import read
from ltdsl_runtime.data.errors import DataError
from ltdsl_runtime.data.image import LONGEST_SIDE, View
from ltdsl_runtime.data.inspect import inspect
from ltdsl_runtime.use.predict import find_images
from PIL import Image, ImageFile

from ltdsl.catalogue import Annotations, ImageFolder, Npz
from ltdsl.system.memory import memory_limit

VIEW = View.square(8, 1.0)


def picture(path, value=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (9, 9), (value, 0, 0)).save(path)
    return path


def png(width, height):
    """A PNG of a few bytes that claims a size."""

    def chunk(kind, content):
        check = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    content = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + content


def pipe(path):
    os.mkfifo(path)


def zeros(path):
    path.symlink_to("/dev/zero")


def sparse(path):
    with path.open("wb") as file:
        file.truncate(1 << 40)


@pytest.fixture
def folder(tmp_path):
    """Two classes of three images."""
    for name in "ab":
        for number in range(3):
            picture(tmp_path / name / f"{number}.png", 10 * number + ord(name))
    return tmp_path


@pytest.mark.parametrize("made", [pipe, zeros, sparse])
def test_what_is_no_file_among_images_is_named(folder, made):
    made(folder / "a" / "9.png")
    with pytest.raises(DataError, match=r"it is a pipe|it is a device|larger than") as caught:
        VIEW.open(folder / "a" / "9.png")
    assert caught.value.code == "LT402"
    found = read(ImageFolder(size=8), folder)
    pool, test = found.train, found.test
    unreadable = [name for part in (pool, test) for name in part.unreadable()]
    found = inspect({"train": pool, "test": test}).unreadable
    assert unreadable in ([], ["a/9.png"])  # those that are no file at all are not counted
    assert [image.name for image, _ in found] == unreadable


@pytest.mark.parametrize("made", [pipe, zeros, sparse])
@pytest.mark.parametrize("name", ["list.txt", "list.json", "data.npz"])
def test_what_is_no_file_in_place_of_one_is_named(folder, made, name):
    made(folder / name)
    if name.endswith("npz"):
        dataset, place = Npz(path=name), folder / name
    else:
        dataset, place = Annotations(train=name), folder
    with pytest.raises(DataError) as caught:
        read(dataset, place)
    assert caught.value.code in ("LT401", "LT402")


@pytest.mark.parametrize("target", ["/", "..", "."])
def test_a_class_that_is_a_link_to_all_of_the_disk_ends(folder, target):
    (folder / "data").mkdir()
    for name in "ab":
        (folder / name).rename(folder / "data" / name)
    (folder / "data" / "c").symlink_to(target)
    start = time.monotonic()
    with pytest.raises(DataError) as caught:
        read(ImageFolder(size=8), folder / "data")
    assert "class c" in str(caught.value)
    assert time.monotonic() - start < 20


def test_links_to_images_and_classes_are_read(folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    picture(other / "images" / "0.png", 7)
    picture(other / "images" / "1.png", 8)
    (folder / "c").symlink_to(other / "images")
    (folder / "a" / "link.png").symlink_to(other / "images" / "0.png")
    found = read(ImageFolder(size=8), folder)
    pool, test = found.train, found.test
    assert len(pool) + len(test) == 9
    assert pool.class_names == ("a", "b", "c")


def test_patterns_follow_no_circle(folder):
    (folder / "a" / "up").symlink_to("..")
    picture(folder / ".hidden" / "x.png")
    found = find_images([f"{folder}/**/*.png"])
    assert found == sorted(folder / name / f"{number}.png" for name in "ab" for number in range(3))
    assert find_images([f"{folder}/.hidden/*.png"]) == [folder / ".hidden" / "x.png"]


@pytest.mark.parametrize(
    ("width", "height"), [(100_000_000, 1), (1, 100_000_000), (2**31 - 1, 2**31 - 1), (65_536, 1)]
)
def test_a_size_that_no_image_has_is_refused_before_it_is_decoded(
    tmp_path, monkeypatch, width, height
):
    path = tmp_path / "x.png"
    path.write_bytes(png(width, height))
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda _: pytest.fail("it is decoded"))
    with pytest.raises(DataError, match=r"pixels, more than|could be decompression bomb") as caught:
        VIEW.open(path)
    assert caught.value.code == "LT402"


def test_the_longest_image_is_read(tmp_path):
    Image.new("L", (LONGEST_SIDE, 1)).save(tmp_path / "x.png")
    assert VIEW(VIEW.open(tmp_path / "x.png")).shape == (3, 8, 8)


def test_too_little_memory_for_an_image_is_said_of_it(tmp_path, monkeypatch):
    picture(tmp_path / "x.png")

    def load(_):
        raise MemoryError

    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    with pytest.raises(DataError, match=r"x\.png cannot be read: there is too little memory"):
        VIEW.open(tmp_path / "x.png")


def test_an_image_in_memory_can_be_read_again(tmp_path):
    content = io.BytesIO(picture(tmp_path / "x.png").read_bytes())
    VIEW.open(tmp_path / "x.png", content)
    assert not content.closed


def archive(path, claimed):
    """A small .npz whose first array claims a size when it is unpacked."""
    np.savez_compressed(path, x_train=np.zeros((4, 8, 8), np.uint8), y_train=np.arange(4) % 2)
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\x01\x02")  # the first entry of the directory
    struct.pack_into("<I", data, at + 24, claimed)
    path.write_bytes(data)


def test_archives_that_unpack_to_all_memory_are_refused(tmp_path, monkeypatch):
    path = tmp_path / "x.npz"
    archive(path, 4_000_000_000)
    with zipfile.ZipFile(path) as file:
        assert file.infolist()[0].file_size == 4_000_000_000
    monkeypatch.setattr("ltdsl_runtime.data.npz.memory_limit", lambda: 2 << 30)
    with pytest.raises(DataError, match="more than this machine has memory"):
        read(Npz(path="x.npz"), path)


def test_a_head_that_claims_terabytes_takes_none(tmp_path):
    path = tmp_path / "x.npz"
    head = "{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000000, 8, 8), }"
    array = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head) + 1) + head.encode() + b"\n"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("x_train.npy", array)
        file.writestr("y_train.npy", array)
    with pytest.raises(DataError, match="cannot be read") as caught:
        read(Npz(path="x.npz"), path)
    assert caught.value.code == "LT402"


def test_memory_is_known():
    limit = memory_limit()
    assert limit is None or limit > 1 << 28
    assert Path("/proc/meminfo").exists() <= (limit is not None)
