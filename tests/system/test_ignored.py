"""What a folder's owner means by all its recipes; compared with what git says of the same tree."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from ltdsl.system.ignored import files_below

TREE = [
    "a.lt",
    "b.txt",
    ".hidden.lt",
    ".venv/x.lt",
    "env/pyvenv.cfg",
    "env/lib/x.lt",
    "node_modules/x.lt",
    "runs/one/run.json",
    "runs/one/recipe.lt",
    "runs/own.lt",
    "build/x.lt",
    "deep/build/keep.lt",
    "deep/old.lt",
    "deep/.gitignore",
    "deep/kept/old.lt",
    "deep/kept/new.lt",
]


@pytest.fixture
def tree(tmp_path):
    for name in TREE:
        path = tmp_path / "project" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("stage1: ce\n")
    project = tmp_path / "project"
    (project / ".git").mkdir()
    (project / ".gitignore").write_text("/build\n**/old.lt\n\\\n[z-a]\n")
    (project / "deep" / ".gitignore").write_text("!kept/old.lt\n")
    return project


def found(folder, *exclude):
    return {
        path.relative_to(folder).as_posix()
        for path in files_below(folder, ".lt", [(folder, exclude)])
    }


WANTED = {"a.lt", "runs/own.lt", "deep/build/keep.lt", "deep/kept/old.lt", "deep/kept/new.lt"}


def test_what_is_meant(tree):
    assert found(tree) == WANTED
    assert found(tree, "deep/", "/a.lt") == {"runs/own.lt"}


def test_rules_above_count_below(tree):
    assert found(tree / "deep") == {"build/keep.lt", "kept/old.lt", "kept/new.lt"}


def test_here(tree, monkeypatch):
    monkeypatch.chdir(tree)
    from pathlib import Path

    assert {path.as_posix() for path in files_below(Path(), ".lt")} == WANTED


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not there to compare with")
def test_git_says_the_same(tree):
    shutil.rmtree(tree / ".git")
    subprocess.run(["git", "init", "-q", tree], check=True)
    line = ["git", "-C", tree, "ls-files", "--others", "--exclude-standard", "*.lt"]
    listed = set(subprocess.run(line, check=True, capture_output=True, text=True).stdout.split())
    ours = (".hidden.lt", ".venv/", "env/", "node_modules/", "runs/one/")
    assert {name for name in listed if not name.startswith(ours)} == WANTED


def test_a_pipe_for_rules_is_not_waited_for(tree):
    import os

    (tree / "deep" / ".gitignore").unlink()
    os.mkfifo(tree / "deep" / ".gitignore")
    assert "deep/kept/new.lt" in found(tree)
