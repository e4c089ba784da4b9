"""The folder of a run that names none."""

from __future__ import annotations

from pathlib import Path

import pytest

from ltdsl.cli.commands import run


def test_runs_of_the_same_second(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(run.time, "strftime", lambda form: "now")
    made = [run._default_folder(Path("exp/recipe.lt")) for _ in range(3)]
    assert [path.as_posix() for path in made] == [
        "runs/recipe-now",
        "runs/recipe-now-2",
        "runs/recipe-now-3",
    ]
    assert all(path.is_dir() for path in made)


def test_a_folder_that_cannot_be_made_is_told_when_it_is_opened(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").write_text("a file")
    assert run._default_folder(Path("recipe.lt")).parent == Path("runs")


def test_a_run_that_does_not_begin_leaves_no_folder(ltdsl, recipe, tmp_path):
    done = ltdsl("run", recipe("precision = bf16; stage1: ce"))
    assert "LT427" in done.stderr
    assert not (tmp_path / "runs").exists()
    (tmp_path / "runs" / "other").mkdir(parents=True)
    ltdsl("run", recipe("precision = bf16; stage1: ce"))
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["other"]


@pytest.mark.parametrize(
    "words",
    [
        ("fmt", ""),
        ("check", "a.lt", "--data="),
        ("check", "a.lt", "--stdin-filename", ""),
        ("diff", "a.lt", ""),
        ("report", "a", "--out", ""),
        ("data", "inspect", ""),
    ],
)
def test_an_empty_path_is_no_folder(ltdsl, tmp_path, words):
    text = "stage1:ce"
    (tmp_path / "a.lt").write_text(text)
    done = ltdsl(*words)
    assert done.returncode == 2
    assert "a path is empty" in done.stderr
    assert (tmp_path / "a.lt").read_text() == text
