"""Reading run directories: one way for all commands, whatever is in them."""

from __future__ import annotations

import json
import os

import pytest
from support.report import make_run

from ltdsl.report import ReportError, write_report
from ltdsl.runs import UnreadableError, read_run
from ltdsl.runs.layout import FORMAT
from ltdsl.runs.reading import Run, last_epoch


@pytest.fixture
def run(tmp_path):
    return make_run(tmp_path / "run", done=4, status="interrupted")


def change(run, **entries):
    path = run / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | entries))


def test_a_run_is_read_by_its_path(tmp_path):
    run = read_run(str(make_run(tmp_path / "first")))
    assert repr(run) == "<run first: finished>"
    assert run.metrics[-1].epoch + 1 == run.plan.epochs == 12
    assert 0 <= run.evaluation.last.top1_error <= 100
    assert run.facts.plan_sha256 == run.plan.digest()
    assert list(run.recipe) == ["recipe.lt"]
    assert (run.pictures, run.gaps) == ((), ())


@pytest.mark.parametrize("name", ["no-such-folder", "."])
def test_what_is_no_run(tmp_path, name):
    with pytest.raises(UnreadableError, match="is no run directory") as caught:
        read_run(tmp_path / name)
    assert "ltdsl run" in caught.value.hint


def test_a_run_of_a_later_version_is_told_in_a_sentence(run, tmp_path):
    change(run, format=FORMAT + 1)
    with pytest.raises(UnreadableError, match=f"later version.*of format {FORMAT + 1}"):
        read_run(run)
    with pytest.raises(ReportError, match="later version") as caught:
        write_report([run])
    assert caught.value.code == "LT450"
    assert Run(run).facts.format == FORMAT + 1


def test_runs_that_are_begun_and_used_refuse_a_later_version(run):
    from ltdsl_runtime.errors import RunError
    from ltdsl_runtime.rundir.directory import RunDirectory
    from ltdsl_runtime.use.trained import open_run
    from support.training import given

    change(run, format=FORMAT + 1, **given(), stages=["stage1", "stage2"])
    for code, opened in (
        ("LT426", lambda: RunDirectory(run, resume=True)),
        ("LT413", lambda: open_run(run, Run(run).plan)),
    ):
        with pytest.raises(RunError, match="later version") as caught:
            opened()
        assert caught.value.code == code


@pytest.mark.parametrize("name", ["run.json", "plan.json", "metrics.jsonl", "recipe/recipe.lt"])
def test_nothing_outside_the_folder_is_read(run, tmp_path, name):
    kept = (run / name).rename(tmp_path / "elsewhere")
    (run / name).symlink_to(kept)
    assert any("leads out of its folder" in gap for gap in read_run(run).gaps)
    (run / name).unlink()
    os.mkfifo(run / name)
    assert read_run(run).gaps if name != "run.json" else Run(run).gaps


def test_the_last_epoch_is_that_of_the_last_whole_line(run):
    assert last_epoch(run).epoch == 3
    with (run / "metrics.jsonl").open("a") as file:
        file.write('{"epoch": 4, "st')
    assert last_epoch(run) is None
    assert last_epoch(run / "recipe") is None


def test_a_report_tells_what_each_part_of_a_run_was_trained_with(run):
    leg = {"time": "2026-01-03T00:00:00Z", "platform": "Linux", "device": "cpu"}
    same = leg | {"versions": {"ltdsl": "0.1.0", "mindspore": "2.10.0"}, "from_epoch": 1}
    other = leg | {"versions": {"ltdsl": "0.1.0", "mindspore": "2.11.0"}, "from_epoch": 2}
    change(run, continuations=[same, other])
    html = write_report([run]).read_text(encoding="utf-8")
    assert "From epoch 2 on it was trained with mindspore 2.11.0 instead of 2.10.0" in html
    assert html.count("instead of") == 1
    assert "gone on with from epoch 1 on" in html
    assert "2026-01-03T00:00:00Z, cpu, Linux, ltdsl 0.1.0, mindspore 2.11.0" in html
