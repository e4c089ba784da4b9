"""What holds for every text: generated recipes round-trip, and nothing makes the parser fail."""

from __future__ import annotations

import json
import string
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ltdsl import syntax
from ltdsl.diagnostics import Diagnostic
from ltdsl.diagnostics.render import render, to_json
from ltdsl.source import Source, Span
from ltdsl.syntax.emit import syntax_to_json
from ltdsl.syntax.parser import parse_chain, parse_file, parse_start, parse_value

NOWHERE = Span(Source("", ""), 0, 0)
SOON = settings(deadline=timedelta(seconds=5))

# Trees

NUMBER_LIKE = {"inf", "infinity", "nan"}
words = st.sampled_from(["step", "epoch", "use", "let", "ltdsl", "true", "stage1"]) | (
    st.from_regex(r"[a-z][a-z0-9]{0,4}(_[a-z0-9]{1,3}){0,2}", fullmatch=True)
)
names = st.builds(syntax.Identifier, st.just(NOWHERE), words)
heads = names.filter(lambda name: name.text not in ("let", "ltdsl"))
value_names = names.filter(lambda name: name.text not in NUMBER_LIKE | {"true", "false"})


def leaf(kind: Any, values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.builds(kind, st.just(NOWHERE), values)


finite = st.floats(allow_nan=False, allow_infinity=False)
integers = leaf(syntax.Integer, st.integers(-(10**18) + 1, 10**18 - 1))
floats = leaf(syntax.Float, finite)
percents = leaf(syntax.Percent, finite)
strings = leaf(
    syntax.String,
    st.text(st.characters(codec="utf-8", exclude_characters="\n\r\0"), max_size=12),
)
booleans = leaf(syntax.Boolean, st.booleans())


def call_of(called: Any, values: Any) -> Any:
    arguments = st.builds(syntax.Argument, st.just(NOWHERE), names, values)
    many = st.lists(arguments, max_size=3).map(tuple)
    return st.builds(syntax.Call, st.just(NOWHERE), called, many)


def larger(values: Any) -> Any:
    lists = st.lists(values, max_size=3).map(tuple)
    return st.builds(syntax.List, st.just(NOWHERE), lists) | call_of(value_names, values)


simple = integers | floats | percents | strings | booleans
values = st.recursive(simple | call_of(value_names, simple), larger, max_leaves=6)
setting_nodes = st.builds(syntax.Setting, st.just(NOWHERE), heads, values)
starts = st.builds(syntax.Start, st.just(NOWHERE), st.none() | names, integers | floats | percents)
chains = st.lists(call_of(names, values), min_size=1, max_size=3).map(tuple)
stages = st.builds(
    syntax.Stage,
    st.just(NOWHERE),
    heads,
    chains,
    st.none() | starts,
    st.lists(setting_nodes, max_size=3).map(tuple),
)
uses = st.builds(syntax.Use, st.just(NOWHERE), strings)
statements = st.lists(uses | setting_nodes | stages, max_size=5)


def bare(node: Any) -> Any:
    """A tree without its spans."""
    if isinstance(node, syntax.Node):
        fields = [name for name in node._fields if name != "span"]
        return type(node).__name__, *(bare(getattr(node, name)) for name in fields)
    if isinstance(node, (tuple, list)):
        return tuple(bare(item) for item in node)
    return repr(node)


# Texts

BLANK = ["", "", " ", "  ", "\t"]
LOOSE = [*BLANK, "\n", ' # ) ] " } ;\n', "\n\n ", "\r\n"]
SEPARATOR = ["\n", ";", " ; ", "\n\n", "\n# it's } 80 %\n", ";\n;", " # c\n\t", "\r\n"]


class Printer:
    """Prints a tree in one of the many ways in which it can be written."""

    def __init__(self, draw: Any) -> None:
        self._draw = draw

    def _one(self, texts: list[str]) -> str:
        return self._draw(st.sampled_from(texts))

    def _joined(self, pieces: list[str], mark: str, space: list[str], end: list[str]) -> str:
        text = ""
        for number, piece in enumerate(pieces):
            text += (self._one(space) + mark if number else "") + self._one(space) + piece
        return text + (self._one(end) if pieces else "") + self._one(space)

    def value(self, node: Any) -> str:
        match node:
            case syntax.String():
                return '"' + node.value.replace("\\", "\\\\").replace('"', '\\"') + '"'
            case syntax.Boolean():
                return "true" if node.value else "false"
            case syntax.Percent():
                return f"{node.value!r}%"
            case syntax.List():
                items = [self.value(item) for item in node.items]
                return f"[{self._joined(items, ',', LOOSE, ['', ','])}]"
            case syntax.Call():
                return self.call(node)
        return repr(node.value)

    def call(self, node: syntax.Call) -> str:
        if not node.arguments:
            return node.name.text + self._one(["", "", "()", " (\n)"])
        arguments = [
            f"{a.name.text}{self._one(LOOSE)}={self._one(LOOSE)}{self.value(a.value)}"
            for a in node.arguments
        ]
        inside = self._joined(arguments, ",", LOOSE, ["", ","])
        return f"{node.name.text}{self._one(BLANK)}({inside})"

    def chain(self, tricks: Any) -> str:
        text = self.call(tricks[0])
        for trick in tricks[1:]:
            text += self._one(BLANK) + "+" + self._one(LOOSE) + self.call(trick)
        return text

    def start(self, node: syntax.Start) -> str:
        unit = f"{node.unit.text} {self._one(BLANK)}" if node.unit else ""
        return unit + self.value(node.value)

    def statement(self, node: syntax.Statement) -> str:
        blank = self._one(BLANK)
        if isinstance(node, syntax.Use):
            return f"use{blank}{self.value(node.path)}"
        if isinstance(node, syntax.Setting):
            return f"{node.name.text}{blank}={self._one(BLANK)}{self.value(node.value)}"
        text = f"{node.name.text}{blank}:{self._one(BLANK)}{self.chain(node.tricks)}"
        if node.start:
            text += f"{self._one(BLANK)}@{self._one(BLANK)}{self.start(node.start)}"
        if node.overrides or self._draw(st.booleans()):
            inside = [self.statement(setting) for setting in node.overrides]
            text += f"{self._one(BLANK)}{{{self.separated(inside)}}}"
        return text

    def separated(self, pieces: list[str]) -> str:
        """Statements with something between all of them, and perhaps around."""
        text = self._one(["", *SEPARATOR])
        for number, piece in enumerate(pieces):
            text += (self._one(SEPARATOR) if number else "") + self._one(BLANK) + piece
        return text + self._one(["", " ", *SEPARATOR])


@st.composite
def recipes(draw: Any) -> tuple[list[syntax.Statement], str]:
    nodes = draw(statements)
    printer = Printer(draw)
    return nodes, printer.separated([printer.statement(node) for node in nodes])


@given(recipes())
@SOON
def test_generated_recipes_round_trip(recipe: tuple[list[syntax.Statement], str]) -> None:
    nodes, text = recipe
    source = Source("recipe.lt", text)
    file, problems = parse_file(source)
    assert problems == []
    assert bare(file.statements) == bare(nodes)
    assert_sound(source, file, problems)


@given(st.data())
@SOON
def test_command_line_text_round_trips(data: st.DataObject) -> None:
    printer = Printer(data.draw)
    for strategy, show, parse in (
        (values, printer.value, parse_value),
        (chains, printer.chain, parse_chain),
        (starts, printer.start, parse_start),
    ):
        node = data.draw(strategy)
        result, problems = parse(Source("--set", show(node)))
        assert problems == []
        assert bare(result) == bare(node)


# Any text

TOKENS = [
    *'=:+@(){}[],;#%"\n \\-.',
    "a",
    "stage1: ",
    "b = 3",
    "use ",
    "epoch ",
    "80%",
    "1e9",
    '"x"',
]
soup = st.lists(st.sampled_from(TOKENS), max_size=40).map("".join)


@st.composite
def mutated(draw: Any) -> str:
    """A valid recipe with a few pieces deleted, doubled or put in."""
    text = draw(recipes())[1]
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 5)))
        piece = draw(st.just("") | soup | st.text(max_size=2) | st.just(text[start:end] * 2))
        text = text[:start] + piece + text[end:]
    return text


def assert_inside(span: Span, source: Source) -> None:
    assert span.source is source
    assert 0 <= span.start <= span.end <= len(source.text)


def assert_sound(source: Source, tree: Any, problems: list[Diagnostic]) -> None:
    """Every span is within the text, children within parents, and all can be shown."""

    def visit(node: Any, around: Span) -> None:
        assert_inside(node.span, source)
        assert around.start <= node.span.start
        assert node.span.end <= around.end
        for child in node:
            for item in child if type(child) is tuple else [child]:
                if isinstance(item, syntax.Node):
                    visit(item, node.span)

    visit(tree, tree.span)
    json.dumps(syntax_to_json(tree))
    for problem in problems:
        assert problem.span is not None
        for span in (problem.span, *(other.span for other in problem.others)):
            assert_inside(span, source)
        if problem.edit:
            assert_inside(problem.edit.span, source)
        shown = render(problem)
        assert all(char.isprintable() or char == "\n" for char in shown)
        json.dumps(to_json(problem))


@given(st.text() | soup | mutated() | st.text(string.printable))
@settings(SOON, max_examples=300)
def test_any_text_is_answered(text: str) -> None:
    source = Source("recipe.lt", text)
    assert_sound(source, *parse_file(source))
    for parse in (parse_value, parse_chain, parse_start):
        result, problems = parse(Source("--set", text))
        assert (result is None) == bool(problems)


BROKEN = ["a 1", "a = ", "s: ", "= 3", "s: a @", "a = f(1)", "a = [1", 's: f("x', "a = 3lr", "}"]
BROKEN += ["s = a + b", "a = b)", "s: a +", "x: [", "a = f(b = (", "@", "let x = 2", "s: a { b = }"]


@given(st.lists(setting_nodes | stages, min_size=1, max_size=4), st.data())
@SOON
def test_an_error_stays_in_its_statement(nodes: list[syntax.Statement], data: Any) -> None:
    printer = Printer(data.draw)
    pieces = [printer.statement(node) for node in nodes]
    index = data.draw(st.integers(0, len(nodes)))
    broken = data.draw(st.sampled_from(BROKEN))
    source = Source("recipe.lt", "\n".join([*pieces[:index], broken, *pieces[index:]]))
    file, problems = parse_file(source)
    assert_sound(source, file, problems)
    line = source.text.count("\n", 0, len("\n".join([*pieces[:index], ""]))) + 1
    assert {problem.span.line for problem in problems if problem.span} == {line}
    found = [bare(s) for s in file.statements if s.span.line != line]
    assert found == [bare(node) for node in nodes]
