"""Any text through `check`, `fmt` and fixing. `LTDSL_FUZZ=20000 pytest tests/format/test_fuzz.py` looks longer."""

from __future__ import annotations

import json
import os
import string
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.processes import ROOT
from syntax.test_properties import mutated, recipes, soup

from ltdsl.catalogue import TRICKS
from ltdsl.codes.sarif import log
from ltdsl.compiler import Compilation, compile_recipe
from ltdsl.diagnostics import Diagnostic
from ltdsl.diagnostics.github import command
from ltdsl.diagnostics.render import render, to_json
from ltdsl.fixes import fix, is_safe
from ltdsl.format import format_source
from ltdsl.source import Source, Span

EXAMPLES = int(os.environ.get("LTDSL_FUZZ", "0")) or 200
FUZZ = settings(
    deadline=timedelta(seconds=5),
    max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

REAL = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "recipes").glob("*.lt"))]
REAL += [
    path.read_text(encoding="utf-8") for path in sorted((ROOT / "recipes" / "paper").glob("*.lt"))
]
WORDS = [*TRICKS, "epochs", "optimizer", "schedule", "alpha", "milestones", "sgd", "multistep"]
PIECES = [
    *(
        "\n",
        "\n\n\n",
        ";",
        " ",
        "\t",
        "# c\n",
        " # ltdsl: ignore[LT201] why\n",
        "# ltdsl: ignore[]",
    ),
    *(", ", "+", " + ", "=", ":", "@ 80%", "@ epoch 12", "(", ")", "[", "]", "{", "}", "()", "{ }"),
    *("0", "-1", "1e400", "1e-400", "99999999999", "50%", "1000%", "true", '"x"', '"', "'", "\\"),
    *("\r", "\r\n", "\ufeff", "\u2028", "\x0c", "\x00", "é", "𝟛", "٣"),
]


@st.composite
def near_real(draw: Any) -> str:
    """A recipe of the project with a few pieces deleted, doubled, moved or put in."""
    text = draw(st.sampled_from(REAL))
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 12)))
        cut = text[start:end]
        piece = draw(
            st.sampled_from(["", cut * 2, *PIECES]) | st.sampled_from(WORDS) | st.text(max_size=2)
        )
        text = text[:start] + piece + text[end:]
    return text


texts = st.text() | soup | st.text(string.printable) | mutated() | near_real()


def inside(span: Span) -> None:
    assert 0 <= span.start <= span.end <= len(span.source.text)


def assert_sound(problems: list[Diagnostic]) -> None:
    for problem in problems:
        spans = [problem.span] if problem.span else []
        spans += [other.span for other in problem.others]
        spans += [problem.edit.span] if problem.edit else []
        for span in spans:
            inside(span)
        assert all(char.isprintable() or char == "\n" for char in render(problem))
        line = command(problem, "recipe.lt")
        assert "\n" not in line
        assert "\r" not in line
        json.dumps(to_json(problem))
    json.dumps(log(("recipe.lt", problem) for problem in problems))


def said(result: Compilation) -> list[tuple[str, str]]:
    return sorted((problem.code, problem.message) for problem in result.diagnostics)


@given(texts)
@FUZZ
def test_check_answers(text: str) -> None:
    assert_sound(compile_recipe(Source("recipe.lt", text)).diagnostics)


@given(recipes().map(lambda recipe: recipe[1]) | near_real() | mutated())
@FUZZ
def test_formatting_is_idempotent_and_changes_no_meaning(text: str) -> None:
    source = Source("recipe.lt", text)
    once = format_source(source)
    if not isinstance(once, str):
        assert_sound(once)
        return
    after = Source("recipe.lt", once)
    assert format_source(after) == once
    assert once == "" or once.endswith("\n")
    for line in once.split("\n"):
        assert line == line.rstrip(" \t\r")
    assert "\n\n\n" not in once
    assert said(compile_recipe(after)) == said(compile_recipe(source))


@given(texts)
@settings(FUZZ, max_examples=max(EXAMPLES // 4, 50))
def test_fixing_ends_and_has_nothing_left(text: str) -> None:
    source = Source("recipe.lt", text)
    everything, _ = fix(source, compile_recipe, lambda problem: True)
    assert_sound(compile_recipe(everything).diagnostics)
    mended, applied = fix(source, compile_recipe, is_safe)
    assert (mended.text == text) == (not applied)
    again, more = fix(mended, compile_recipe, is_safe)
    assert (again.text, more) == (mended.text, [])
