"""Pictures of cam_bs: pixels of small images stay as they are, photographs become small files."""

from __future__ import annotations

import io
import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
from ltdsl_runtime.errors import RunError
from ltdsl_runtime.rundir.directory import RunDirectory
from ltdsl_runtime.training import gallery
from ltdsl_runtime.tricks.warp import FLIP, KEEP, ROTATE
from PIL import Image


class Source(list):
    """Batches of a stage that draws second images too, as `cam_bs + cmo` does."""

    columns = ("image", "label", "partner_image", "partner_label", "warp0", "warp1")


@pytest.fixture
def stage(monkeypatch):
    """A stage whose batch has images of some size, the first and the last of them kept."""

    def make(side, kinds):
        rng = np.random.default_rng(0)
        images = rng.integers(256, size=(len(kinds), 3, side, side), dtype=np.uint8)
        labels, u = np.arange(len(kinds)), np.zeros((len(kinds), 2), np.float32)

        def look(stage, images, labels, kind, u):
            mask = np.zeros((len(images), side, side), np.uint8)
            return images, mask, np.zeros((len(images), 4, 4), np.float32), images[..., ::-1]

        monkeypatch.setattr(gallery, "_look", look)
        source = Source([(images, labels, images, labels, np.array(kinds), u)])
        return SimpleNamespace(source=source, plan=SimpleNamespace(name="tail")), images

    return make


NAMES = [f"class {c}" for c in range(20)]


def test_small_images_keep_every_pixel(stage, tmp_path):
    made, images = stage(32, [KEEP, FLIP, ROTATE, KEEP])
    gallery.save_gallery(tmp_path, *gallery.gallery(made, NAMES, report=True))
    picture = np.asarray(Image.open(tmp_path / "tail.png"))
    assert picture.shape == (2 * 96, 4 * 96, 3)
    np.testing.assert_array_equal(picture[:96:3, :96:3], images[1].transpose(1, 2, 0))
    np.testing.assert_array_equal(picture[96::3, 288::3], images[2][..., ::-1].transpose(1, 2, 0))
    about = json.loads((tmp_path / "tail.json").read_text())
    assert about["rows"] == [
        {"class": "class 1", "change": "flipped"},
        {"class": "class 2", "change": "turned"},
    ]
    assert (about["width"], about["row_height"]) == (384, 96)


def test_photographs_are_shrunk_for_a_report_only(stage):
    made, _ = stage(224, [FLIP] * 20)
    about, small = gallery.gallery(made, NAMES, report=True)
    assert about.file == "tail.jpg"
    assert Image.open(io.BytesIO(small)).size == (4 * 128, 6 * 128)
    assert len(small) < 400_000  # of noise, which nothing compresses
    _, whole = gallery.gallery(made, NAMES)
    assert Image.open(io.BytesIO(whole)).size == (4 * 224, 12 * 224)


def test_a_batch_in_which_nothing_changes(stage, tmp_path):
    made, _ = stage(8, [KEEP, KEEP])
    gallery.save_gallery(tmp_path, *gallery.gallery(made, NAMES))
    rows = json.loads((tmp_path / "tail.json").read_text())["rows"]
    assert rows == [{"class": "class 0", "change": "unchanged"}]


def test_a_folder_that_cannot_be_written_to(stage, tmp_path):
    made, _ = stage(8, [FLIP])
    picture = gallery.gallery(made, NAMES)
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot write to") as asked:
        gallery.save_gallery(tmp_path / "file" / "cam", *picture)
    assert (asked.value.code, asked.value.hint) == ("LT421", "free space or choose another folder")
    with RunDirectory(tmp_path / "run") as run:
        (run.path / "cam").write_text("")
        with pytest.raises(RunError) as own:
            run.picture(*picture)
    assert own.value.code == "LT424"
    assert "--resume" in own.value.hint


def test_no_link_in_a_run_leads_a_picture_out_of_it(stage, tmp_path):
    made, _ = stage(8, [FLIP])
    picture = gallery.gallery(made, NAMES)
    (tmp_path / "mine.png").write_text("mine")
    with RunDirectory(tmp_path / "run") as run:
        cam = run.path / "cam"
        cam.mkdir()
        (cam / "tail.png").symlink_to(tmp_path / "mine.png")
        run.picture(*picture)
        assert (tmp_path / "mine.png").read_text() == "mine"
        assert Image.open(cam / "tail.png").width == 4 * 96
        (tmp_path / "elsewhere").mkdir()
        shutil.rmtree(cam)
        cam.symlink_to(tmp_path / "elsewhere")
        with pytest.raises(RunError, match="a link leads out of the folder"):
            run.picture(*picture)
    assert list((tmp_path / "elsewhere").iterdir()) == []
