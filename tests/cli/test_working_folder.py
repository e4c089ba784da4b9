"""What lies in the folder one works in is data: none of it is imported."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.processes import ROOT, SOURCES, TRAPS, command, environment, safe_command, set_traps
from support.report import make_run

from ltdsl.cli.commands.run import write_report
from ltdsl.system import children
from ltdsl.system.search_path import leave_working_folder

RECIPE = ROOT / "recipes" / "quickstart.lt"

#: What PYTHONPATH may hold besides what the tests need.
PATHS = {
    "none": SOURCES,
    "relative": f".:{SOURCES}",
    "empty": f"{SOURCES}:",
    "deeper": f"here/..:{SOURCES}",
}


def called(line: list[str], folder: Path, path: str = SOURCES) -> subprocess.CompletedProcess:
    env = environment() | {"PYTHONPATH": path}
    return subprocess.run(line, cwd=folder, env=env, capture_output=True, text=True)


@pytest.mark.parametrize("path", PATHS)
def test_python_m(tmp_path, path):
    # which `ltdsl` is run, and what starts it, Python decides before the first line of ours
    caught = set_traps(tmp_path, tuple(sorted({*TRAPS} - {"ltdsl", "runpy"})))
    (tmp_path / "here").mkdir()
    (tmp_path / "runtime").mkdir()
    (tmp_path / "runtime" / "__init__.py").write_text("raise AssertionError")
    done = called(command("check", RECIPE), tmp_path, PATHS[path])
    assert done.returncode == 0, done.stderr
    assert not caught.exists(), caught.read_text()


@pytest.mark.parametrize("path", PATHS)
def test_children(tmp_path, path):
    caught = set_traps(tmp_path)
    done = called(safe_command("check", RECIPE), tmp_path, PATHS[path])
    assert done.returncode == 0, done.stderr
    assert not caught.exists(), caught.read_text()


def test_the_report_of_a_run(tmp_path, monkeypatch):
    run = make_run(tmp_path / "run")
    caught = set_traps(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", f"{SOURCES}:.")
    assert write_report(run) is None
    assert (run / "report.html").exists()
    assert not caught.exists(), caught.read_text()


def test_what_a_child_is_told(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["", "/kits/cann", ".", "lib", "/b"]))
    assert children.environment()["PYTHONPATH"] == os.pathsep.join(["/kits/cann", "/b"])
    assert children.environment({"X": "1"})["X"] == "1"
    monkeypatch.delenv("PYTHONPATH")
    assert "PYTHONPATH" not in children.environment()
    line = children.command("ltdsl", "check", "-")
    assert line[0] == sys.executable
    assert Path(line[1]).is_absolute()
    assert line[2:] == ["ltdsl", "check", "-"]


def left(monkeypatch, folder, before, python_path=None):
    """What is left of a search path, without the folders of ltdsl itself."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", [str(entry) for entry in before])
    if python_path is None:
        monkeypatch.delenv("PYTHONPATH", raising=False)
    else:
        monkeypatch.setenv("PYTHONPATH", python_path)
    leave_working_folder()
    own = SOURCES.split(os.pathsep)
    assert set(own) <= set(sys.path)
    return [entry for entry in sys.path if entry not in own]


def test_what_stays_on_the_path(tmp_path, monkeypatch):
    here, lib = str(tmp_path), str(tmp_path / "lib")
    assert left(monkeypatch, here, [here, "/kit", "/usr/lib"]) == ["/kit", "/usr/lib"]
    assert left(monkeypatch, here, ["", "/usr/lib"]) == ["/usr/lib"]
    assert left(monkeypatch, here, ["/bin", "/usr/lib"]) == ["/bin", "/usr/lib"]
    # `site` has made relative entries absolute by then
    assert left(monkeypatch, here, ["/bin", lib, "/kit"], "lib:/kit") == ["/bin", "/kit"]
    assert left(monkeypatch, here, ["/bin", here, "/kit"], ":/kit") == ["/bin", "/kit"]
    # whoever names it in full means it
    assert left(monkeypatch, here, [here, "/kit"], f"{here}:/kit") == [here, "/kit"]
    # installed for development, somewhere behind
    assert left(monkeypatch, here, ["/bin", "/usr/lib", here]) == ["/bin", "/usr/lib", here]


def test_a_checkout_is_its_own_installation(tmp_path, monkeypatch):
    """Working in it, as without installing it, both halves are found; after all that is installed."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "path", [str(ROOT), "/usr/lib"])
    leave_working_folder()
    assert sys.path == ["/usr/lib", str(ROOT), str(ROOT / "runtime")]
