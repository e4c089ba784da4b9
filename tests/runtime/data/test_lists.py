"""Images named in lists, from whoever wrote them."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from ltdsl_runtime.data import load_dataset, survey
from ltdsl_runtime.data.errors import DataError
from ltdsl_runtime.data.listed import published
from ltdsl_runtime.data.listed.published import Published, about_lists, git_name
from ltdsl_runtime.data.lists import load as read_all
from ltdsl_runtime.data.lists import read_list
from support.image_files import write_digits
from support.processes import environment

from ltdsl.catalogue import Annotations, ImageNetLT, INat18


def load(dataset, folder):
    """The training pool and the test part."""
    reading = read_all(dataset, folder)
    return reading.train, reading.test


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Digits, and the same two parts in each of the three kinds of list."""
    root = tmp_path_factory.mktemp("listed")
    parts = {
        "train": write_digits(root / "a", [9, 6, 3]),
        "test": write_digits(root / "b", [2, 2, 2], test=True),
    }
    for name, files in parts.items():
        files = [(path.relative_to(root).as_posix(), label) for path, label in files]
        (root / f"{name}.txt").write_text("".join(f"{path} {label}\n" for path, label in files))
        toolbox = {
            "annotations": [{"fpath": path, "category_id": label} for path, label in files],
            "num_classes": 3,
        }
        (root / f"{name}.json").write_text(json.dumps(toolbox))
        inaturalist = {
            "info": {},
            "images": [{"id": 70 + i, "file_name": path} for i, (path, _) in enumerate(files)],
            "annotations": [
                {"id": i, "image_id": 70 + i, "category_id": label}
                for i, (_, label) in enumerate(files)
            ],
            "categories": [{"id": c, "name": f"digit_{c}"} for c in (2, 0, 1)],
        }
        (root / f"{name}.coco.json").write_text(json.dumps(inaturalist, indent=1))
    return root


def declared(suffix="txt", **changes):
    both = {"train": f"train.{suffix}", "test": f"test.{suffix}"}
    return Annotations(**({"size": 16, "crop": 1.0} | both | changes))


@pytest.mark.parametrize("suffix", ["txt", "json", "coco.json"])
def test_all_kinds_say_the_same(folder, suffix):
    data = load_dataset(declared(suffix), folder, 0.0, 0)
    assert (data.counts, data.test.counts()) == ((9, 6, 3), (2, 2, 2))
    assert data.train.class_names == ("digit_0", "digit_1", "digit_2")
    assert survey(declared(suffix), folder).counts == (9, 6, 3)
    known = load_dataset(declared(), folder, 0.0, 0)
    assert data.fingerprint == known.fingerprint
    assert data.train.batch([0, 17]).shape == (2, 3, 16, 16)


def test_names_of_classes_are_folders_where_each_has_its_own(folder):
    lines = (folder / "train.txt").read_text().splitlines()
    mixed = folder / "mixed.txt"
    mixed.write_text("\n".join([*lines, "a/digit_0/other.png 2"]))
    part, _ = load(declared(train="mixed.txt"), folder)
    assert part.class_names == ("0", "1", "2")


def test_no_test_list_holds_out(folder):
    train, test = load(declared(test=None, holdout=0.34), folder)
    assert (train.counts(), test.counts()) == ((6, 4, 2), (3, 2, 1))


def test_paths_with_spaces_and_blank_lines(tmp_path):
    (tmp_path / "list.txt").write_text("\n my photos/a b.jpg 3\n\nother.jpg\t 0\n")
    listing = read_list(tmp_path / "list.txt")
    assert list(listing.names) == ["my photos/a b.jpg", "other.jpg"]
    assert listing.labels.tolist() == [3, 0]


JSON = '{"annotations": [{"fpath": %s, "category_id": %s}], "num_classes": %s}'


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        (None, "LT401", "list is missing"),
        ("", "LT401", "names no image"),
        ("a.jpg\n", "LT402", "line 1 is not `path label`"),
        ("a.jpg 0\nb.jpg one\n", "LT402", "line 2 is not `path label`"),
        ("a.jpg -1\n", "LT402", "line 1 is not `path label`"),
        ("a.jpg 99999999999\n", "LT402", "line 1 has the label 99999999999"),
        ("a.jpg 0\nb.jpg 1999999999\n", "LT403", "2 images of 2,000,000,000 classes"),
        (JSON % ('"a"', "0", 10**13), "LT403", "1 image of 10,000,000,000,000 classes"),
        ("a.jpg ²\n", "LT402", "line 1 is not `path label`"),
        ("../../etc/passwd 0\n", "LT402", "names ../../etc/passwd, outside"),
        ("a/../../b.jpg 0\n", "LT402", "outside the data set's folder"),
        ("/etc/passwd 0\n", "LT402", "no relative path"),
        ("C:\\images\\a.jpg 0\n", "LT402", "no relative path"),
        ("a\0.jpg 0\n", "LT402", "line 1 names no file"),
        (b"\xff\xfe\x00", "LT402", "is no list of images"),
        ("{", "LT402", "is no list of images"),
        ("[" * 100_000, "LT402", "line 1 is not `path label`"),
        ('{"a":' + "[" * 100_000, "LT402", "is no list of images"),
        ("{}", "LT402", "it lacks 'annotations'"),
        ('{"annotations": [3]}', "LT402", "list: "),
        ('{"annotations": 3}', "LT402", "list: "),
        ('{"annotations": [{"fpath": "a"}]}', "LT402", "it lacks 'category_id'"),
        (JSON % ('"a"', "-1", 3), "LT402", "annotation 1 has the label -1"),
        (JSON % ('"a"', "1.5", 3), "LT402", "annotation 1 has the label 1.5"),
        (JSON % ('"a"', "true", 3), "LT402", "annotation 1 has the label True"),
        (JSON % ('"a"', "3", 3), "LT403", "has the label 3, and is of 3 classes"),
        (JSON % ('"a"', "0", '"3"'), "LT402", "num_classes is '3'"),
        (JSON % ("[1]", "0", 3), "LT402", "annotation 1 names no file"),
        (JSON % ('"../a"', "0", 3), "LT402", "names ../a, outside"),
        (
            '{"images": [{"id": 1, "file_name": "a"}], "annotations": [{"image_id": 2, "category_id": 0}]}',
            "LT402",
            "it lacks 2",
        ),
        (
            '{"images": [], "annotations": [], "categories": [{"id": 5, "name": "x"}]}',
            "LT401",
            "names no image",
        ),
    ],
)
def test_lists_that_cannot_be_trained_on(tmp_path, text, code, said):
    path = tmp_path / "list"
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DataError) as caught:
        load(declared(train="list", test=None), tmp_path)
    assert (caught.value.code, said in caught.value.message) == (code, True), caught.value.message
    assert caught.value.hint


def test_labels_of_the_test_list_fit(folder):
    (folder / "odd.txt").write_text("b/digit_0/000.jpg 7\n")
    with pytest.raises(
        DataError, match=r"odd.txt has the label 7, and the training list has 3 classes"
    ):
        load(declared(test="odd.txt"), folder)


def test_a_named_file_that_is_missing(folder):
    lines = (folder / "train.txt").read_text()
    (folder / "short.txt").write_text(lines + "a/digit_0/gone.png 0\n")
    with pytest.raises(DataError, match=r"gone.png is missing") as caught:
        load_dataset(declared(train="short.txt"), folder, 0.0, 0)
    assert caught.value.code == "LT401"


def test_published_lists_are_recognised(tmp_path):
    counts = np.full(1000, 115)
    counts[:846] += 1
    labels = np.repeat(np.arange(1000), counts)
    lines = [f"train/n{label:08d}/{i}.JPEG {label}\n" for i, label in enumerate(labels)]
    (tmp_path / "ImageNet_LT_train.txt").write_text("".join(lines))
    (tmp_path / "ImageNet_LT_test.txt").write_text("val/x.JPEG 0\n")
    assert survey(ImageNetLT(), tmp_path).counts == tuple(counts)
    (tmp_path / "ImageNet_LT_train.txt").write_text("".join(lines[1:]))
    with pytest.raises(
        DataError, match=r"115,845 images of 1,000 classes; imagenet_lt has 115,846"
    ):
        survey(ImageNetLT(), tmp_path)


PLAN_EPOCHS = """
import resource, sys
from pathlib import Path
from ltdsl.catalogue import SAMPLERS, Annotations
from ltdsl_runtime.data.lists import load
from ltdsl_runtime.data.source import StageSource
from ltdsl_runtime.data.split import long_tailed_split
from ltdsl_runtime.tricks.samplers import Moment, order

def most():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

before = most()
train = load(Annotations(train="train.txt", test="test.txt"), Path(sys.argv[1])).train
assert (len(train), len(train.class_names)) == (437_513, 8_142)
part = train.take(long_tailed_split(train.labels, train.counts(), 0.1, 0).train)
for name in ("instance_balanced", "class_balanced"):
    source = StageSource(
        part,
        lambda epoch: order(SAMPLERS[name](), part.labels, Moment(0, epoch)),
        batch_size=512, first_epoch=0, epochs=100, seed=0,
    )
    assert source.labels(57).shape == (source.steps, 512)
print((most() - before) // 1024)
"""


def test_half_a_million_images_take_little_memory(tmp_path):
    """iNaturalist 2018's size; its pixels at 224 × 224 would be 61 GiB."""
    rng = np.random.default_rng(0)
    images, classes = INat18.published
    falling = 500.0 ** (-np.arange(classes) / classes)
    counts = 2 + rng.multinomial(images - 2 * classes, falling / falling.sum())
    labels = rng.permutation(np.repeat(np.arange(classes), counts)).tolist()
    folder = "train_val2018/Plantae/7477"
    with (tmp_path / "train.txt").open("w") as file:
        file.writelines(f"{folder}/{i:032x}.jpg {label}\n" for i, label in enumerate(labels))
    (tmp_path / "test.txt").write_text(f"{folder}/{0:032x}.jpg 0\n")
    done = subprocess.run(
        [sys.executable, "-c", PLAN_EPOCHS, tmp_path],
        capture_output=True,
        text=True,
        env=environment(),
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 300, "MiB"


def test_it_is_told_which_lists_are_published_ones(folder, monkeypatch):
    named = {part: folder / f"{part}.txt" for part in ("train", "test")}
    git = shutil.which("git") or pytest.skip("no git")
    told = subprocess.run(
        [git, "hash-object", "--no-filters", *named.values()],
        capture_output=True,
        text=True,
        check=True,
    )
    names = dict(zip(named, told.stdout.split(), strict=True))
    assert {part: git_name(path) for part, path in named.items()} == names

    assert list(about_lists("annotations", named)) == []
    assert [note.level for note in about_lists("imagenet_lt", named)] == ["advice", "advice"]
    lists = {
        names["train"]: Published("Places-LT", "training"),
        names["test"]: Published("Places-LT", "test"),
    }
    monkeypatch.setattr(published, "PUBLISHED", lists)
    notes = read_all(declared(test="test.txt"), folder).notes
    assert any(
        "train.txt is the training list of Places-LT, as published" in n.message for n in notes
    )
    swapped = {"train": named["test"], "test": named["train"]}
    assert [n.level for n in about_lists("annotations", swapped)] == ["info", "warning"] * 2
