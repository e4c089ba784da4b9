"""What a run leaves behind for the eye: its report, pictures of cam_bs, TensorBoard's events."""

from __future__ import annotations

import json
import subprocess
import time

from PIL import Image
from support.processes import SOURCES, command, environment
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

RECIPE = "epochs = 3; stage1: ce; stage2: cam_bs @ epoch 1"


def test_a_killed_run_has_its_report_and_each_event_once(ltdsl, recipe, tmp_path):
    path = recipe(RECIPE)
    run = tmp_path / "run"
    process = subprocess.Popen(
        command("run", path, "--out", "run", "--tensorboard"),
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    metrics = run / "metrics.jsonl"
    while process.poll() is None:
        if metrics.exists() and metrics.read_text().count("\n") >= 2:
            process.kill()
        time.sleep(0.02)
    assert "epochs are recorded" in told(ltdsl, run)

    done = ltdsl("run", "--resume", "run")
    assert done.returncode == 0, done.stderr
    html = (run / "report.html").read_text(encoding="utf-8")
    assert 'id="cam"' in html
    assert "epochs are recorded" not in html

    about = json.loads((run / "cam" / "stage2.json").read_text())
    picture = Image.open(run / "cam" / about["file"])
    assert picture.size == (about["width"], about["row_height"] * len(about["rows"]))
    assert 1 <= len(about["rows"]) <= 6
    for row in about["rows"]:
        assert row["class"] in "0123456789"
        assert row["change"] in ("flipped", "moved", "turned", "scaled")

    events = EventAccumulator(str(run / "tensorboard"), purge_orphaned_data=False)
    events.Reload()
    lines = [json.loads(line) for line in metrics.read_text().splitlines()]
    for tag, name in (("loss/train", "loss"), ("top1_error/test", "top1_error")):
        found = events.Scalars(tag)
        assert [event.step for event in found] == [0, 1, 2]
        expected = [line[name] for line in lines]
        assert all(abs(e.value - v) < 1e-5 * v for e, v in zip(found, expected, strict=True))


def told(ltdsl, run):
    assert ltdsl("report", run).returncode == 0
    return (run / "report.html").read_text(encoding="utf-8")


def test_a_report_that_fails_leaves_the_training_as_it_is(recipe, tmp_path):
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "altair.py").write_text("raise ImportError('no charts today')")
    done = subprocess.run(
        command("run", recipe("epochs = 1; a: ce"), "--out", "run"),
        cwd=tmp_path,
        env=environment() | {"PYTHONPATH": f"{tmp_path / 'broken'}:{SOURCES}"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0
    assert "no report: " in done.stderr
    assert "no charts today" in done.stderr
    assert "ltdsl report run" in done.stderr
    assert json.loads((tmp_path / "run" / "run.json").read_text())["status"] == "finished"
    assert not (tmp_path / "run" / "report.html").exists()


def test_report_on_the_command_line(ltdsl, tmp_path):
    done = ltdsl("report", "nowhere")
    assert (done.returncode, "error[LT450]" in done.stderr) == (1, True)
    assert ltdsl("report").returncode == 2
