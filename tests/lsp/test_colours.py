"""Colours: every recipe is known down to its last character, and no text loses one."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, entry_points, version
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pygments import lexers
from pygments.token import Comment, Error, Keyword, Name, Number, Operator, String, Token

from ltdsl.display.pygments_lexer import RecipeLexer

ROOT = Path(__file__).parents[2]
RECIPES = sorted((ROOT / "recipes").rglob("*.lt"))


def tokens(text: str) -> list[tuple[object, str]]:
    return [(kind, piece) for _, kind, piece in RecipeLexer().get_tokens_unprocessed(text)]


def test_all_recipes_have_their_colours():
    assert len(RECIPES) > 10
    for path in RECIPES:
        text = path.read_text(encoding="utf-8")
        found = tokens(text)
        assert "".join(piece for _, piece in found) == text
        assert not [piece for kind, piece in found if kind in Error], path.name


def test_the_pieces_of_a_recipe():
    text = (
        'use "a\\"b.lt"\nseed = 3 # why\ns: ce + cb_ce(beta = 0.9) @ epoch 160 { nesterov = true }'
    )
    found = tokens(text)
    for kind, piece in [
        (Keyword.Namespace, "use"),
        (String.Escape, '\\"'),
        (Name.Attribute, "seed"),
        (Number.Integer, "3"),
        (Comment.Single, "# why"),
        (Name.Label, "s"),
        (Name.Function, "ce"),
        (Name.Function, "cb_ce"),
        (Name.Attribute, "beta"),
        (Number.Float, "0.9"),
        (Operator, "@"),
        (Keyword, "epoch"),
        (Keyword.Constant, "true"),
    ]:
        assert (kind, piece) in found, piece


def test_no_word_is_a_keyword_elsewhere():
    kinds = {piece: kind for kind, piece in tokens("epoch: use + true_loss\nuse = epoch")}
    assert kinds["epoch"] is Token.Name
    assert kinds["use"] is Name.Attribute
    assert kinds["true_loss"] is Name.Function


@given(st.text() | st.text(alphabet='ab_-=:+@"\\#;,(){}[] \n\t\r%.0e'))
def test_no_text_loses_a_character(text):
    assert "".join(piece for _, piece in tokens(text)) == text


def test_pygments_and_rich_know_it_by_name():
    try:
        version("ltdsl")
    except PackageNotFoundError:
        pytest.skip("the package is not installed, so that nobody can have told Pygments of it")
    assert entry_points(group="pygments.lexers", name="ltdsl")
    assert isinstance(lexers.get_lexer_by_name("ltdsl"), RecipeLexer)
    assert isinstance(lexers.get_lexer_for_filename("a.lt"), RecipeLexer)
