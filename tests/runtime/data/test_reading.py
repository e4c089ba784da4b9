"""Data sets as people have them: all of what is there is used as it is meant, or named."""

import json
import subprocess
import sys
import unicodedata

import numpy as np
import pytest
from ltdsl_runtime.data import load_dataset, read, survey
from ltdsl_runtime.data.errors import DataError
from ltdsl_runtime.data.inspect import inspect
from PIL import Image
from support.processes import environment

from ltdsl.catalogue import Annotations, ImageFolder, Npz

RNG = np.random.default_rng(0)


def picture():
    return Image.fromarray(RNG.integers(0, 256, (8, 8, 3), dtype=np.uint8))


def write(folder, count, ending=".png", start=0):
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(start, start + count):
        form = {"format": "JPEG"} if ending == ".jfif" else {}
        picture().save(folder / f"{number:02d}{ending}", **form)


def folders(root, **counts):
    for name, count in counts.items():
        write(root / name.replace("__", "/"), count)


def looked(root, **changes):
    return read(ImageFolder(**({"size": 8, "crop": 1.0} | changes)), root, anyhow=True)


def listed(root, **changes):
    return read(Annotations(**({"train": "train.txt", "size": 8} | changes)), root, anyhow=True)


def said(reading):
    return "\n".join(note.message for note in reading.notes if note.level != "info")


# --- folders


@pytest.mark.parametrize(
    ("layout", "classes", "train", "test", "validation", "told"),
    [
        # a class may be called as a part is
        ({"bus": 6, "car": 8, "train": 4}, "bus car train", 14, 4, None, ""),
        # a test part without labels gives way to a validation part that has them
        ({"train__a": 6, "train__b": 4, "val__a": 2, "val__b": 2, "test": 5}, "a b", 10, 4, None,
         "test (5 images), which are in no class folder"),
        ({"train__a": 6, "train__b": 4, "val__a": 2, "val__b": 2, "test__unknown": 5}, "a b", 10, 4,
         None, "have no class of the training part"),
        # one beside a test part is what the data validate with
        ({"train__a": 6, "train__b": 4, "val__a": 2, "test__a": 1, "test__b": 1}, "a b", 10, 2, 2, ""),
        ({"Train__a": 6, "Train__b": 4, "Test__a": 1, "Test__b": 1}, "a b", 10, 2, None, ""),
        ({"seg_train__a": 6, "seg_train__b": 4, "seg_test__a": 1, "seg_pred": 3}, "a b", 10, 1, None,
         "seg_pred (3 images)"),
        ({"seg_train__seg_train__a": 6, "seg_train__seg_train__b": 4, "seg_test__seg_test__a": 1},
         "a b", 10, 1, None, ""),
        ({"train__a": 6, "train__b": 4, "test__a": 1, "c": 3}, "a b", 10, 1, None, "/c (3 images), beside train/"),
        ({"steam_train": 5, "electric_train": 5}, "electric_train steam_train", 8, 2, None, ""),
    ],
)  # fmt: skip
def test_layouts(tmp_path, layout, classes, train, test, validation, told):
    root = tmp_path / "D"
    folders(root, **layout)
    reading = looked(root)
    assert " ".join(reading.train.class_names) == classes
    assert (len(reading.train), len(reading.test)) == (train, test)
    found = reading.validation
    assert (None if found is None else len(found)) == validation
    assert told in said(reading)
    assert told or not said(reading)


def test_a_picture_and_its_mask_stay_in_one_part(tmp_path):
    root = tmp_path / "D"
    for name in ("a", "b"):
        write(root / name, 20, ".jpg")
        write(root / name, 20, ".png")
    reading = looked(root, holdout=0.5)
    stems = [{name.rsplit(".", 1)[0] for name in part.names} for part in reading.parts.values()]
    assert not stems[0] & stems[1]
    assert len(reading.train) == len(reading.test) == 40
    assert "40 names are there with more than one ending" in said(reading)


def test_equal_names_of_two_classes_are_two_images(tmp_path):
    folders(tmp_path / "D", a=10, b=10)
    reading = looked(tmp_path / "D")
    assert reading.train.units is None
    assert not said(reading)


@pytest.mark.parametrize(
    ("layout", "level", "told"),
    [
        # somebody named the folder above
        ({"Dataset__0": 2, "Dataset__1": 3, "Examples": 2}, "advice", "class Dataset is made of 2 folders, 0 and 1"),
        ({"first__train__a": 2, "first__test__a": 2, "other": 3}, "warning", "made of 2 folders, test and train"),
        # a class may have one folder in it, or folders beside images
        ({"a__Imgs": 3, "b": 3}, None, ""),
        ({"a__more": 3, "a__most": 3, "a": 2, "b": 3}, None, ""),
    ],
)  # fmt: skip
def test_classes_that_are_made_of_folders(tmp_path, layout, level, told):
    root = tmp_path / "D"
    folders(root, **layout)
    reading = looked(root)
    assert told in said(reading)
    assert [note.level for note in reading.notes] == [level] * (level is not None)


def test_files_beside_folders_are_named_by_inspect(tmp_path):
    folders(tmp_path / "D", train__a=3, train__b=3, test__a=1, test__b=1)
    (tmp_path / "D" / "train.csv").write_text("image,label\n")
    (tmp_path / "D" / "train" / "README").write_text("read me")
    reading = looked(tmp_path / "D")
    assert not said(reading)
    notes = " ".join(note.message for note in reading.notes)
    assert "such as train.csv" in notes
    assert "such as train/README" in notes


def test_a_part_or_a_class(tmp_path):
    folders(tmp_path / "D", bus=3, car=3, train__steam=3, train__diesel=3)
    with pytest.raises(DataError, match="bus and car beside train/") as caught:
        looked(tmp_path / "D")
    assert caught.value.code == "LT403"


def test_what_lies_beside_class_folders(tmp_path):
    folders(tmp_path, a=6, b=5)
    write(tmp_path, 7, ".jpg")
    write(tmp_path / "__MACOSX" / "a", 3)
    write(tmp_path / ".ipynb_checkpoints", 2)
    (tmp_path / "a" / "._00.png").write_bytes(b"\0\5\x16\7")
    (tmp_path / "a" / ".DS_Store").write_bytes(b"x")
    (tmp_path / "a" / "phone.HEIC").write_bytes(b"x")
    (tmp_path / "b" / "labels.csv").write_text("x")
    write(tmp_path / "b", 2, ".jfif", start=50)
    reading = looked(tmp_path)
    assert sum(reading.train.counts()) + sum(reading.test.counts()) == 13
    assert reading.train.class_names == ("a", "b")
    assert "7 images right in" in said(reading)
    assert "1 .heic, such as a/phone.HEIC" in said(reading)
    assert ".csv" not in said(reading)
    quiet = [note.message for note in reading.notes if note.level == "info"]
    assert any("1 folder that macOS adds" in text for text in quiet)
    assert any("hidden" in text for text in quiet)
    assert any(".csv" in text for text in quiet)


def test_predictions_and_evaluation_walk_as_training_does(tmp_path):
    from ltdsl_runtime.use.predict import find_images

    folders(tmp_path, a=2, a__deeper=1)
    write(tmp_path / ".ipynb_checkpoints", 2)
    (tmp_path / "a" / "._00.png").write_bytes(b"\0\5\x16\7")
    write(tmp_path / "a", 1, ".jfif", start=9)
    names = [path.relative_to(tmp_path).as_posix() for path in find_images([str(tmp_path)])]
    assert names == ["a/00.png", "a/01.png", "a/09.jfif", "a/deeper/00.png"]


def test_a_name_in_two_unicode_forms(tmp_path):
    one, other = (unicodedata.normalize(form, "café") for form in ("NFC", "NFD"))
    assert one != other
    folders(tmp_path, **{f"train__{one}": 4, "train__tea": 3, f"test__{other}": 2, "test__tea": 1})
    reading = looked(tmp_path)
    assert (reading.train.counts(), reading.test.counts()) == ((4, 3), (2, 1))
    write(tmp_path / "train" / other, 2)
    merged = looked(tmp_path)
    assert merged.train.counts() == (6, 3)
    assert "2 folders in train are called café" in said(merged)


def test_names_in_no_encoding(tmp_path):
    folders(tmp_path, a=5)
    odd = tmp_path / "caf\udce9"
    write(odd, 4)
    reading = looked(tmp_path)
    assert reading.train.class_names == ("a", r"caf\xe9")
    json.dumps(reading.train.class_names, ensure_ascii=False).encode()
    reading.train.batch(range(len(reading.train)))


def test_all_classes_of_one_image_are_named_and_counted(tmp_path):
    folders(tmp_path, ant=6, bee=1, cat=1)
    reading = looked(tmp_path)
    assert reading.train.counts() == (5, 1, 1)
    assert "classes bee and cat have one image each" in reading.problems[0].message
    with pytest.raises(DataError, match="bee and cat"):
        read(ImageFolder(), tmp_path)


def test_capital_letters_are_not_the_same_name(tmp_path):
    folders(tmp_path, train__Cat=2, train__dog=2, test__cat=1)
    with pytest.raises(DataError, match="has the class cat, which") as caught:
        looked(tmp_path)
    assert "cat and Cat differ in capital letters" in caught.value.hint


# --- a validation part


def test_a_validation_part_that_the_data_bring(tmp_path):
    folders(tmp_path, train__a=6, train__b=4, val__a=2, test__a=1, test__b=1)
    dataset = ImageFolder(size=8, crop=1.0)
    held = load_dataset(dataset, tmp_path, 0.2, 0)
    assert (held.counts, held.class_counts, held.validation.counts()) == ((6, 4), (6, 4), (2, 0))
    told = [note.message for note in held.notes]
    assert any("it is used in place of 0.2 of the training images" in text for text in told)
    assert any("none of 1 of 2 classes: b" in text for text in told)
    without = load_dataset(dataset, tmp_path, 0.0, 0)
    assert without.validation is None
    assert any("the recipe holds none out" in note.message for note in without.notes)
    assert survey(dataset, tmp_path, validation=0.2).notes == held.notes


def test_a_part_drawn_by_groups_that_lacks_classes(tmp_path):
    folders(tmp_path, train__a=20, train__b=9, test__a=1)
    for path in (tmp_path / "train" / "b").iterdir():
        path.rename(path.with_name(f"one_{path.name}"))
    for path in (tmp_path / "train" / "a").iterdir():
        path.rename(path.with_name(f"p{path.stem}_.png"))
    (tmp_path / "test" / "a" / "00.png").rename(tmp_path / "test" / "a" / "q_0.png")
    held = load_dataset(ImageFolder(group="{group}_*", size=8, crop=1.0), tmp_path, 0.1, 0)
    notes = [note.message for note in held.notes if note.code == "LT408"]
    assert notes == ["the validation part has 2 images, and none of 1 of 2 classes: b"]


# --- NumPy


def test_parts_and_names_of_npz(tmp_path):
    images = RNG.integers(0, 256, (12, 5, 5), dtype=np.uint8)
    labels = np.arange(12) % 3
    names = np.array([b"none", b"cat", b"dog", b"cow"])
    arrays = {
        "x_train": images,
        "y_train": labels + 1,
        "val_images": images[:3],
        "val_labels": labels[:3] + 1,
    }
    np.savez(tmp_path / "a.npz", **arrays, class_names=names, x_extra=images)
    reading = read(Npz(), tmp_path / "a.npz")
    assert reading.train.class_names == ("cat", "dog", "cow")
    assert (len(reading.train), len(reading.test), reading.validation) == (12, 3, None)
    assert "names class none, of which it has no image" in said(reading)
    assert "not read: x_extra" in said(reading)
    np.savez(tmp_path / "b.npz", **arrays, x_test=images[:3], y_test=labels[:3] + 1)
    with pytest.raises(
        DataError, match="no training image of class 0: its labels are 1, 2 and 3"
    ) as caught:
        read(Npz(), tmp_path / "b.npz")
    assert "labels count from 0" in caught.value.hint


# --- pixels


def test_small_values_in_sixteen_bits_are_named(tmp_path):
    folders(tmp_path, a=3, b=4)
    deep = Image.fromarray(RNG.integers(0, 200, (8, 8)).astype(np.uint16))
    deep.save(tmp_path / "a" / "deep.png")
    Image.new("RGB", (8, 8), "white").save(tmp_path / "a" / "white.png")
    Image.fromarray(RNG.integers(0, 65536, (8, 8)).astype(np.uint16)).save(
        tmp_path / "b" / "fine.png"
    )
    found = {image.name: why for image, why in inspect(looked(tmp_path).parts).blank}
    assert set(found) == {"a/deep.png", "a/white.png"}
    assert "16 bits a pixel and values of" in found["a/deep.png"]
    assert "one colour" in found["a/white.png"]


def test_damaged_metadata_names_its_image_and_nothing_else(tmp_path):
    folders(tmp_path, a=4, b=4)
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Maker" * 20
    for number in range(3):
        picture().save(tmp_path / "a" / f"e{number}.jpg", exif=exif.tobytes()[: -60 - number])
    reading = looked(tmp_path)
    found = inspect(reading.parts)
    assert sorted(image.name for image, _ in found.warned) == [f"a/e{n}.jpg" for n in range(3)]
    assert not found.unreadable
    # as in a run: what is read by a process that nothing has told what to do with warnings
    lines = (
        "from pathlib import Path; from ltdsl_runtime.data.image import View",
        f"view = View(3, 8, 8); [view.open(p) for p in Path({str(tmp_path)!r}).rglob('*.jpg')]",
    )
    done = subprocess.run(
        [sys.executable, "-c", "; ".join(lines)], capture_output=True, text=True, env=environment()
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_what_is_called_an_image_and_is_none(tmp_path):
    folders(tmp_path, a=4, b=4)
    (tmp_path / "a" / "web.jpg").write_bytes(b"\n<!DOCTYPE html>")
    (tmp_path / "a" / "phone.jpg").write_bytes(b"\0\0\0\x18ftypheic" + bytes(40))
    (tmp_path / "a" / "lfs.png").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    found = {image.name: why for image, why in inspect(looked(tmp_path).parts).unreadable}
    assert "web page" in found["a/web.jpg"]
    assert "HEIC" in found["a/phone.jpg"]
    assert "git lfs pull" in found["a/lfs.png"]


def test_a_wrong_folder_is_one_sentence(tmp_path):
    lines = [f"train/c{i % 30:02d}/{i:06d}.jpg {i % 30}\n" for i in range(3000)]
    (tmp_path / "train.txt").write_text("".join(lines))
    dataset = Annotations(train="train.txt")
    from ltdsl_runtime.data import unreadable

    for call in (
        lambda: unreadable(dataset, tmp_path),
        lambda: inspect(listed(tmp_path).parts),
        lambda: load_dataset(dataset, tmp_path, 0.0, 0),
        lambda: survey(dataset, tmp_path, whole=True),
    ):
        with pytest.raises(
            DataError, match=r"of .* images are missing, the first of them"
        ) as caught:
            call()
        assert "--data DIR" in caught.value.hint
