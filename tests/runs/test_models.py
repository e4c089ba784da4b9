"""The models of a run's files: strict for those who write, lenient for those who show."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from pydantic import ValidationError
from support.report import make_run

from ltdsl.reference.schema import schema
from ltdsl.runs.evaluation import Evaluation
from ltdsl.runs.facts import Facts, Leg, Processor
from ltdsl.runs.metrics import Epoch
from ltdsl.runs.pictures import Pictures
from ltdsl.runs.sweep import SweepTable

EARLIER = Path(__file__).parents[1] / "fixtures" / "runs_0_1"

LINE = {
    "epoch": 3,
    "stage": "one",
    "loss": 1.5,
    "lr": 0.1,
    "top1_error": 37.5,
    "macro_recall": 62.5,
    "measured_on": "test",
    "seconds": 2.0,
}

#: The model of each kind of file, and the files of version 0.1.
FILES = {
    "run": (Facts, sorted(EARLIER.glob("*/run.json"))),
    "evaluation": (Evaluation, sorted(EARLIER.glob("*/evaluation.json"))),
    "pictures": (Pictures, sorted(EARLIER.glob("*/cam/*.json"))),
    "sweep": (SweepTable, sorted(EARLIER.glob("sweep/sweep.json"))),
}


@pytest.mark.parametrize("subject", FILES)
def test_files_of_version_0_1_are_whole_and_keep_every_entry(subject):
    model, paths = FILES[subject]
    assert paths
    validator = jsonschema.Draft202012Validator(schema(subject))
    for path in paths:
        data = json.loads(path.read_text())
        assert model.model_validate(data).as_data() == data
        validator.validate(data)


def test_lines_of_version_0_1_are_whole_and_keep_every_entry():
    validator = jsonschema.Draft202012Validator(schema("metrics"))
    for path in EARLIER.glob("*/metrics.jsonl"):
        for line in map(json.loads, path.read_text().splitlines()):
            assert Epoch.model_validate(line).as_data() == line
            validator.validate(line)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"loss": None}, "loss"),
        ({"loss": float("nan")}, "loss"),
        ({"loss": "1.5"}, "loss"),
        ({"epoch": -1}, "epoch"),
        ({"epoch": True}, "epoch"),
        ({"seconds": ...}, "seconds"),
        ({"measured_on": ...}, "all figures of its evaluation, or none"),
        ({"top1_error": ...}, "all figures of its evaluation, or none"),
    ],
)
def test_what_is_not_whole_is_not_written(change, said):
    line = {name: value for name, value in (LINE | change).items() if value is not ...}
    with pytest.raises(ValidationError, match=said):
        Epoch.model_validate(line)
    assert not jsonschema.Draft202012Validator(schema("metrics")).is_valid(
        json.loads(json.dumps(line).replace("NaN", '"NaN"'))
    )


def test_an_entry_that_nobody_knows_is_not_written():
    facts = Facts.model_validate(json.loads((EARLIER / "gallery" / "run.json").read_text()))
    assert facts.changed(status="failed", error="no").as_data()["error"] == "no"
    assert "error" not in facts.changed(status="failed", error="no").changed(error=None).as_data()
    with pytest.raises(TypeError, match="eror"):
        facts.changed(eror="no")
    with pytest.raises(ValidationError, match="status"):
        facts.changed(status="over")


@pytest.mark.parametrize(
    ("change", "gaps"),
    [
        ({"seed": "x"}, ["seed"]),
        ({"status": None}, []),
        ({"versions": {"a": 5}}, ["versions.a"]),
        ({"started": "yesterday"}, ["started"]),
        ({"data": {"classes": []}}, ["data.classes"]),
        ({"data": 5}, ["data"]),
        ({"continuations": [{"device": 5}]}, ["continuations.device"]),
        ({"recipe_folder": "a\0b"}, ["recipe_folder"]),
    ],
)
def test_what_is_damaged_is_missing_and_all_else_is_there(change, gaps):
    given = json.loads((EARLIER / "gallery" / "run.json").read_text())
    whole, found = Facts.model_validate(given), []
    facts = Facts.leniently(given | change, found)
    assert [gap.where for gap in found] == gaps
    assert all(gap.what for gap in found)
    for name in Facts.model_fields.keys() - change.keys():
        assert getattr(facts, name) == getattr(whole, name)


def test_a_part_of_an_evaluation_that_is_damaged_leaves_the_rest(tmp_path):
    make_run(tmp_path / "run")
    given = json.loads((tmp_path / "run" / "evaluation.json").read_text())
    given["last"]["per_class"][3]["accuracy"] = "much"
    given["last"]["macro_recall"] = float("inf")
    del given["best"]["epoch"]
    gaps = []
    found = Evaluation.leniently(given, gaps)
    assert [gap.where for gap in gaps] == ["last.per_class.accuracy", "best.epoch"]
    assert found.best is None
    assert found.last.macro_recall is None
    assert found.last.per_class[3].accuracy is None
    assert found.last.top1_error == given["last"]["top1_error"]


def test_names_are_cut_and_made_whole_where_they_are_shown_alone():
    name = "a\ud800\0" + "x" * 300
    gaps = []
    assert Facts.leniently({"unreadable": [name]}, gaps, exact=True).unreadable == (name,)
    shown = Facts.leniently({"unreadable": [name]}, gaps).unreadable[0]
    assert shown.startswith("a?\N{REPLACEMENT CHARACTER}x")
    assert len(shown) == 200
    assert gaps == []


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (({"a": "1"}, "cpu"), ({"a": "1"}, "cpu"), ""),
        (({"a": "1"}, "cpu"), ({"a": "2"}, "cpu"), "a 2 instead of 1"),
        (
            ({"a": "1"}, "cpu"),
            ({"a": "1", "b": "3"}, "gpu"),
            "b 3 instead of none, gpu instead of cpu",
        ),
        (({"a": "1", "b": "3"}, None), ({"a": "1"}, "gpu"), "no b instead of 3"),
        (({}, None), ({"a": "1"}, "gpu"), ""),
    ],
)
def test_what_another_machine_may_change_is_told(before, after, said):
    assert Leg(3, *after).unlike(Leg(0, *before)) == said


@pytest.mark.parametrize(
    ("device", "kernels", "means"),
    [
        ("cpu", "native-avx2", ("cpu", "native-avx2")),
        ("cpu", None, ("cpu", "mindspore")),  # of version 0.1
        ("cpu-native", None, ("cpu", "native")),
        ("gpu", None, ("gpu", None)),
        (None, None, (None, None)),
    ],
)
def test_what_computed_is_told_by_device_and_kernels(device, kernels, means):
    entries = {"device": device, "kernels": kernels}
    facts = Facts.leniently({name: value for name, value in entries.items() if value}, [])
    (leg,) = facts.legs()
    assert (leg.device, leg.kernels) == means
    assert facts.last_leg == leg


def test_other_kernels_may_change_numbers():
    before, after = Leg(0, {}, "cpu", "mindspore"), Leg(3, {}, "cpu", "native-avx2")
    assert after.unlike(before) == "native-avx2 kernels instead of mindspore"
    assert after.unlike(after) == ""


def test_another_compilers_kernels_may_change_numbers():
    facts = {"device": "cpu", "kernels": "native-avx2"}
    leg = {"device": "cpu", "kernels": "native-avx2", "compiler": "clang 14.0.6"}
    run = Facts.leniently({**facts, "compiler": "gcc 12.2.0", "continuations": [leg]}, [])
    assert run.last_leg.compiler == "clang 14.0.6"
    said = "kernels compiled by clang 14.0.6 instead of gcc 12.2.0"
    assert run.went_on_otherwise() == ((None, said),)
    unknown = Facts.leniently({**facts, "continuations": [leg]}, [])  # of before they were recorded
    assert unknown.went_on_otherwise() == ()


PROCESSOR = {"name": "Xeon", "instructions": "ab", "threads": 4, "cores": 8}


def leg(workers=1, **change):
    processor = Processor.model_validate(PROCESSOR | change)
    return Leg(0, {}, "cpu", "mindspore", processor, workers)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, ""),
        ({"cores": 64}, ""),
        ({"threads": 1}, "1 thread instead of 4"),
        ({"name": "EPYC", "instructions": "cd"}, "EPYC instead of Xeon"),
        ({"instructions": "cd"}, "other instructions of the processor"),
        ({"limit": "AVX2"}, ""),  # not known before
    ],
)
def test_a_processor_that_gives_other_numbers(change, said):
    assert leg(**change).unlike(leg()) == said


def test_other_workers_give_other_numbers():
    assert leg(threads=8).unlike(leg(workers=2)) == "1 worker instead of 2"
