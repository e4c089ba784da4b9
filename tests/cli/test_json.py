"""`--format json`: one document on standard output, of the shape that docs/commands.md promises."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from ltdsl.catalogue import TRICKS
from ltdsl.codes.table import CODES

DOCS = Path(__file__).parents[2] / "docs"
RECIPE = (
    "dataset = cifar10_lt(imbalance = 100)\nstage1: input_mixup; stage2: class_balanced @ 80%\n"
)


@pytest.fixture
def printed(ltdsl):
    def call(*words):
        done = ltdsl(*words, "--format", "json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return call


def test_tricks(printed):
    listed = printed("tricks")["tricks"]
    assert [each["name"] for each in listed] == list(TRICKS)
    [cam] = [each for each in listed if each["name"] == "cam_bs"]
    assert (cam["kind"], cam["needs_weights"]) == ("sampler", True)
    defaults = {each["name"]: each["default"] for each in cam["parameters"]}
    assert defaults == {
        "sampler": "class_balanced",
        "threshold": "1",
        "keep_originals": "true",
        "below": "none",
    }
    [mixup] = [each for each in listed if each["name"] == "input_mixup"]
    assert mixup["parameters"][0]["range"].startswith("more than 0")


def test_explain(printed, ltdsl):
    found = printed("explain", "cam_bs")
    assert found["about"]["name"] == found["name"] == "cam_bs"
    assert found["text"].rstrip("\n") == ltdsl("explain", "cam_bs").stdout.rstrip("\n")
    found = printed("explain", "lt201")["about"]
    assert (found["code"], found["title"], found["severity"]) == (
        "LT201",
        CODES["LT201"].title,
        "advice",
    )
    assert printed("explain", "handoff")["about"] is None


def test_plan(printed, ltdsl, recipe):
    path = recipe(RECIPE)
    found = printed("plan", path)
    assert found == json.loads(ltdsl("plan", path, "--emit", "plan").stdout)
    schema = json.loads((DOCS / "schema" / "plan.schema.json").read_text())
    assert not list(Draft202012Validator(schema).iter_errors(found))
    assert ltdsl("plan", path, "--format", "json", "--details").returncode == 2


def test_advise(printed, ltdsl, recipe):
    path = recipe(RECIPE)
    found = printed("advise", path, "--rows", "2")
    assert found["combination"] == "input_mixup; class_balanced"
    assert (found["benchmark"], found["same"], found["caveat"]) == ("CIFAR-10-LT-100", True, "")
    shown = " ".join(ltdsl("advise", path, "--rows", "2").stdout.split())
    for split in found["splits"]:
        assert 0 < len(split["rows"]) <= 2
        assert f"Split {split['split']}: {split['title']}" in shown
        for row in split["rows"]:
            assert f"{row['top1_error']:.2f} %" in shown
        change = split["first_change"]
        if change:
            gain = change["base"]["top1_error"] - change["better"]["top1_error"]
            assert change["gain"] == pytest.approx(gain, abs=0.006)
            assert f"{change['gain']:.2f} points" in shown


def test_runs(printed, tmp_path):
    (tmp_path / "runs").mkdir()
    assert printed("runs") == {"runs": []}
