"""Where stages start: as written, and in short runs so that each has an epoch."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltdsl.compiler import compile_recipe
from ltdsl.epochs import exact, place, stage_starts
from ltdsl.source import Source

POINTS = st.integers(0, 40) | st.integers(0, 1000).map(lambda n: f"{n / 10}%")


@given(st.lists(POINTS, max_size=6), st.integers(1, 60))
def test_starts(points, length):
    points = [0, *points]
    raw = [place(point, length) for point in points]
    starts = stage_starts(points, length)
    written = [exact(point, length) for point in points]
    assert all(s == r for s, r, p in zip(starts, raw, points, strict=True) if isinstance(p, int))
    if all(a < b for a, b in pairwise([*raw, length])):
        assert list(starts) == raw  # what is fine is left as it is
    in_order = all(a < b for a, b in pairwise(written)) and written[-1] < length
    if not in_order or length < len(points):
        assert list(starts) == raw  # and what is wrong is reported as it is written
    elif all(isinstance(point, str) for point in points[1:]):
        assert all(a < b for a, b in pairwise([*starts, length]))  # each stage has an epoch


@pytest.mark.parametrize(
    ("epochs", "spans", "codes"),
    [
        (2, [(0, 1), (1, 2)], ["LT308"]),
        (3, [(0, 2), (2, 3)], ["LT308"]),
        (5, [(0, 4), (4, 5)], []),
    ],
)
def test_a_short_run_trains_each_stage(epochs, spans, codes):
    text = "schedule = constant\nstage1: ce\nstage2: cs_ce @ 80%"
    result = compile_recipe(Source("recipe.lt", text), [f"epochs={epochs}"])
    assert [(stage.start, stage.end) for stage in result.plan.stages] == spans
    assert [problem.code for problem in result.diagnostics if problem.code[:3] == "LT3"] == codes


@pytest.mark.parametrize(
    ("epochs", "said"),
    [
        (1, "each needs an epoch: `epochs = 2` at least; `ltdsl run --smoke` tries"),
        (2, "raise `epochs`; `--set stage2.at=80%` moves with `epochs`; `ltdsl run --smoke`"),
    ],
)
def test_a_run_that_is_too_short_says_how_to_try_it(epochs, said):
    text = "schedule = constant\nstage1: ce\nstage2: cs_ce @ epoch 160"
    [problem] = compile_recipe(Source("recipe.lt", text), [f"epochs={epochs}"]).diagnostics
    assert (problem.code, said in problem.help) == ("LT304", True), problem.help


def test_more_stages_than_epochs():
    text = "schedule = constant\nstage1: ce\nstage2: cs_ce @ 80%\nstage3: ce @ 90%"
    problems = compile_recipe(Source("recipe.lt", text), ["epochs=2"]).diagnostics
    assert [(problem.code, problem.span.text) for problem in problems] == [("LT304", "epochs=2")]
