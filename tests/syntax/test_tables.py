"""The tables against Lark's own parser, and what is kept of them against damage."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from lark import Lark, Token, Tree, UnexpectedToken

from ltdsl.syntax import tables as module
from ltdsl.syntax.lalr import UnexpectedError, parse
from ltdsl.syntax.tables import STARTS, grammar_path, kept, make, tables

RECIPES = sorted((Path(__file__).parents[2] / "recipes").rglob("*.lt"))

GRAMMAR = grammar_path().read_text(encoding="utf-8")


class _Nodes(dict[str, Any]):
    """Makes lists that begin with the rule's name."""

    def __missing__(self, name: str) -> Any:
        return lambda pieces: [name, *pieces]


def shape(piece: Any) -> Any:
    """Lark's tree as such lists."""
    if isinstance(piece, Tree):
        return [str(piece.data), *map(shape, piece.children)]
    return (piece.type, str(piece)) if isinstance(piece, Token) else piece


def ours(text: str, start: Any = "file") -> Any:
    leaves = dict.fromkeys(tables().terminals, lambda token: (token.type, token.text))
    return parse(text, start, _Nodes(), leaves)


@pytest.fixture(scope="module")
def lark() -> Lark:
    return Lark(GRAMMAR, parser="lalr", start=list(STARTS))


def flat(path: Path) -> str:
    """A recipe without the newlines that our lexer drops, and Lark's would not."""
    text = path.read_text(encoding="utf-8").replace("[\n", "[").replace(",\n", ",")
    return text.replace("\n]", "]")


def test_trees_are_those_of_larks_own_parser(lark: Lark) -> None:
    assert len(RECIPES) > 10
    for path in RECIPES:
        assert ours(flat(path)) == shape(lark.parse(flat(path), start="file")), path
    pieces = [("value", "[1, a(b = [2,],)]"), ("chain", "a + b(c = 1)"), ("start", "epoch 3")]
    for start, text in [*pieces, ("start", "80%"), ("value", "[]"), ("file", "")]:
        assert ours(text, start) == shape(lark.parse(text, start=start)), text


@pytest.mark.parametrize(
    "text", ["a", "a =", "a = [1", "a: b +", "a: b @", "a: b @ epoch", "a = = 1", "a: b {c", "1"]
)
def test_what_could_stand_there_is_what_lark_says(lark: Lark, text: str) -> None:
    with pytest.raises(UnexpectedError) as found:
        ours(text)
    with pytest.raises(UnexpectedToken) as expected:
        lark.parse(text, start="file")
    assert expected.value.interactive_parser is not None
    assert found.value.accepts == expected.value.interactive_parser.accepts()


def test_what_is_kept_is_read_only_whole_and_of_the_same_grammar() -> None:
    made = make(GRAMMAR)
    whole = json.dumps({"form": module._FORM, "grammar": GRAMMAR, "tables": made._asdict()})
    found = kept(whole, GRAMMAR)
    assert found is not None
    assert found.states == made.states
    assert json.dumps(found) == json.dumps(made)
    assert kept(whole, GRAMMAR + "\n") is None
    for damaged in (whole[:-20], "", "[]", "3", '{"form": 1}', whole.replace("states", "state")):
        assert kept(damaged, GRAMMAR) is None


def test_damage_is_mended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "cache_from_source", lambda _: str(tmp_path / "cache" / "x.pyc"))
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    tables.cache_clear()
    try:
        tables()
        [file] = (tmp_path / "cache").iterdir()
        text = file.read_text(encoding="utf-8")
        for damage in (text[: len(text) // 2].encode(), b"\xff\xfe"):
            file.write_bytes(damage)
            tables.cache_clear()
            # not the same text as before: Lark numbers states as they come
            assert tables() == kept(file.read_text(encoding="utf-8"), GRAMMAR)
    finally:
        tables.cache_clear()
