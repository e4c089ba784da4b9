"""Comments and strings in which a reader sees something else than there is."""

from __future__ import annotations

import pytest

from ltdsl.compiler import compile_recipe
from ltdsl.diagnostics import Severity
from ltdsl.fixes import fix
from ltdsl.source import Source

#: What Boucher and Anderson's attacks are made of.
CONTROLS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def found(text):
    result = compile_recipe(Source("recipe.lt", text))
    return [problem for problem in result.diagnostics if problem.code == "LT143"]


@pytest.mark.parametrize("char", CONTROLS)
def test_each_control_is_told_where_it_stands(char):
    text = f'epochs = 400 # a{char}b\nstage1: ce + dive(teacher = "w{char}.ckpt")\n'
    places = [(problem.span.line, problem.span.column) for problem in found(text)]
    assert places == [(1, 17), (2, text.splitlines()[1].index(char) + 1)]
    assert all(problem.severity is Severity.WARNING for problem in found(text))


def test_a_run_of_them_is_one():
    [problem] = found(f"stage1: ce # {CONTROLS}\n")
    assert "right-to-left override" in problem.message
    assert problem.message.isprintable()


@pytest.mark.parametrize(
    "text", ["# עברית \u200fABC\u200e", "# فارسی می\u200cخواهم", "# 👩\u200d👧", "# \u061c\u200b"]
)
def test_what_scripts_need_is_fine(text):
    assert found(f"{text}\nstage1: ce\n") == []


def test_elsewhere_it_is_no_recipe():
    result = compile_recipe(Source("recipe.lt", "epochs = \u202e004\nstage1: ce\n"))
    assert [problem.code for problem in result.diagnostics][:1] == ["LT001"]
    assert result.failed


def test_taking_them_out_mends_it():
    source = Source("recipe.lt", "epochs = 400 # a\u202eb\u2069\nstage1: ce\n")
    mended, applied = fix(source, compile_recipe, lambda problem: problem.code == "LT143")
    assert mended.text == "epochs = 400 # ab\nstage1: ce\n"
    assert applied
