"""Runs of earlier versions, as they lie in ``tests/fixtures``: read, evaluated, used, reported and gone on with."""

from __future__ import annotations

import base64
import csv
import json
import re
import shutil
from pathlib import Path
from typing import Annotated

import numpy as np
import onnxruntime
import pytest
from ltdsl_runtime.rundir.versions import versions
from PIL import Image

from ltdsl.catalogue.entry import Added
from ltdsl.plan import Plan

PROJECT = Path(__file__).parents[2] / "fixtures" / "runs_0_1"

#: What sees to it that a sweep that is called again is the one that is there.
SWEEP = ("--set", "epochs=4", "--set", "optimizer.lr=0.02,0.05", "--seeds", "1", "--out", "sweep")

FINISHED = ("two_stage", "gallery", "own_images")


@pytest.fixture
def project(tmp_path) -> Path:
    """A copy of them all, in the folder that `ltdsl` is called in."""
    shutil.copytree(PROJECT, tmp_path, dirs_exist_ok=True)
    return tmp_path


def read(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def lines(run: Path) -> list[dict]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def assert_same(found: dict, recorded: dict) -> None:
    """Every answer is the same; of confidence, other processors may round other digits."""
    assert found.keys() == recorded.keys()
    for which in found.keys() & {"last", "best"}:
        found[which].pop("about_groups", None)  # version 0.1 kept it to itself
        for name in ("expected_calibration_error", "calibration"):
            new, old = found[which].pop(name), recorded[which].pop(name)
            if name == "calibration":
                assert [part["count"] for part in new] == [part["count"] for part in old]
                new, old = ([part["confidence"] for part in each] for each in (new, old))
                assert [each is None for each in new] == [each is None for each in old]
                new, old = ([each for each in parts if each is not None] for parts in (new, old))
            assert new == pytest.approx(old, abs=1e-3)
    assert found == recorded


def warnings(page: Path) -> list[str]:
    """What a report says is in the way of believing it: gaps among others."""
    html = page.read_text(encoding="utf-8")
    return re.findall(r'class="warning"><b>.*?</b> <bdi>(.*?)</bdi>', html)


@pytest.mark.parametrize("name", FINISHED)
def test_eval(cli, project, name):
    code, out, err = cli("eval", project / name, "--format", "json")
    assert (code, err) == (0, "")
    assert_same(json.loads(out), read(project / name / "evaluation.json"))


def test_eval_of_images_that_were_moved(cli, project):
    run = shutil.copytree(project / "own_images", project / "moved" / "below" / "run")
    code, _, err = cli("eval", run)
    assert (code, "error[LT401]" in err, "--data" in err) == (1, True, True)
    code, out, err = cli("eval", run, "--data", project / "images", "--format", "json")
    assert (code, err) == (0, "")
    assert_same(json.loads(out), read(run / "evaluation.json"))


def test_eval_of_an_interrupted_run(cli, project):
    code, out, err = cli("eval", project / "interrupted")
    assert code == 0
    assert "is not finished: it has got to the end of epoch 0, of 0 to 5" in err
    assert f"{lines(project / 'interrupted')[0]['top1_error']:.2f} %" in out


@pytest.mark.parametrize(("name", "which"), [("two_stage", "best"), ("gallery", "last")])
def test_predict_digits(cli, project, test_part, name, which):
    zeros = project / "zeros"
    zeros.mkdir()
    for number, image in enumerate(test_part.images[test_part.labels == 0]):
        Image.fromarray(image[0]).save(zeros / f"{number}.png")
    code, out, err = cli("predict", project / name, zeros, "--format", "json")
    assert (code, err) == (0, "")
    right = [entry["predictions"][0]["class"] == "0" for entry in json.loads(out)]
    recorded = read(project / name / "evaluation.json")[which]["per_class"][0]
    assert (len(right), 100 * np.mean(right)) == (recorded["test_images"], recorded["accuracy"])


def test_predict_own_images(cli, project):
    images = sorted(project.glob("images/test/*/0*"))
    code, out, err = cli("predict", project / "own_images", *images, "--format", "json")
    assert (code, err) == (0, "")
    wrong = [
        entry["predictions"][0]["class"] != path.parent.name
        for path, entry in zip(images, json.loads(out), strict=True)
    ]
    recorded = read(project / "own_images" / "evaluation.json")
    assert len(wrong) == recorded["test_images"]
    assert 100 * np.mean(wrong) == pytest.approx(recorded["best"]["top1_error"])


def test_export(cli, project, test_part, monkeypatch):
    monkeypatch.chdir(project)
    code, _, err = cli("export", "two_stage", "--format", "onnx")
    assert (code, err) == (0, "")
    session = onnxruntime.InferenceSession(str(project / "two_stage.onnx"))
    logits = session.run(None, {session.get_inputs()[0].name: test_part.images})[0]
    wrong = 100 * np.mean(logits.argmax(1) != test_part.labels)
    assert wrong == read(project / "two_stage" / "evaluation.json")["best"]["top1_error"]


@pytest.mark.parametrize(
    "name",
    [*FINISHED, "interrupted", "sweep/epochs=4,lr=0.02,seed=0", "sweep/epochs=4,lr=0.05,seed=0"],
)
def test_diff_of_a_run_and_its_recipe(cli, project, name):
    """A recipe means today what it meant then: nothing differs, the values of the command line included."""
    run = project / name
    recipe = next((run / "recipe").glob("*.lt"))
    changes = [word for change in read(run / "run.json")["changes"] for word in ("--set", change)]
    code, plan, _ = cli("plan", recipe, *changes, "--emit", "plan")
    assert code == 0
    (project / "now.json").write_text(plan)
    assert cli("diff", run, project / "now.json") == (0, "same meaning\n", "")


class LaterPlan(Plan):
    """The plan of some later version, which has more to say."""

    average: Annotated[float | None, Added("0.3")] = None


@pytest.mark.parametrize("name", [*FINISHED, "interrupted"])
def test_a_plan_is_the_one_that_the_run_was_begun_with_though_plans_say_more(name):
    plan = LaterPlan.model_validate_json((PROJECT / name / "plan.json").read_bytes())
    assert plan.average is None
    assert plan.digest() == read(PROJECT / name / "run.json")["plan_sha256"]


@pytest.mark.parametrize("name", FINISHED)
def test_report(cli, project, name):
    page, run = project / name / "report.html", project / name
    code, _, err = cli("report", run)
    assert (code, err, warnings(page)) == (0, "", [])
    html = page.read_text(encoding="utf-8")
    parts = {"recipe", "plan", "results", "curves", "classes", "confusion", "calibration", "origin"}
    assert parts <= set(re.findall(r'<section id="(\w+)"', html))
    recorded, facts = read(run / "evaluation.json"), read(run / "run.json")
    for figures in (recorded[which] for which in ("last", "best") if which in recorded):
        assert f"{figures['top1_error']:.2f}" in html
    for known in (
        *facts["data_sha256"].values(),
        facts["plan_sha256"],
        *facts["versions"].values(),
    ):
        assert known in html
    assert ", ".join(facts["changes"]) in html
    pictures = [base64.b64encode(path.read_bytes()).decode() for path in run.glob("cam/*.png")]
    assert [picture in html for picture in pictures] == [True] * (name == "gallery")
    assert ("train/ball/41.jpg, and 1 more" in html) == (name == "own_images")


def test_report_of_an_interrupted_run(cli, project):
    code, _, err = cli("report", project / "interrupted")
    assert (code, err) == (0, "")
    assert warnings(project / "interrupted" / "report.html") == [
        "This run was interrupted: 2 of 6 epochs are recorded.",
        "There is no final evaluation yet.",
    ]


def test_report_of_a_sweep(cli, project):
    code, _, err = cli("report", project / "sweep")
    page = project / "sweep" / "comparison.html"
    assert (code, err, warnings(page)) == (0, "", [])
    html = page.read_text(encoding="utf-8")
    for run in read(project / "sweep" / "sweep.json")["runs"]:
        assert f"optimizer.lr={run['changes']['optimizer.lr']})" in html
        assert f">{run['last']['top1_error']:.2f}<" in html


def test_a_sweep_that_is_called_again_trains_nothing(cli, project, monkeypatch):
    monkeypatch.chdir(project)
    folder = project / "sweep"
    kept = {path: path.stat().st_mtime_ns for path in folder.glob("*=*/**/*") if path.is_file()}
    recorded = read(folder / "sweep.json")["runs"]
    code, out, _ = cli("sweep", "sweep.lt", *SWEEP)
    assert code == 0
    assert "2 runs in sweep: 2 finished" in out
    assert read(folder / "sweep.json")["runs"] == recorded
    with (folder / "sweep.csv").open() as file:
        found = {row["name"]: float(row["top1_error"]) for row in csv.DictReader(file)}
    assert found == {run["name"]: run["last"]["top1_error"] for run in recorded}
    now = {path: path.stat().st_mtime_ns for path in folder.glob("*=*/**/*") if path.is_file()}
    assert now == kept


def test_an_interrupted_run_goes_on(ltdsl, project):
    """From the end of its first epoch: what it knew of the second one is what the second one comes to again.

    That others trained it then is told, and recorded beside what they had.
    """
    run = project / "interrupted"
    before = lines(run)
    began = read(run / "run.json")
    began["versions"]["mindspore"] = "2.9.0"
    (run / "run.json").write_text(json.dumps(began))
    done = ltdsl("run", "--resume", "interrupted")
    assert done.returncode == 0, done.stderr
    now = versions()
    said = f"ltdsl {now['ltdsl']} instead of 0.1.0, mindspore {now['mindspore']} instead of 2.9.0"
    assert f"warning[LT418]: the run goes on with {said}" in done.stderr
    after = lines(run)
    assert [line["epoch"] for line in after] == list(range(6))
    assert after[0] == before[0]
    assert after[1]["loss"] == pytest.approx(before[1]["loss"], rel=1e-3)
    assert after[1]["top1_error"] == pytest.approx(before[1]["top1_error"], abs=1)
    facts = read(run / "run.json")
    assert facts["status"] == "finished"
    assert facts["format"] == 1
    assert (facts["versions"], facts["device"]) == (began["versions"], "cpu")
    (leg,) = facts["continuations"]
    assert (leg["versions"], leg["device"], leg["from_epoch"]) == (now, "cpu", 1)
    assert facts["plan_sha256"] == read(PROJECT / "interrupted" / "run.json")["plan_sha256"]
    assert read(run / "evaluation.json")["last"]["top1_error"] == after[-1]["top1_error"]
