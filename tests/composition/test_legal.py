"""Whatever legal tricks are put together, the recipe compiles, and its plan survives its JSON."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.composition import BY_KIND, DEFAULTS, entries, recipes

from ltdsl import catalogue
from ltdsl.analysis.values import build, find
from ltdsl.catalogue import Trick
from ltdsl.compiler import compile_recipe
from ltdsl.plan import Plan
from ltdsl.source import Source
from ltdsl.syntax.parser import parse_chain

LONG = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def read_back(text):
    """What a chain of one trick means."""
    problems = []
    chain, found = parse_chain(Source("", text))
    assert not found, text
    (call,) = chain
    entry = find(call, Trick, problems.append)
    built = build(entry, call.arguments, call.span, problems.append)
    assert not problems, (text, [problem.message for problem in problems])
    return built


@pytest.mark.parametrize("name", catalogue.TRICKS)
def test_a_trick_is_read_back_as_it_is_printed(name):
    @settings(LONG, max_examples=25)
    @given(entries(catalogue.TRICKS[name]))
    def check(entry):
        assert read_back(str(entry)) == entry

    check()


@given(st.text(st.characters(codec="utf-8", exclude_characters="\n\r\0"), min_size=1))
def test_a_text_is_printed_in_quotes(path):
    entry = catalogue.Distillation(teacher=path)
    assert read_back(str(entry)) == entry


@settings(LONG, max_examples=150)
@given(recipes())
def test_legal_recipes_compile(written):
    text = written.text()
    result = compile_recipe(Source("recipe.lt", text))
    assert not result.failed, (text, [problem.message for problem in result.diagnostics])
    plan = result.plan
    assert Plan.model_validate_json(plan.to_json()) == plan
    ends = [stage.start for stage in written.stages[1:]] + [plan.epochs]
    for stage, planned, end in zip(written.stages, plan.stages, ends, strict=True):
        assert (planned.start, planned.end) == (stage.start, end)
        for kind in BY_KIND:
            expected = stage.tricks.get(kind, DEFAULTS.get(kind))
            assert getattr(planned, kind) == expected, kind
        assert planned.fresh_optimizer == (stage.start == 0 or bool(stage.braces))
        assert all(planned.rate(epoch) > 0 for epoch in (planned.start, planned.end - 1))
    losses = [stage.tricks["loss"] for stage in written.stages if "loss" in stage.tricks]
    cosine = any(loss.classifier == "cosine" for loss in losses)
    assert plan.classifier == ("cosine" if cosine else "linear")
