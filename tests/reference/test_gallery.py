"""The page of rendered diagnostics, and the examples of codes that it shows."""

from __future__ import annotations

import pytest

from ltdsl.codes.table import CODES
from ltdsl.compiler import compile_recipe
from ltdsl.reference.diagnostics_page import SAMPLES, page, sample
from ltdsl.source import Source

#: What a run prints, where a sentence of its own is still to be written.
SILENT = {"LT410", "LT411", "LT441", "LT443"}
NEED_FILES = {"LT115"}


@pytest.mark.parametrize("code", [code for code in CODES if CODES[code].bad or code in SAMPLES])
def test_wrong_examples_are_wrong(code):
    assert sample(code) is not None


@pytest.mark.parametrize(
    "code", [code for code in CODES if CODES[code].good and code not in NEED_FILES]
)
def test_right_examples_are_right(code):
    found = compile_recipe(Source("recipe.lt", CODES[code].good + "\n")).diagnostics
    assert code not in {problem.code for problem in found}


def test_other_codes_say_what_they_print():
    silent = {code for code in CODES if sample(code) is None and not CODES[code].says}
    assert silent == SILENT
    for code, entry in CODES.items():
        assert not entry.says or f"[{code}]: " in entry.says.split("\n")[0]


def test_every_code_is_on_the_page():
    """Where editors and the playground lead from it."""
    headings = {line.split()[1] for line in page().splitlines() if line.startswith("### LT")}
    assert headings == set(CODES)
