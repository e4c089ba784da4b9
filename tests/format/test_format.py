"""The layout of the formatter, and what it must never change."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.processes import ROOT

from ltdsl import format as formatting
from ltdsl.format import UnprovenError, format_source
from ltdsl.source import Source

FOLDER = ROOT / "tests" / "golden" / "format"
PARAGRAPH = re.compile(r"(?:^(?: {4}.*|)\n)+", re.MULTILINE)

FULL = """\
use "common/cifar.lt"                     # settings only, local path, first in the file
dataset    = cifar10_lt(imbalance = 100)
epochs     = 420
validation = 0.1

stage1: input_mixup(alpha = 1.0)
stage2: input_mixup + cam_bs @ epoch 320 {
    optimizer = sgd(lr = 0.001)
    schedule  = multistep(milestones = [40], gamma = 0.01)
}
stage3: class_balanced @ epoch 400 {
    optimizer = sgd(lr = 0.001)
    schedule  = multistep(milestones = [8, 16], gamma = 0.1, warmup = 5)
    handoff   = best
}
"""


def formatted(text: str) -> str:
    result = format_source(Source("recipe.lt", text))
    assert isinstance(result, str), result
    assert format_source(Source("recipe.lt", result)) == result
    return result


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.lt")), ids=lambda path: path.stem)
def test_snapshots(golden, path):
    golden(path.with_suffix(".txt"), formatted(path.read_text(encoding="utf-8")))


def test_recipes_are_fixed_points():
    paths = list((ROOT / "recipes").rglob("*.lt"))
    assert paths
    for path in paths:
        text = path.read_text(encoding="utf-8")
        assert formatted(text) == text, path


def test_the_opening_line_is_a_fixed_point():
    text = "stage1: input_mixup; stage2: cam_bs + cs_ce @ epoch 160\n"
    assert formatted(text) == text


def test_the_full_recipe_is_a_fixed_point():
    assert formatted(FULL) == FULL


def test_recipes_in_the_documentation_are_fixed_points():
    text = (ROOT / "docs" / "language.md").read_text(encoding="utf-8")
    blocks = [re.sub(r"^ {4}", "", block, flags=re.M).strip() for block in PARAGRAPH.findall(text)]
    recipes = [f"{block}\n" for block in blocks if block]
    assert len(recipes) >= 2
    for recipe in recipes:
        assert formatted(recipe) == recipe


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("\n\n ;\n", ""),
        ("# only\n\n\n\n# comments", "# only\n\n# comments\n"),
        ("a=1;b=2", "a = 1; b = 2\n"),
        ("a=1;\nbb=2", "a  = 1\nbb = 2\n"),
        ("a=1\n# c\nbb=2\n\nccc=3", "a  = 1\n# c\nbb = 2\n\nccc = 3\n"),
        ("s:ce@80%{a=1;bc=2}", "s: ce @ 80% {\n    a  = 1\n    bc = 2\n}\n"),
        ("s: ce { } # c", "s: ce  # c\n"),
        ("s: ce { # c\n}", "s: ce {  # c\n}\n"),
        ("s: ce() + f (\n)", "s: ce + f\n"),
        ("a = [ # c\n]", "a = [  # c\n]\n"),
        ("a = [1 # c\n # d\n , # e\n 2]", "a = [\n    1,  # c\n    # d\n    # e\n    2,\n]\n"),
        ("a = f # not its own\n", "a = f  # not its own\n"),
        ("a = [f # c\n (x = 1)]", "a = [\n    # c\n    f(x = 1),\n]\n"),
        ("s: a +\n\n\n b", "s: a + b\n"),
        ('use"x" ;a=-1e-4', 'use "x"; a = -1e-4\n'),
        ("a = 1 # x\nlong = 2 # y", "a    = 1  # x\nlong = 2  # y\n"),
        ("s: ce # x\nt: ce + f @ 80% # y", "s: ce            # x\nt: ce + f @ 80%  # y\n"),
    ],
)
def test_layout(text, expected):
    assert formatted(text) == expected


def test_a_line_is_wrapped_only_beyond_100_columns():
    fits = "a = [" + ", ".join(["1234"] * 15) + ', "12"]'
    assert len(fits) == 100
    assert formatted(fits) == fits + "\n"
    longer = fits.replace('"12"', '"123"')
    assert formatted(longer).count("\n") == 18


def test_a_one_line_recipe_that_is_too_long_gets_lines():
    text = "; ".join(f"stage{i}: input_mixup(alpha = 1.0) @ {i}0%" for i in range(1, 5))
    assert formatted(text).count("\n") == 4


def test_the_longest_name_does_not_push_the_others():
    text = f"{'a' * 64} = 1\n" + "b = 1\n" * 100
    assert len(formatted(text)) < 2000


def test_what_does_not_parse_is_refused():
    problems = format_source(Source("recipe.lt", "stage1: a, b\n"))
    assert [problem.code for problem in problems] == ["LT014"]


@pytest.mark.parametrize(
    ("broken", "what"),
    [
        ("stage1: cs_ce  # why\n", "the syntax tree"),
        ("stage1: ce\n", "a comment"),
        ("stage1 ce\n", "the syntax tree"),
    ],
)
def test_it_refuses_what_it_cannot_prove(monkeypatch, broken, what):
    monkeypatch.setattr(formatting, "_formatted", lambda source: broken)
    with pytest.raises(UnprovenError, match=what):
        format_source(Source("recipe.lt", "stage1: ce # why"))


def test_it_does_not_grow_a_recipe_beyond_what_can_be_read():
    text = "a = " + "[" * 31 + "1," * 20_000 + "]" * 31
    with pytest.raises(UnprovenError, match="1 MiB"):
        format_source(Source("recipe.lt", text))


def test_golden_inputs_are_crooked():
    for path in Path(FOLDER).glob("*.lt"):
        text = path.read_text(encoding="utf-8")
        assert formatted(text) != text
