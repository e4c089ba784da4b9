"""A thousand things from strangers; ``python -m tests.hostile --inputs 100000`` takes more."""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path

import pytest
from support.processes import ROOT

from tests.hostile.__main__ import campaign
from tests.hostile.targets import Place

INPUTS = int(os.environ.get("LTDSL_HOSTILE", "1000"))


def test_nothing_that_strangers_hand_over_breaks_a_promise(tmp_path, caplog):
    caplog.set_level(logging.CRITICAL)
    found = campaign(INPUTS, 1, Place(tmp_path))
    assert found["failures"] == {}
    assert found["done"] == INPUTS


@pytest.mark.parametrize("name", ["security.md", "promises.md"])
def test_the_page_names_tests_that_there_are(name):
    page = (ROOT / "docs" / name).read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| ") and "test_" in line]
    assert len(rows) > 30
    named = re.compile(r"`(tests/[\w/.]+|test_\w+\.py)?(?:::(\w+))?`")
    for row in [*rows, page]:
        at = None
        for file, test in (found.groups() for found in named.finditer(row) if found[0] != "``"):
            if file:
                at = ROOT / file if file.startswith("tests/") else folder(at) / file
                assert at.exists(), file
            assert not test or re.search(rf"^def {test}\(", at.read_text(), re.M), test


def folder(path: Path) -> Path:
    return path if path.is_dir() else path.parent


def test_what_was_tried_is_refused_or_harmless():
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    table = page.split("| what lies there |")[1].split("\n\n")[0].splitlines()[2:]
    assert len(table) > 15
    for row in table:
        assert re.match(r"\| .* \| (refused|harmless)\b", row), row
        assert "::test_" in row, row
