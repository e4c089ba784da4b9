"""Which edits are safe, and applying several at once."""

from __future__ import annotations

import pytest

from ltdsl.catalogue.names import one_slip
from ltdsl.codes.table import CODES
from ltdsl.compiler import compile_recipe
from ltdsl.diagnostics import Edit, report
from ltdsl.fixes import SAFE, apart, edit, fix, is_safe, mends
from ltdsl.source import Source, Span


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("epoch", "epochs", True),
        ("epochs", "epoch", True),
        ("aplha", "alpha", True),
        ("alphq", "alpha", True),
        ("lpha", "alpha", True),
        ("", "a", True),
        ("alpha", "alpha", False),
        ("epo", "epochs", False),
        ("pe", "ep", True),
        ("abc", "cab", False),
        ("abcd", "badc", False),
    ],
)
def test_one_slip(a, b, expected):
    assert one_slip(a, b) is expected


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("stage1: input_mixpu", True),
        ("epoch = 30; stage1: ce", True),
        ("stage1: input_mixup(aplha = 1.0)", True),
        ("best_on = tets; stage1: ce", True),
        ("model = resnet33; stage1: ce", False),  # another model
        ("stage1: cd_ce", False),  # cb_ce or cs_ce
        ("stage1: mixup", False),
        ("stage1: bce", False),  # of words of the field, whatever is near to them is another method
        ("stage1: cs_bce", False),
        ("optimizer = adamw; stage1: ce", False),
        ("optimizer = nadam; stage1: ce", False),
        ("model = resnext50; stage1: ce", False),
        (
            "stage1: ldamm",
            False,
        ),  # in a short word, no slip can be told from a method nobody knows here
        ("stage1: ce, input_mixup", False),
        ("stage1: ce; stage2: ce @ 160", False),
    ],
)
def test_what_is_safe(text, safe):
    problems = [d for d in compile_recipe(Source("recipe.lt", text)).diagnostics if d.edit]
    assert [is_safe(problem) for problem in problems] == [safe] * len(problems)
    assert problems or not safe


def test_the_table_names_codes():
    for code in SAFE:
        assert code == "LT9" or code in CODES


def test_edits_that_touch_are_not_applied_together():
    source = Source("recipe.lt", "0123456789")

    def at(start: int, end: int):
        span = Span(source, start, end)
        return report("LT001", span, "", edit=Edit(span, "x"))

    chosen = apart([at(6, 8), at(0, 2), at(1, 3), at(2, 2), at(4, 4), at(4, 4)])
    assert [d.span.start for d in chosen] == [0, 4, 6]
    assert edit(source, [d.edit for d in chosen]).text == "x23x45x89"


def test_fixing_ends():
    text = "".join(f"a{i} := 0{i}\n" for i in range(150))
    source, applied = fix(Source("recipe.lt", text), compile_recipe, lambda d: True)
    assert applied
    assert ":=" not in source.text


def test_fixes_behind_fixes():
    text = "eopchs = 1_000\nstage1: input_mixpu(aplha = 1), ce\n"
    source, applied = fix(Source("recipe.lt", text), compile_recipe, lambda d: True)
    assert source.text == "epochs = 1000\nstage1: input_mixup(alpha = 1) + ce\n"
    assert [d.code for d in applied] == ["LT004", "LT014", "LT101", "LT102", "LT103"]


@pytest.mark.parametrize(
    "text",
    [
        "optimizer = adamw(weight_decay = 0.05)\nstage1: ce",
        "stage1: bce",
        "stage1: cs_bce",
        "model = resnext50\nstage1: ce",
        "optimizer = radam\nstage1: ce",
        "stage1: ce\nstage2: ldam_drw @ 80%",
        "stage1: input_mixpu(foo = 1)",  # as many problems afterwards
    ],
)
def test_another_method_or_as_many_problems_is_no_fix(text):
    source, applied = fix(Source("recipe.lt", text), compile_recipe, lambda d: True)
    assert (source.text, applied) == (text, [])


@pytest.mark.parametrize(
    ("text", "fixed"),
    [
        ("stage 1: ce", "stage1: ce"),
        ("stage1: ce\nstage2: cs_ce @ epoch=160", "stage1: ce\nstage2: cs_ce @ epoch 160"),
        ("stage1: ce\nstage2: cs_ce @ epoch = 160", "stage1: ce\nstage2: cs_ce @ epoch 160"),
    ],
)
def test_edits_of_syntax_leave_nothing_behind(text, fixed):
    source, _ = fix(Source("recipe.lt", text), compile_recipe, lambda d: True)
    assert source.text == fixed
    assert not compile_recipe(source).failed


def test_each_fix_leaves_fewer_problems():
    text = "stage1: input_mixpu(aplha = 1, foo = 2)\nepoch = 30"
    before = compile_recipe(Source("recipe.lt", text))
    for problem in before.diagnostics:
        if problem.edit:
            after = compile_recipe(edit(before.source, [problem.edit]))
            fewer = len(after.diagnostics) < len(before.diagnostics)
            assert mends(problem, before, compile_recipe) is fewer
