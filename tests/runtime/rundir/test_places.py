"""Where a run's files are, after it, they or both were moved."""

from __future__ import annotations

from pathlib import Path

import pytest
from ltdsl_runtime.errors import RunError
from ltdsl_runtime.rundir.places import Places, noted
from support.report import plan_of

from ltdsl.runs.facts import Facts

PLAN = plan_of('dataset = cifar10_lt; init = "first.ckpt"; a: ce; b: ce @ 50%')
OWN = plan_of('dataset = image_folder(path = "images"); a: ce').model_copy(update={"init": None})


@pytest.fixture
def project(tmp_path):
    """A recipe's folder with images and a run."""
    folder = tmp_path / "project"
    for name in ("data", "images", "runs/a/recipe"):
        (folder / name).mkdir(parents=True)
    (folder / "first.ckpt").touch()
    return folder


def begun(project):
    return facts_of(noted(project / "runs" / "a", project, project / "data"))


def facts_of(entries):
    return Facts.leniently(entries, [])


def places(project, facts, run="runs/a"):
    return Places(project / run, facts)


def test_where_nothing_was_moved(project):
    found = places(project, begun(project))
    assert found.data(PLAN, None) == project / "data"
    assert found.data(PLAN, project / "other") == project / "other"
    assert found.recipe(PLAN, project / "data", checkpoints=True) == project
    assert found.recipe(OWN, None) == project


def test_a_project_that_was_moved_as_a_whole(project, tmp_path):
    facts = begun(project)
    moved = project.rename(tmp_path / "moved")
    found = places(moved, facts)
    assert found.data(PLAN, None).samefile(moved / "data")
    assert found.recipe(PLAN, moved / "data", checkpoints=True).samefile(moved)
    assert found.recipe(OWN, None).samefile(moved)


def test_a_run_that_was_moved_alone(project, tmp_path):
    facts = begun(project)
    run = (project / "runs" / "a").rename(tmp_path / "alone")
    assert Places(run, facts).data(PLAN, None) == project / "data"
    assert Places(run, facts).recipe(OWN, None) == project
    project.rename(tmp_path / "gone")
    with pytest.raises(RunError, match=r"LT401: .*--data of .* is no longer there[^$]*--data DIR"):
        Places(run, facts).data(PLAN, None)
    with pytest.raises(RunError, match=r"LT401: there is no .*images[^$]*--data DIR"):
        Places(run, facts).recipe(OWN, None)
    with pytest.raises(RunError, match=r"LT411: there is no .*first.ckpt[^$]*put it into .*recipe"):
        Places(run, facts).recipe(PLAN, run, checkpoints=True)
    assert Places(run, facts).recipe(PLAN, run) == project  # nothing of it is needed
    (run / "recipe" / "first.ckpt").touch()
    assert Places(run, facts).recipe(PLAN, run, checkpoints=True) == run / "recipe"


def test_runs_of_before(project):
    """They have no folders as seen from the run."""
    facts = facts_of({"recipe_folder": str(project), "data_folder": str(project / "data")})
    assert places(project, facts).data(PLAN, None) == project / "data"
    assert places(project, facts).recipe(OWN, None) == project


@pytest.mark.parametrize("value", [None, 5, "a\0b", "x" * 100_000, "x" * 300, "\ud800", ["a"], ""])
def test_whatever_a_stranger_has_written(project, value):
    facts = facts_of(dict.fromkeys(noted(project, project, project), value))
    found = places(project, facts)
    with pytest.raises(RunError, match="LT401"):
        found.recipe(OWN, None)
    found.data(plan_of("a: ce"), None)  # embedded: it need not be anywhere


def test_folders_that_may_not_be_looked_into_are_not_there(project, monkeypatch):
    facts, exists = begun(project), Path.exists

    def refused(path):
        if path == project / "data":
            raise PermissionError(13, "Permission denied")
        return exists(path)

    monkeypatch.setattr(Path, "exists", refused)
    with pytest.raises(RunError, match="LT401"):
        Places(project / "elsewhere", facts).data(PLAN, None)
