"""What holds for every text and every place in it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("pygls")

from lsprotocol import types as lsp

from ltdsl.compiler import compile_recipe
from ltdsl.lsp.colours import LEGEND, colours
from ltdsl.lsp.complete import complete
from ltdsl.lsp.folding import folds
from ltdsl.lsp.hints import hints
from ltdsl.lsp.hover import definition, hover
from ltdsl.lsp.links import links
from ltdsl.lsp.outline import outline
from ltdsl.lsp.problems import check, fixes, shown, silences
from ltdsl.lsp.rename import rename
from ltdsl.lsp.signature import signature
from ltdsl.lsp.text import Places, source_of
from ltdsl.source import Source

RECIPE = Path(__file__).parents[2] / "recipes" / "paper_final_cifar10_lt.lt"
UTF_16 = Places()

WORDS = """stage1 : ce cs_ce + @ epoch 160 80% { } ( ) [ ] , = ; " \\ # 𝒳 é use "a.lt" lr sgd optimizer"""
pieces = st.sampled_from([*WORDS.split(), "\n", "\r\n", " ", "\u2028"])
texts = st.lists(pieces, max_size=30).map("".join) | st.text()


def ask_everything(text: str, line: int, character: int) -> None:
    """Every answer that an editor can ask for, none of which may fail."""
    source = source_of(text, "recipe.lt", RECIPE.with_name("none.lt"))
    if not isinstance(source, Source):
        return
    position = lsp.Position(line, character)
    for item in complete(source, position, UTF_16):
        span = item.text_edit.range
        assert (span.start.line, span.start.character) <= (span.end.line, span.end.character)
        assert span.start.line == span.end.line
    signature(source, position, UTF_16)
    for edit in rename(source, position, UTF_16, "renamed_stage"):
        assert edit.range.start.line == edit.range.end.line
    for fold in folds(source):
        assert fold.start_line < fold.end_line
    sound_colours(colours(source, UTF_16).data, source)
    list(links(source, UTF_16))
    definition(source, position, UTF_16)
    for symbol in outline(source, UTF_16):
        assert symbol.name  # editors refuse an outline with an empty one
    checked = check(source)
    hover(source, position, UTF_16, lambda: checked.compilation)
    shown(checked, UTF_16)
    whole = lsp.Range(lsp.Position(0, 0), lsp.Position(len(text), 0))
    for hint in hints(checked, whole, UTF_16):
        assert "\n" not in hint.label
    for action in fixes(checked, "file:///recipe.lt", whole, UTF_16, compile_recipe):
        assert action.title
    for action in silences(checked, "file:///recipe.lt", whole, UTF_16):
        assert action.title


def sound_colours(data: list[int], source: Source) -> None:
    """Tokens go forwards, do not overlap, and end within their line."""
    line, column, ends = 0, 0, 0
    for down, right, length, kind, modifiers in zip(*[iter(data)] * 5, strict=True):
        line, column = line + down, right if down else column + right
        assert length > 0
        assert down or column >= ends
        ends = column + length
        assert ends <= len(source.line(line + 1).encode("utf-16-le", "replace")) // 2
        assert (kind < len(LEGEND.token_types), modifiers) == (True, 0)


@settings(deadline=timedelta(seconds=5), max_examples=60)
@given(texts, st.integers(0, 5), st.integers(0, 40))
def test_no_text_makes_it_fail(text, line, character):
    ask_everything(text, line, character)


def test_half_typed_recipes_are_answered():
    text = RECIPE.read_text(encoding="utf-8")
    for end in range(0, len(text) + 1, 9):
        typed = text[:end]
        ask_everything(typed, typed.count("\n"), len(typed.rsplit("\n", 1)[-1]))


@given(st.text(st.sampled_from("a𝒳é\n\u2028")), st.sampled_from(["utf-8", "utf-16", "utf-32"]))
def test_positions_lead_back_to_where_they_come_from(text, encoding):
    places = Places(encoding)
    source = Source("", text)
    for offset in range(len(text) + 1):
        position = places.position(source, offset)
        assert places.offset(source, position) == offset
        line = text.split("\n")[position.line]
        codec = (
            "utf-32-le" if encoding == "utf-32" else f"{encoding}-le".replace("utf-8-le", "utf-8")
        )
        units = {"utf-8": 1, "utf-16": 2, "utf-32": 4}[encoding]
        assert position.character <= len(line.encode(codec)) // units


def test_positions_outside_the_text_stand_for_its_end():
    source = Source("", "ab\nc")
    for line, character, offset in [(0, 99, 2), (1, 99, 4), (7, 0, 4), (0, 0, 0)]:
        assert UTF_16.offset(source, lsp.Position(line, character)) == offset


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_newlines_and_marks_leave_positions_where_they_are(newline):
    source = source_of(f"\ufeffseed = 3{newline}stage1: cee", "recipe.lt")
    (problem,) = shown(check(source), UTF_16)
    assert (problem.range.start.line, problem.range.start.character) == (1, 8)
    assert UTF_16.position(source, source.text.index("seed")).character == 1


def test_a_text_full_of_problems_floods_no_editor():
    checked = check(Source("", "seed = 3\n" * 3000))
    assert len(checked.problems) > 2000
    assert len(shown(checked, UTF_16)) == 1000
