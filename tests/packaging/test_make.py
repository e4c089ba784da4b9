"""What `make` and CI install is declared, and where pip looks for it."""

from __future__ import annotations

import re
import sys

import pytest
from support.processes import ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    tomllib = pytest.importorskip("tomli")


def test_groups_that_are_installed_are_declared():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    makefile, ci = ((ROOT / name).read_text(encoding="utf-8") for name in ("Makefile", ".ci/run"))
    by_make, by_ci = (set(re.findall(r"--group (\w+)", text)) for text in (makefile, ci))
    assert by_make == {"dev", "audit", "site"}
    assert by_make | by_ci == set(project["dependency-groups"])
    # TOML would take them into whatever table stands above
    assert project["tool"]["hatch"]["version"] == {"path": "ltdsl/__init__.py"}
