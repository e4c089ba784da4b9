"""Classes belong together by name, and one image into one part."""

import json

import numpy as np
import pytest
from ltdsl_runtime.data import load_dataset, read
from ltdsl_runtime.data.errors import DataError
from ltdsl_runtime.data.lists import read_list
from ltdsl_runtime.data.split import Draw, draw_whole, long_tailed_split
from ltdsl_runtime.data.units import group_of
from PIL import Image

from ltdsl.catalogue import Annotations, ImageFolder
from ltdsl.compiler import compile_recipe
from ltdsl.source import Source

RNG = np.random.default_rng(0)


def lists(root, **texts):
    """Write lists, and every image that is named in them."""
    for name, text in texts.items():
        (root / name.replace("__", ".")).write_text(text)


def loaded(root, **changes):
    return read(Annotations(**({"train": "train.txt", "test": "test.txt"} | changes)), root)


def told(reading, code="LT407"):
    return [note.message for note in reading.notes if note.code == code and note.level != "info"]


def coco(categories, labels, name="{}.jpg", start=0, files=None):
    files = files or [name.format(start + i) for i in range(len(labels))]
    return json.dumps(
        {
            "images": [{"id": i, "file_name": file} for i, file in enumerate(files)],
            "categories": [{"id": i, "name": each} for i, each in categories.items()],
            "annotations": [
                {"id": i, "image_id": i % len(files), "category_id": label}
                for i, label in enumerate(labels)
            ],
        }
    )


# --- classes by name


def test_two_numberings_of_the_same_categories(tmp_path):
    (tmp_path / "a.json").write_text(
        coco({1: "cat", 2: "dog", 4: "cow"}, [1, 1, 2, 4, 4, 4], "a{}.jpg")
    )
    (tmp_path / "b.json").write_text(
        coco({0: "cow", 1: "dog", 2: "cat", 3: "bee"}, [2, 0, 1, 0], "b{}.jpg")
    )
    reading = loaded(tmp_path, train="a.json", test="b.json")
    assert reading.train.class_names == ("cat", "dog", "cow")
    assert reading.train.labels.tolist() == [0, 0, 1, 2, 2, 2]
    assert reading.test.labels.tolist() == [0, 2, 1, 2]
    assert "matched by name" in told(reading)[0]


def test_a_category_that_only_the_test_list_has(tmp_path):
    (tmp_path / "a.json").write_text(coco({0: "cat", 1: "dog", 2: "bee"}, [0, 1]))
    (tmp_path / "b.json").write_text(coco({0: "cat", 1: "bee"}, [0, 1]))
    with pytest.raises(DataError, match=r"images of class bee, of which .*a.json has none"):
        loaded(tmp_path, train="a.json", test="b.json")


def test_categories_without_an_image_and_images_without_one(tmp_path):
    data = json.loads(coco({0: "animals", 1: "cat", 2: "dog", 3: "bee"}, [1, 1, 2, 2, 2]))
    data["images"] += [{"id": 90, "file_name": "x.jpg"}, {"id": 91, "file_name": "y.jpg"}]
    (tmp_path / "a.json").write_text(json.dumps(data))
    reading = loaded(tmp_path, train="a.json", test=None)
    assert reading.train.class_names == ("cat", "dog")
    assert set(told(reading, "LT405")) == {
        f"not read: 2 images of {tmp_path / 'a.json'} have no annotation",
        "classes animals and bee have no image, and no place among the 2 classes",
    }


def test_two_categories_of_one_name(tmp_path):
    (tmp_path / "a.json").write_text(coco({0: "cat", 1: "dog", 2: "cat"}, [0, 0, 1, 1, 2, 2]))
    reading = loaded(tmp_path, train="a.json", test=None)
    assert reading.train.class_names == ("cat (id 0)", "dog", "cat (id 2)")
    assert "stay apart: cat (id 0) and cat (id 2)" in told(reading)[0]


@pytest.mark.parametrize(
    ("test", "message"),
    [
        (
            "b/cow/0.jpg 0\nb/cat/1.jpg 1\n",
            "the folder cat has the label 1 in .*test.txt, and 0 in",
        ),
        (
            "b/cow/0.jpg 0\nb/dog/1.jpg 1\n",
            "the label 0 is the folder cow in .*test.txt, and cat in",
        ),
        ("b/cat/0.jpg 0\nb/dog/1.jpg 2\n", "has the label 2, and the training list has 2 classes"),
    ],
)
def test_folders_that_contradict_labels(tmp_path, test, message):
    lists(tmp_path, train__txt="a/cat/0.jpg 0\na/cat/1.jpg 0\na/dog/2.jpg 1\n", test__txt=test)
    with pytest.raises(DataError, match=message) as caught:
        loaded(tmp_path)
    assert caught.value.code == "LT403"


def test_where_nothing_but_numbers_is_known(tmp_path):
    lists(tmp_path, train__txt="a/cat/0.jpg 0\na/dog/2.jpg 1\n", test__txt="v/x.jpg 0\nv/y.jpg 1\n")
    flat = loaded(tmp_path)
    assert not told(flat)
    assert any("nothing but their numbers" in note.message for note in flat.notes)
    lists(tmp_path, test__txt="b/1/x.jpg 0\nb/2/y.jpg 1\n")
    assert "folders are called 1 and 2 here and cat and dog there" in told(loaded(tmp_path))[0]
    lists(tmp_path, test__txt="b/cat/x.jpg 0\nb/dog/y.jpg 1\n")
    assert not [note for note in loaded(tmp_path).notes if note.code == "LT407"]


def test_numbers_of_classes_that_differ(tmp_path):
    text = '{"annotations": [{"fpath": "a", "category_id": 0}, {"fpath": "b", "category_id": 1}], "num_classes": %d}'
    lists(tmp_path, train__txt=text % 2, test__txt=text % 3)
    with pytest.raises(DataError, match=r"is of 3 classes, and .* of 2"):
        loaded(tmp_path)


def test_a_file_of_class_names(tmp_path):
    lists(
        tmp_path,
        train__txt="0.jpg 1\n1.jpg 1\n2.jpg 3\n",
        test__txt="3.jpg 3\n",
        names__txt="1 cat\n2 dog\n3 golden retriever\n",
    )
    reading = loaded(tmp_path, class_names="names.txt")
    assert reading.train.class_names == ("cat", "golden retriever")
    assert reading.test.labels.tolist() == [1]
    lists(tmp_path, names__txt="cat\ndog\ncow\n")
    with pytest.raises(DataError, match=r"names 3 classes, and .*has the label 3"):
        loaded(tmp_path, class_names="names.txt")
    lists(tmp_path, names__txt="cat\ncat\ncow\ndog\n")
    with pytest.raises(DataError, match="there twice"):
        loaded(tmp_path, class_names="names.txt")


def test_names_in_place_of_labels(tmp_path):
    lists(
        tmp_path,
        train__txt="a/0.jpg golden retriever\na/1.jpg cow\na/2.jpg cow\n",
        test__txt="image;class\na/7.jpg;cow\na/8.jpg;golden retriever\n",
    )
    reading = loaded(tmp_path)
    assert reading.train.class_names == ("cow", "golden retriever")
    assert (reading.train.labels.tolist(), reading.test.labels.tolist()) == ([1, 0, 0], [0, 1])


# --- lists as people have them

ROWS = [("x/a b.jpg", 0), ("x/c, d.png", 1), ("x/é.jpg", 2)]


@pytest.mark.parametrize(
    ("content", "form"),
    [
        ("".join(f"{name} {label}\r\n" for name, label in ROWS).encode("utf-8-sig"), "path label"),
        ("".join(f"{name} {label}\n" for name, label in ROWS).encode("utf-16"), "path label"),
        ("".join(f"{name}\t{label}\n" for name, label in ROWS).encode(), "tabs"),
        ("".join(f'"{name}",{label}\n' for name, label in ROWS).encode(), "commas"),
        ("".join(f"{label};{name}\n" for name, label in ROWS).encode(), "semicolons"),
        (b"image label\n" + "".join(f"{n} {i}\n" for n, i in ROWS).encode(), "path label"),
        (b"Filename;Width;Roi.X1;ClassId\n" + "".join(f"{n};9;1;{i}\n" for n, i in ROWS).encode(),
         "paths from `Filename`, labels from `ClassId`"),
        (b"id,label,image_path\n" + "".join(f'7,{i}.0,"{n}"\n' for n, i in ROWS).encode(),
         "paths from `image_path`, labels from `label`"),
    ],
)  # fmt: skip
def test_forms_of_lists(tmp_path, content, form):
    (tmp_path / "list.txt").write_bytes(content)
    listing = read_list(tmp_path / "list.txt")
    assert list(zip(listing.names, listing.labels.tolist(), strict=True)) == ROWS
    assert form in listing.form


def test_paths_of_other_systems_and_from_the_top(tmp_path):
    (tmp_path / "x").mkdir()
    for number in range(4):
        Image.new("L", (4, 4), number).save(tmp_path / "x" / f"{number}.png")
    rows = [(f"x/{number}.png", number % 2) for number in range(4)]
    for written in (
        "".join(f"{name} {label}\n" for name, label in rows).replace("/", "\\"),
        "".join(f"{tmp_path / name} {label}\n" for name, label in rows),
        "".join(f"{label} {name}\n" for name, label in rows),
        "path,label\n" + "".join(f"{name},{label}\n" for name, label in rows).replace("/", "\\"),
    ):
        (tmp_path / "list.txt").write_text(written)
        listing = read_list(tmp_path / "list.txt")
        assert list(zip(listing.names, listing.labels.tolist(), strict=True)) == rows


def test_columns_by_name_and_lists_in_a_folder_of_their_own(tmp_path):
    (tmp_path / "Images").mkdir()
    for number in range(4):
        Image.new("L", (4, 4), number).save(tmp_path / "Images" / f"{number}.ppm")
    rows = "".join(f"{n}.ppm,{'ab'[n % 2]},p{n // 2}\n" for n in range(4))
    (tmp_path / "Images" / "gt.csv").write_text("pic,kind,patient\n" + rows)
    dataset = Annotations(
        train="Images/gt.csv", image_column="pic", label_column="kind", group="patient", holdout=0.5
    )
    reading = read(dataset, tmp_path)
    assert sorted([*reading.train.names, *reading.test.names])[0] == "Images/0.ppm"
    assert reading.train.class_names == ("a", "b")
    parts = [{int(name[7]) // 2 for name in part.names} for part in (reading.train, reading.test)]
    assert not parts[0] & parts[1]
    with pytest.raises(
        DataError,
        match="none of its columns is known to hold the images' paths: there are pic, kind",
    ):
        read(Annotations(train="Images/gt.csv", label_column="kind"), tmp_path)
    with pytest.raises(DataError, match="it has no column `who`"):
        read(dataset.model_copy(update={"group": "who"}), tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a.jpg,1,2\n", "line 1 has 3 columns, and none that says `path` or `label`: "),
        ("path,kind,age\na.jpg,1,2\n", "line 1 has 3 columns, and none that says `label`: "),
        ("photo,class,age\na.jpg,1,2\n", "line 1 has 3 columns, and none that says `path`: "),
        ("path,label\na.jpg,-1\n", "the label `-1` is neither a number from 0 nor a name"),
        ("path,label\na.jpg,\n", "line 2 has no label"),
        ("path,label\na.jpg,0\nb.jpg\n", "line 3 has 1 column"),
        ("path,label\n../../etc/passwd,0\n", "outside the data set's folder"),
        ('{"images": [{"id": 1, "file_name": "a"}]}', "names 1 image and no class"),
    ],
)
def test_what_is_wrong_with_a_list(tmp_path, text, said):
    (tmp_path / "list.csv").write_text(text)
    with pytest.raises(DataError, match=r"list.csv") as caught:
        read_list(tmp_path / "list.csv")
    assert said in caught.value.message


# --- one image, one part


@pytest.mark.parametrize(
    ("pattern", "name", "group"),
    [
        ("patient_{group}_*", "a/patient_12_left_3.png", "12"),
        ("patient_{group}_*", "a/patient__3.png", None),
        ("patient_{group}_*", "patient_12/x.png", None),
        ("{group}/*", "train/lynx/cam7/1.png", "cam7"),
        ("*/{group}/*.png", "train/lynx/cam7/1.png", "cam7"),
        ("{group}", "a/b.png", "b.png"),
        ("*_{group}.png", "a/x_y_9.png", "y_9"),
        ("{group}-*.jpg", "a/7-1.png", None),
        ("*a*a*a*a*a*{group}b", "x/" + "a" * 4000, None),
    ],
)
def test_groups_in_names(pattern, name, group):
    if "*{group}" not in pattern:
        ImageFolder(group=pattern)
    assert group_of(name, pattern) == group


@pytest.mark.parametrize("pattern", ["patient", "{group}{group}", "*{group}", "a{group}*"])
def test_patterns_that_say_nothing(pattern):
    with pytest.raises(ValueError, match="group"):
        ImageFolder(group=pattern)


@pytest.mark.parametrize(
    ("pattern", "said"),
    [("{group}*", "stands in a pattern once"), ("patient", "has `{group}` in it")],
)
def test_a_recipe_is_told_what_is_wrong_with_its_pattern(pattern, said):
    text = f'dataset = image_folder(group = "{pattern}")\nstage1: ce'
    (problem,) = compile_recipe(Source("recipe.lt", text)).diagnostics
    assert problem.code == "LT106"
    assert said in problem.help


def test_a_repeated_line_comes_into_one_part(tmp_path):
    names = [f"{number}.jpg" for number in range(20)]
    for name in names:
        Image.fromarray(RNG.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(tmp_path / name)
    lines = [f"{name} {number % 2}\n" for number, name in enumerate(names)]
    (tmp_path / "train.txt").write_text("".join(lines * 3) + "./0.jpg 1\n")
    dataset = Annotations(train="train.txt", size=8, holdout=0.3)
    data = load_dataset(dataset, tmp_path, 0.2, 0)
    parts = [set(part.names) - {"./0.jpg"} for part in (data.train, data.validation, data.test)]
    assert sum(map(len, parts)) == len(set().union(*parts)) == 20
    assert min(map(len, parts)) >= 2
    notes = [note.message for note in data.notes if note.code == "LT406"]
    assert any("20 images are listed for training more than once" in text for text in notes)
    assert any("1 image has more than one class" in text for text in notes)


def test_an_image_in_two_lists(tmp_path):
    lists(tmp_path, train__txt="a.jpg 0\nb.jpg 1\n", test__txt="c.jpg 0\n./b.jpg 1\n")
    assert (
        "1 image is both trained on and in the test part: ./b.jpg"
        in told(loaded(tmp_path), "LT406")[0]
    )


def test_groups_stay_together_in_every_draw(tmp_path):
    for patient in range(12):
        for image in range(1 + patient % 4):
            for label in ("a", "b")[: 1 + patient % 2]:
                place = tmp_path / label / f"patient_{patient}_{image}.png"
                place.parent.mkdir(exist_ok=True)
                Image.fromarray(RNG.integers(0, 256, (8, 8), dtype=np.uint8)).save(place)
    dataset = ImageFolder(group="patient_{group}_*", size=8, holdout=0.25)
    for seed in range(3):
        data = load_dataset(dataset.model_copy(update={"holdout_seed": seed}), tmp_path, 0.2, seed)
        found = [
            {name.split("_")[1] for name in part.names}
            for part in (data.train, data.validation, data.test)
        ]
        assert len(set().union(*found)) == sum(map(len, found)) == 12
        assert all(min(part.counts()) > 0 for part in (data.train, data.test))
    with pytest.raises(DataError, match=r'group = "x_\{group\}" does not fit'):
        read(ImageFolder(group="x_{group}"), tmp_path)


def test_drawing_whole_units():
    order = np.arange(10)
    alone = draw_whole([Draw(order, 3)], None, 10)
    assert np.flatnonzero(alone).tolist() == [0, 1, 2]
    assert np.array_equal(draw_whole([Draw(order, 3)], order, 10), alone)
    pairs = draw_whole([Draw(order, 3)], order // 2, 10)
    assert np.flatnonzero(pairs).tolist() == [0, 1]
    one = draw_whole([Draw(order, 3)], np.zeros(10, int), 10)
    assert not one.any()  # all of one group cannot be divided
    two = draw_whole([Draw(order, 1)], (order > 7).astype(int), 10)
    assert np.flatnonzero(two).tolist() == [8, 9]
    none = draw_whole([Draw(order, 0)], order // 2, 10)
    assert not none.any()


def test_units_of_one_image_change_no_split():
    labels = RNG.integers(0, 5, 300)
    counts = np.bincount(labels).tolist()
    plain = long_tailed_split(labels, counts, 0.15, 3)
    units = long_tailed_split(labels, counts, 0.15, 3, RNG.permutation(300))
    assert all(map(np.array_equal, plain, units))


def test_other_names_of_the_same_images_are_not_gone_on_with(tmp_path):
    from ltdsl_runtime.data import must_be_same

    from ltdsl.runs.facts import Facts

    for number in range(4):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(tmp_path / f"{number}.png")
    lists(
        tmp_path,
        train__txt="0.png 0\n1.png 1\n",
        test__txt="2.png 0\n3.png 1\n",
        names__txt="cat\ndog\n",
    )
    dataset = Annotations(train="train.txt", test="test.txt", class_names="names.txt", size=8)
    data = load_dataset(dataset, tmp_path, 0.0, 0)
    facts = Facts.leniently({"data_sha256": data.fingerprint, "data": data.describe()}, [])
    must_be_same(data, facts, tmp_path)
    lists(tmp_path, names__txt="dog\ncat\n")
    turned = load_dataset(dataset, tmp_path, 0.0, 0)
    assert turned.fingerprint == data.fingerprint
    with pytest.raises(DataError, match="class 0 is called `dog` in the data, and was `cat`"):
        must_be_same(turned, facts, tmp_path)
