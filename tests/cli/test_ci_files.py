"""The files that other repositories use: hooks and the action call commands that exist."""

from __future__ import annotations

import re

import pytest
from support.processes import ROOT

yaml = pytest.importorskip("yaml")  # pre-commit brings it


def load(name: str):
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def test_hooks():
    hooks = {hook["id"]: hook for hook in load(".pre-commit-hooks.yaml")}
    assert {name: hook["entry"] for name, hook in hooks.items()} == {
        "ltdsl-check": "ltdsl check --force-exclude",
        "ltdsl-fmt": "ltdsl fmt --force-exclude",
    }
    for hook in hooks.values():
        assert re.search(hook["files"], "recipes/a.lt")
        assert not re.search(hook["files"], "recipes/a.lta")


def test_action():
    action = load("action.yml")
    assert action["runs"]["using"] == "composite"
    scripts = [step["run"] for step in action["runs"]["steps"] if "run" in step]
    for script in scripts:
        assert "${{" not in script  # an input must not become a script
    for name in action["inputs"]:
        assert f"inputs.{name}" in str(action["runs"]), name


def test_the_action_installs_the_base_alone():
    (script,) = (
        step["run"] for step in load("action.yml")["runs"]["steps"] if "pip" in step.get("run", "")
    )
    assert script == 'python -m pip install --quiet "$GITHUB_ACTION_PATH"'


@pytest.mark.parametrize("command", ["check", "fmt"])
def test_options_that_are_written_about_exist(ltdsl, command):
    text = "".join((ROOT / name).read_text(encoding="utf-8") for name in ("action.yml",))
    known = ltdsl(command, "--help").stdout
    for line in re.findall(rf"ltdsl {command} (.*)", text):
        for option in re.findall(r"(?<![\w-])--[a-z][a-z-]*", line):
            assert option in known, option
