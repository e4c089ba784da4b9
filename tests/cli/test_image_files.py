"""Images of one's own, on the command line: trained on, resumed, and everything that can be wrong with them."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from ltdsl_runtime.data import load_data
from ltdsl_runtime.rundir.directory import RunDirectory
from ltdsl_runtime.rundir.places import noted
from support.image_files import write_digits

from ltdsl.compiler import compile_recipe
from ltdsl.plan import Plan
from ltdsl.syntax.parser import read_source

RECIPE = """
dataset = image_folder(path = "images", size = 16, crop = 100%)
model = resnet8
epochs = 2
batch_size = 16
schedule = constant
validation = 0.1
stage1: ce
"""


@pytest.fixture
def images(tmp_path):
    root = tmp_path / "images"
    write_digits(root / "train", [30, 14, 6])
    write_digits(root / "test", [4, 4, 4], test=True)
    return root


def damage(path):
    path.write_bytes(path.read_bytes()[:-60])


def facts(run):
    return json.loads((run / "run.json").read_text())


def test_training_on_a_folder_and_skipping_what_cannot_be_read(ltdsl, recipe, images, tmp_path):
    damage(images / "train" / "digit_0" / "004.jpg")
    damage(images / "test" / "digit_2" / "001.png")
    asked = ("run", recipe(RECIPE), "--out")

    failed = ltdsl(*asked, "stopped")
    assert failed.returncode == 1
    assert "error[LT402]: " in failed.stderr
    assert (
        "004.jpg cannot be read: " in failed.stderr or "001.png cannot be read: " in failed.stderr
    )
    assert "--skip-unreadable" in failed.stderr
    assert facts(tmp_path / "stopped")["status"] == "failed"

    done = ltdsl(*asked, "result", "--skip-unreadable")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("left out: ") == 2
    said = facts(tmp_path / "result")
    assert said["unreadable"] == ["train/digit_0/004.jpg", "test/digit_2/001.png"]
    assert said["data"]["classes"] == ["digit_0", "digit_1", "digit_2"]
    assert said["data"]["train_counts"] == [26, 13, 5]
    assert said["data"]["view"] == {"channels": 3, "height": 16, "width": 16, "ratio": 1.0}
    plan = Plan.model_validate_json((tmp_path / "result" / "plan.json").read_text())
    assert plan.class_counts == (29, 14, 6)
    assert plan.digest() == said["plan_sha256"]
    figures = json.loads((tmp_path / "result" / "evaluation.json").read_text())
    assert figures["test_images"] == 11

    again = ltdsl("eval", "result")
    assert again.returncode == 0, again.stderr


def test_counts_are_surveyed_where_files_are_there(ltdsl, recipe, images):
    path = recipe(RECIPE)
    assert "3 classes, 50 training images" in ltdsl("plan", path).stdout
    unseen = recipe(RECIPE.replace('"images"', '"elsewhere"'), "other.lt")
    shown = ltdsl("plan", unseen, "--details")
    assert shown.returncode == 0, shown.stderr
    assert "class counts unknown" in shown.stdout
    assert "steps an epoch" not in shown.stdout
    assert "50 training images" in ltdsl("plan", unseen, "--data", images).stdout
    plan = json.loads(ltdsl("plan", unseen, "--emit", "plan").stdout)
    assert plan["class_counts"] is None
    assert ltdsl("diff", path, unseen).returncode == 1


def test_advice_on_counts_needs_them(ltdsl, recipe, images):
    # effective numbers of images are the images themselves here: LT210, which class counts say
    path = recipe(RECIPE.replace("stage1: ce", "stage1: cb_ce(beta = 0.9999)"))
    without = ltdsl("check", path)
    assert (without.returncode, "LT210" in without.stdout) == (0, False)
    assert "LT210" in ltdsl("check", path, "--data", images).stdout
    assert "LT210" in ltdsl("plan", path).stderr


def begun(path, out, data=None):
    """A run that was begun, of a plan that cannot be trained: no epoch has so large a batch."""
    plan = compile_recipe(read_source(path)).plan
    stages = tuple(stage.model_copy(update={"batch_size": 1000}) for stage in plan.stages)
    plan = plan.model_copy(update={"stages": stages})
    out.parent.mkdir(exist_ok=True)
    loaded = load_data(plan, data, path.parent)
    with RunDirectory(out) as directory:
        directory.begin(
            plan.model_copy(update={"class_counts": loaded.class_counts}),
            {"recipe.lt": path.read_text()},
            changes=[],
            device="cpu",
            data_sha256=loaded.fingerprint,
            data=loaded.describe(),
            unreadable=[],
            **noted(out, path.parent, data),
        )


def test_other_images_than_the_run_was_begun_with(ltdsl, recipe, images, tmp_path):
    """The counts, then the fingerprint; the run is begun by hand, as training it would take longer."""
    begun(recipe(RECIPE), tmp_path / "result")
    extra = images / "train" / "digit_2" / "new.png"
    (images / "train" / "digit_2" / "001.png").rename(extra)
    resumed = ltdsl("run", "--resume", "result")
    assert resumed.returncode == 1
    assert "error[LT403]: these are not the images" in resumed.stderr
    extra.unlink()
    resumed = ltdsl("run", "--resume", "result")
    assert "error[LT403]: image_folder gives 30, 14, 5" in resumed.stderr


def test_a_run_that_was_moved(ltdsl, recipe, images, tmp_path):
    """With its project, then alone; LT404 says that the images were found: there is not one batch of them."""
    begun(recipe(RECIPE), tmp_path / "runs" / "a")
    (tmp_path / "moved").mkdir()
    for name in ("images", "runs"):
        (tmp_path / name).rename(tmp_path / "moved" / name)
    assert "LT404" in ltdsl("run", "--resume", "moved/runs/a").stderr
    (tmp_path / "moved" / "runs" / "a").rename(tmp_path / "alone")
    lost = ltdsl("run", "--resume", "alone")
    assert f"error[LT401]: there is no {tmp_path / 'images'}" in lost.stderr
    assert "--data DIR" in lost.stderr
    assert "LT404" in ltdsl("run", "--resume", "alone", "--data", "moved/images").stderr
    (tmp_path / "moved" / "images").rename(tmp_path / "alone" / "recipe" / "images")
    assert "LT404" in ltdsl("run", "--resume", "alone").stderr


@pytest.mark.parametrize("line", [["run", "--resume"], ["eval"], ["export", "--training"]])
def test_settings_say_where_the_images_of_a_run_went(ltdsl, recipe, images, tmp_path, line):
    path = recipe(RECIPE.replace('path = "images", ', ""))
    begun(path, tmp_path / "runs" / "a", images)
    images.rename(tmp_path / "away")
    (tmp_path / "ltdsl.toml").write_text('[data]\nimage_folder = "away"\n')
    done = ltdsl(*line, "runs/a")
    assert done.returncode == 1
    assert (
        f"note: images from {tmp_path / 'away'}, as {tmp_path / 'ltdsl.toml'} says" in done.stderr
    )
    # found, and what comes next is in the way: no batch of them, or no checkpoint
    assert "LT401" not in done.stderr
    assert re.search(r"error\[LT(404|41\d)\]", done.stderr)


@pytest.mark.parametrize(
    ("dataset", "code", "said"),
    [
        ('image_folder(path = "nowhere")', "LT401", "nowhere is no folder"),
        ("image_folder", "LT401", "no folder was given"),
        ('annotations(train = "gone.txt")', "LT401", "gone.txt is missing"),
        ('annotations(train = "list.txt")', "LT402", "names ../../x.png, outside"),
        ('npz(path = "list.txt")', "LT402", "list.txt cannot be read"),
        ('imagenet_lt(path = "images")', "LT401", "ImageNet_LT_train.txt is missing"),
        ('image_folder(path = "one")', "LT403", "only one class"),
        ('image_folder(path = "parts")', "LT403", "parts has Test and Valid in place of classes"),
        ('image_folder(path = "empty")', "LT403", "no training image of class lynx"),
        ('annotations(train = "labels.json")', "LT403", "has the label 9, and is of 2 classes"),
        ('annotations(train = "missing.txt")', "LT401", "images are missing, the first of them"),
        ('npz(path = "objects.npz")', "LT402", "it holds Python objects"),
        ('npz(path = "shapes.npz")', "LT402", "beside 4 images"),
        ('image_folder(path = "../elsewhere")', "LT127", "lies outside the recipe's folder"),
        ('annotations(train = "/etc/passwd")', "LT127", "lies outside the recipe's folder"),
    ],
)
def test_data_that_cannot_be_trained_on(ltdsl, recipe, tmp_path, dataset, code, said):
    (tmp_path / "list.txt").write_text("../../x.png 0\n")
    write_digits(tmp_path / "one", [3])
    write_digits(tmp_path / "parts" / "Valid", [3, 3])
    write_digits(tmp_path / "parts" / "Test", [3, 3])
    write_digits(tmp_path / "empty", [3, 3])
    (tmp_path / "empty" / "lynx").mkdir()
    (tmp_path / "missing.txt").write_text("".join(f"gone{i}.png {i % 2}\n" for i in range(6)))
    listed = {"annotations": [{"fpath": "a.png", "category_id": 9}], "num_classes": 2}
    (tmp_path / "labels.json").write_text(json.dumps(listed))
    images = np.zeros((4, 5, 5), np.uint8)
    np.savez(tmp_path / "objects.npz", x_train=images.astype(object), y_train=[0, 0, 1, 1])
    np.savez(tmp_path / "shapes.npz", x_train=images, y_train=[0, 0, 1])
    done = ltdsl(
        "run", recipe(f"dataset = {dataset}\nbatch_size = 2\nstage1: ce"), "--out", "result"
    )
    assert done.returncode == 1
    assert f"[{code}]: " in done.stdout + done.stderr
    assert said in done.stdout + done.stderr
    assert not (tmp_path / "result").exists()


def test_a_sweep_goes_without_what_cannot_be_read(ltdsl, recipe, images, tmp_path):
    damage(images / "train" / "digit_0" / "004.jpg")
    damage(images / "test" / "digit_2" / "001.png")
    asked = ("sweep", recipe(RECIPE), "--set", "epochs=1", "--set", "dataset.imbalance=3,5")

    done = ltdsl(*asked, "--skip-unreadable")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("left out: ") == 2  # once, and not for each run
    runs = sorted((tmp_path / "sweeps" / "recipe").glob("*imbalance*"))
    assert len(runs) == 2
    for run in runs:
        assert facts(run)["status"] == "finished"
        assert facts(run)["unreadable"] == ["train/digit_0/004.jpg", "test/digit_2/001.png"]
        plan = Plan.model_validate_json((run / "plan.json").read_text())
        assert plan.class_counts[0] == 29

    again = ltdsl(*asked, "--skip-unreadable", "--dry-run")
    assert again.returncode == 0, again.stderr
    assert "2 finished" in again.stdout
