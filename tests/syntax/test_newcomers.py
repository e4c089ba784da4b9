"""Recipes as people write them who know the field and not the language: one mistake, one message that helps."""

from __future__ import annotations

from pathlib import Path

import pytest

from ltdsl.compiler import compile_recipe
from ltdsl.diagnostics.render import render
from ltdsl.syntax.parser import read_source

CASES = sorted((Path(__file__).parents[1] / "golden" / "newcomers").glob("*.lt"))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_one_message(golden, path):
    problems = compile_recipe(read_source(path, path.name)).diagnostics
    golden(path.with_suffix(".txt"), "\n\n".join(map(render, problems)) + "\n")
    assert len(problems) == 1
    assert problems[0].help or problems[0].edit
