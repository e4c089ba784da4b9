"""What ``--from`` names."""

from __future__ import annotations

import pytest
from support.report import make_run

from ltdsl.options import Begins
from ltdsl.runs.beginnings import read_begins
from ltdsl.runs.errors import UnreadableError


@pytest.fixture
def run(tmp_path):
    """With stages of 8 and 4 epochs, of which 10 are done."""
    return make_run(tmp_path / "a@home", done=10, status="interrupted")


@pytest.mark.parametrize(
    ("text", "epochs"), [("", 10), ("@stage1", 8), ("@epoch 3", 3), ("@epoch10", 10)]
)
def test_what_it_names(run, text, epochs):
    assert read_begins(f"{run}{text}") == Begins(run, epochs)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("@stage2", "has trained 10 epochs"),
        ("@epoch 11", "has trained 10 epochs"),
        ("@epoch 0", "has trained 10 epochs"),
        ("@stage9", "has no stage `stage9`"),
        ("@80%", "has no stage `80%`"),
        ("x", "is no run directory"),
    ],
)
def test_what_is_not_there(run, text, why):
    with pytest.raises(UnreadableError, match=why):
        read_begins(f"{run}{text}")
