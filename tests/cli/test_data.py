"""`ltdsl data inspect` and `ltdsl data fetch`."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from support.image_files import write_digits


@pytest.fixture
def images(tmp_path):
    root = tmp_path / "images"
    write_digits(root / "train", [120, 40, 6])
    write_digits(root / "test", [4, 4, 4], test=True)
    return root


def test_clean_images(ltdsl, images, golden):
    done = ltdsl("data", "inspect", "images")
    assert done.returncode == 0, done.stdout
    golden("data/clean.txt", done.stdout)


def test_everything_that_can_be_wrong(ltdsl, images, recipe, golden):
    train, test = images / "train", images / "test"
    shutil.copy(train / "digit_0" / "003.png", train / "digit_0" / "again.png")
    shutil.copy(train / "digit_1" / "005.png", train / "digit_2" / "other.png")
    shutil.copy(train / "digit_1" / "000.jpg", test / "digit_1" / "known.jpg")
    broken = train / "digit_2" / "001.png"
    broken.write_bytes(broken.read_bytes()[:-40])
    (test / "digit_2" / "002.jpg").write_bytes(b"")
    (test / "digit_2" / "003.png").write_bytes(b"")
    for other in ("phone.HEIC", "phone2.heic", "README", ".hidden"):
        (test / "digit_2" / other).write_bytes(b"no image")

    done = ltdsl("data", "inspect", "images")
    assert done.returncode == 1
    golden("data/problems.txt", done.stdout.replace(str(images.parent), ""))

    done = ltdsl(
        "data",
        "inspect",
        recipe('dataset = image_folder(path = "images")\ns: ce'),
        "--format",
        "json",
    )
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert found["problems"] == 6
    assert found["other_files"] == {"": 1, ".heic": 2}
    assert [entry["file"] for entry in found["unreadable"]] == [
        "train/digit_2/001.png",
        "test/digit_2/002.jpg",
        "test/digit_2/003.png",
    ]
    assert [group["files"] for group in found["duplicates"]] == [
        ["train/digit_0/003.png", "train/digit_0/again.png"],
        ["train/digit_1/005.png", "train/digit_2/other.png"],
    ]
    assert found["duplicates"][1]["classes"] == ["digit_1", "digit_2"]
    assert found["leaked"] == [
        {"files": ["train/digit_1/000.jpg", "test/digit_1/known.jpg"], "classes": ["digit_1"]}
    ]
    assert found["classes"][0] == {"class": "digit_0", "train": 121, "kept": 121, "test": 4}
    assert found["sides"] == {"min": 16, "median": 16, "max": 16}
    assert found["groups"] == {"many": 1, "medium": 1, "few": 1}


def test_a_longer_tail_and_data_in_memory(ltdsl, recipe, tmp_path):
    path = recipe("s: ce")
    done = ltdsl("data", "inspect", path, "--set", "dataset.imbalance=10", "--format", "json")
    found = json.loads(done.stdout)
    assert (found["imbalance"], found["kept_images"]) == (134 / 13, 544)
    assert found["test_images"] == 400
    images = np.zeros((4, 5, 5), np.uint8)
    images[1:] += np.arange(1, 4, dtype=np.uint8)[:, None, None]
    np.savez(
        tmp_path / "a.npz", x_train=images, y_train=[0, 0, 1, 1], x_test=images[:1], y_test=[0]
    )
    done = ltdsl("data", "inspect", "a.npz", "--format", "json")
    assert json.loads(done.stdout)["leaked"] == [
        {"files": ["train[0]", "test[0]"], "classes": ["0"]}
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("inspect", "nowhere"), 1, "there is no nowhere"),
        (("inspect", "here.bin"), 2, "is neither a recipe"),
        (("inspect", "here.bin", "--data", "x"), 2, "--data goes with a recipe"),
        (("inspect", "here.bin", "--set", "epochs=1"), 2, "--set goes with a recipe"),
        (("inspect", "empty"), 1, "has no class folder"),
        (("inspect", "bad.lt"), 1, "LT102"),
        (("fetch", "imagenet_lt"), 1, "error[LT443]"),
        (("fetch", "digits_lt"), 2, "has nothing to download"),
        (("fetch", "cifar10"), 2, "did you mean cifar10_lt?"),
        (("fetch", "cifar10_lt", "--from", "http://127.0.0.1:9/"), 1, "error[LT440]"),
        (("fetch", "cifar10_lt", "--from", "file:///etc"), 1, "neither https nor http"),
    ],
)
def test_what_is_in_the_way(ltdsl, recipe, tmp_path, arguments, code, said):
    (tmp_path / "here.bin").write_text("x")
    (tmp_path / "empty").mkdir()
    recipe("s: nonsense", "bad.lt")
    done = ltdsl("data", *arguments)
    assert done.returncode == code, done.stderr
    assert said in done.stdout + done.stderr
