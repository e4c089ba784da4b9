"""`ltdsl predict`: what a run's evaluation would say of image files."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest
from PIL import Image
from support.training import count_compilations
from support.use import change, opened


@pytest.fixture
def images(tmp_path, test_part):
    """The test images as files, named in their order."""
    folder = tmp_path / "images"
    folder.mkdir()
    for number, image in enumerate(test_part.images):
        Image.fromarray(image[0]).save(folder / f"{number:03}.png")
    return folder


@pytest.mark.parametrize("which", ["last", "best"])
def test_predictions_are_those_of_the_evaluation(trained, evaluation, images, test_part, which):
    """Confusion and confidence, of a sigmoid and of a softmax, corrected; and of one graph."""
    from ltdsl_runtime.use.predict import find_images, predict

    with count_compilations() as compiled:
        found = list(predict(opened(trained), which, find_images([str(images)]), top=10))
    assert compiled == ["Inference"]
    assert [int(prediction.path.stem) for prediction in found] == list(range(400))
    figures = evaluation[which]
    cells, expected = figures["confusion"], np.zeros((10, 10), int)
    expected[cells["label"], cells["prediction"]] = cells["count"]
    confusion = np.zeros((10, 10), int)
    np.add.at(confusion, (test_part.labels, [prediction.classes[0] for prediction in found]), 1)
    np.testing.assert_array_equal(confusion, expected)
    for prediction in found:
        assert sorted(prediction.classes) == list(range(10))
        assert list(prediction.confidences) == sorted(prediction.confidences, reverse=True)
    sums = [sum(prediction.confidences) for prediction in found]
    assert np.allclose(sums, 1, atol=1e-5) == (which == "best")
    bins = [found for found in figures["calibration"] if found["count"]]
    mean = sum(found["count"] * found["confidence"] for found in bins) / 400
    assert 100 * np.mean([p.confidences[0] for p in found]) == pytest.approx(mean, rel=1e-5)


def test_forms(ltdsl, cli, trained, images):
    names = [images / "000.png", images / "101.png"]
    done = ltdsl("predict", trained, *names, "--top", 3, "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    listed = json.loads(done.stdout)
    assert [entry["image"] for entry in listed] == list(map(str, names))
    assert all(len(entry["predictions"]) == 3 for entry in listed)
    assert all(0 < p["confidence"] < 1 for entry in listed for p in entry["predictions"])
    assert all(p["class"] == str(p["index"]) for entry in listed for p in entry["predictions"])

    code, out, _ = cli("predict", trained, *names, "--top", 3, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert code == 0
    flat = [(entry["image"], p) for entry in listed for p in entry["predictions"]]
    assert [(row["image"], row["class"]) for row in rows] == [(i, p["class"]) for i, p in flat]
    assert [row["rank"] for row in rows] == ["1", "2", "3"] * 2
    shares = [p["confidence"] for _, p in flat]
    assert [float(row["confidence"]) for row in rows] == pytest.approx(shares, rel=1e-5)

    code, out, _ = cli("predict", trained, *names)
    first = listed[0]["predictions"][0]
    assert out.splitlines()[0] == f"{names[0]}: {first['class']} {100 * first['confidence']:.1f} %"
    assert len(out.splitlines()) == 2


def test_unreadable_images_are_named_and_the_others_predicted(cli, trained, tmp_path, test_part):
    folder = tmp_path / "folder" / "below"
    folder.mkdir(parents=True)
    picture = Image.fromarray(test_part.images[0, 0])
    picture.save(folder / "b.PNG")
    picture.convert("RGB").resize((64, 48)).save(folder / "c.jpg")
    (folder / "a.png").write_text("no image")
    (folder / "notes.txt").write_text("no image either")
    whole = (folder / "b.PNG").read_bytes()
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    (folder / "loop.png").symlink_to("loop.png")
    code, out, err = cli("predict", trained, tmp_path / "folder", tmp_path / "gone.png")
    assert code == 1
    assert [line.split(":")[0].rsplit("/", 1)[1] for line in out.splitlines()] == ["b.PNG", "c.jpg"]
    lines = err.splitlines()
    assert len(lines) == 4
    assert all(line.startswith("error[LT40") for line in lines)
    for name, line in zip(("a.png", "cut.png", "loop.png", "gone.png"), lines, strict=True):
        assert name in line


def test_names_of_images(cli, trained, images, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, _ = cli("predict", trained, "images/00[12].png", "images/002.png")
    assert code == 0
    assert [line.split(":")[0] for line in out.splitlines()] == ["images/001.png", "images/002.png"]
    (tmp_path / "odd").mkdir()
    (images / "001.png").rename(tmp_path / "odd" / "[1].png")
    assert cli("predict", trained, "odd/[1].png")[1].startswith("odd/[1].png: ")
    (tmp_path / "none").mkdir()
    for name in ("none", "odd/*.jpg"):
        code, out, err = cli("predict", trained, name)
        assert (code, out, "error[LT415]" in err) == (1, "", True)
    assert cli("predict", trained)[0] == 2
    assert cli("predict", trained, "odd", "--top", "0")[0] == 2


def test_class_names_do_not_steer_a_terminal(cli, copy, images):
    facts = json.loads((copy / "run.json").read_text())
    change(copy / "run.json", data=facts["data"] | {"classes": ["\x1b[2J\u202e"] * 10})
    code, out, _ = cli("predict", copy, images / "000.png")
    assert code == 0
    assert "\\x1b[2J\\u202e" in out
    assert "\x1b" not in out
