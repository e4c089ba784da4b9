"""A few thousand inputs of the campaign in `tests/fuzzing`, which `python -m tests.fuzzing` runs at length."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

pytest.importorskip("pygls")
sys.path.append(str(Path(__file__).parents[2]))  # the campaign is a package of its own

INPUTS = 2000


def test_no_input_breaks_what_holds_for_all(tmp_path):
    from tests.fuzzing.__main__ import new_state, run

    path = tmp_path / "recipe.lt"
    path.with_name("inside.lt").write_text("epochs = 30\n")
    state = new_state(seed=7)
    for number in range(INPUTS):
        run(number, 7, path, state)
    assert not state["crashes"]


@pytest.mark.parametrize("data", [b'use "' + b"a" * 300 + b'"\n', b'use "' + b"x/" * 2000 + b'"'])
def test_a_path_that_is_too_long_leads_nowhere(tmp_path, data):
    from tests.fuzzing.invariants import editing

    for column in range(0, 60, 7):
        editing(data, tmp_path / "recipe.lt", 7 * column)
