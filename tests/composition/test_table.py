"""The page about tricks leaves none out."""

from __future__ import annotations

import pytest
from trick_table import BEGIN, END, PAGE, cases, table

from ltdsl.catalogue import LOSSES, TRICKS


@pytest.mark.parametrize("name", TRICKS)
def test_a_trick_has_tests_and_a_row(name):
    page = PAGE.read_text(encoding="utf-8")
    assert any(name in case.tricks for case in cases())
    assert f"| `{name}` | {TRICKS[name].kind} | " in page


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_has_its_measured_differences(name):
    page = PAGE.read_text(encoding="utf-8").split("## Losses against")[1].split("\n## ")[0]
    assert f"| `{name}" in page


def test_the_table_is_fresh():
    shown = PAGE.read_text(encoding="utf-8").split(BEGIN)[1].split(END)[0].strip()
    assert shown == table().strip(), "run: python tests/trick_table.py"
