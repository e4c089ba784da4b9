"""A thousand things from strangers; ``python -m tests.hostile --inputs 100000`` takes more."""

from __future__ import annotations

import logging
import os
import re

from support.processes import ROOT

from tests.hostile.__main__ import campaign
from tests.hostile.targets import Place

INPUTS = int(os.environ.get("LTDSL_HOSTILE", "1000"))


def test_nothing_that_strangers_hand_over_breaks_a_promise(tmp_path, caplog):
    caplog.set_level(logging.CRITICAL)
    found = campaign(INPUTS, 1, Place(tmp_path))
    assert found["failures"] == {}
    assert found["done"] == INPUTS


def test_the_page_names_tests_that_there_are():
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| **")]
    assert len(rows) > 10
    for row in [*rows, page]:
        folder = None
        for name in re.findall(r"`(tests/[\w/.]+|test_\w+\.py)`", row):
            path = ROOT / name if name.startswith("tests/") else folder / name
            assert path.exists(), name
            folder = path if path.is_dir() else path.parent
