"""What `make` installs is declared, and where pip looks for it."""

from __future__ import annotations

import re
import sys

import pytest
from support.processes import ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    tomllib = pytest.importorskip("tomli")


def test_groups_that_make_installs_are_declared():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    installed = re.findall(r"--group (\w+)", (ROOT / "Makefile").read_text(encoding="utf-8"))
    assert set(installed) == set(project["dependency-groups"]) == {"dev", "audit"}
    # TOML would take them into whatever table stands above
    assert project["tool"]["hatch"]["version"] == {"path": "ltdsl/__init__.py"}
