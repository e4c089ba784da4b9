from __future__ import annotations

import json
import re
import string
from pathlib import Path

import pytest
from lark import Lark

from ltdsl import syntax
from ltdsl.codes.table import CODES, SYNTAX
from ltdsl.diagnostics import Diagnostic
from ltdsl.source import Source
from ltdsl.syntax.emit import syntax_to_json
from ltdsl.syntax.lalr import MAX_NESTING
from ltdsl.syntax.parser import (
    MAX_BYTES,
    MAX_LINE,
    MAX_PIECES,
    parse_chain,
    parse_file,
    parse_start,
    parse_value,
    read_source,
)
from ltdsl.syntax.scanner import comments
from ltdsl.syntax.tables import grammar_path

OPENING = "stage1: input_mixup; stage2: cam_bs + cs_ce @ epoch 160"

FULL = """\
use "common/cifar.lt"                     # settings only
dataset    = cifar10_lt(imbalance = 100)
epochs     = 420
validation = 0.1

stage1: input_mixup(alpha = 1.0)
stage2: input_mixup + cam_bs @ epoch 320 {
    optimizer = sgd(lr = 0.001)
    schedule  = multistep(milestones = [40], gamma = 0.01)
}
stage3: class_balanced @ 80.5% {
    schedule  = multistep(
        milestones = [8, 16,],   # trailing commas are fine
        warmup = 5,
    ); handoff = best
}
"""


def good(text: str) -> syntax.File:
    file, problems = parse_file(Source("recipe.lt", text))
    assert problems == []
    return file


def codes(text: str) -> list[str]:
    return [problem.code for problem in parse_file(Source("recipe.lt", text))[1]]


def value(text: str) -> syntax.Value:
    result, problems = parse_value(Source("--set", text))
    assert problems == []
    assert result is not None
    return result


def test_opening_line() -> None:
    first, second = good(OPENING).statements
    assert isinstance(first, syntax.Stage)
    assert isinstance(second, syntax.Stage)
    assert first.start is None
    assert [trick.name.text for trick in second.tricks] == ["cam_bs", "cs_ce"]
    assert second.start is not None
    assert second.start.unit is not None
    assert second.start.unit.text == "epoch"
    assert second.start.span.text == "@ epoch 160"
    assert second.span.text == "stage2: cam_bs + cs_ce @ epoch 160"


def test_full_recipe_as_data(golden) -> None:
    tree = syntax_to_json(good(FULL))
    golden("syntax/full.json", json.dumps(tree, indent=1) + "\n")


def test_spans_of_every_piece() -> None:
    setting = good("  optimizer = sgd( lr=1e-4 ,m = [1, 80%] )  # c").statements[0]
    assert isinstance(setting, syntax.Setting)
    assert setting.span.text == "optimizer = sgd( lr=1e-4 ,m = [1, 80%] )"
    call = setting.value
    assert isinstance(call, syntax.Call)
    assert call.name.span.text == "sgd"
    assert [argument.span.text for argument in call.arguments] == ["lr=1e-4", "m = [1, 80%]"]
    assert call.arguments[1].value.span.text == "[1, 80%]"


@pytest.mark.parametrize("text", ["", "\n", ";;\n ;", "# only a comment", "\r\n \t", " # a\n# b\n"])
def test_nothing_is_an_empty_file(text: str) -> None:
    assert good(text).statements == ()


@pytest.mark.parametrize(
    "text",
    [
        "a = 1; b = 2",
        "a = 1;;\n;b = 2;",
        "\n\na = 1 # one\n\nb = 2",
        "a = 1\r\nb = 2\r\n",
    ],
)
def test_separators(text: str) -> None:
    assert len(good(text).statements) == 2


@pytest.mark.parametrize(
    "text",
    [
        "s: a +\n  b",
        "s: a + # why\n\n  # because\n  b",
        "s: a(x = 1,\n\n y = [\n1\n,2\n]\n) + b",
        "s: a + b {\n}",
        "s: a + b {;\n;}",
        "s: a + b { x = 1 }",
        "s: a + b { x = 1; y = 2\n\n z = 3; }",
        "s: a + b @ 5% {x=f(\na=1)}",
    ],
)
def test_newlines_that_mean_nothing(text: str) -> None:
    (stage,) = good(text).statements
    assert isinstance(stage, syntax.Stage)
    assert stage.span.text == text


@pytest.mark.parametrize("word", ["step", "epoch", "use", "let", "ltdsl", "true", "inf"])
def test_no_word_is_a_keyword(word: str) -> None:
    text = f"s: {word} + {word}(x = 1) @ {word} 3 {{ {word}1 = f({word} = 2) }}"
    assert len(good(text).statements) == 1
    if word not in ("let", "ltdsl"):
        assert len(good(f"{word} = 3\n{word}: a").statements) == 2
    if word not in ("true", "inf"):
        assert isinstance(value(word), syntax.Call)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("420", 420),
        ("-3", -3),
        ("0", 0),
        ("0.1", 0.1),
        ("1e-4", 1e-4),
        ("-2.5E+3", -2500.0),
        ("true", True),
        ("false", False),
        (r'"a \"b\" \\ # c"', r'a "b" \ # c'),
        ('""', ""),
        ('"雪"', "雪"),
    ],
)
def test_scalars(text: str, expected: object) -> None:
    result = value(text)
    assert not isinstance(result, (syntax.List, syntax.Call))
    assert result.value == expected
    assert type(result.value) is type(expected)
    assert result.span.text == text


def test_percentages() -> None:
    for text, expected in (("80%", 80.0), ("80.5%", 80.5), ("-1%", -1.0)):
        result = value(text)
        assert isinstance(result, syntax.Percent)
        assert result.value == expected


@pytest.mark.parametrize(
    "text",
    [
        "3lr",
        "1_000",
        ".5",
        "5.",
        "007",
        "0x10",
        "1e999",
        "+3",
        "--3",
        "80 %",
        "1.2.3",
        "inf",
        "-inf",
        "nan",
        "NaN",
        "Infinity",
        "1e",
        "٣",
    ],
)
def test_bad_numbers(text: str) -> None:
    result, problems = parse_value(Source("--set", text))
    assert result is None
    assert len(problems) == 1
    if text != "٣":
        assert problems[0].code == "LT004"


def test_nesting_is_limited() -> None:
    at_limit = "[" * MAX_NESTING + "]" * MAX_NESTING
    assert isinstance(value(at_limit), syntax.List)
    for text in (f"[{at_limit}]", "[" * 100_000, "[" * 100_000 + "]" * 100_000, "f(a=" * 50_000):
        assert codes(f"a = {text}\nb = 1") == ["LT006"]
        assert [p.code for p in parse_value(Source("--set", text))[1]] == ["LT006"]


def test_misspelt_names_go_on_under_their_suggestion() -> None:
    file, problems = parse_file(Source("r", "s: InputMixup(Alpha-1 = True)"))
    assert [p.code for p in problems] == ["LT005"] * 3
    assert [p.edit.replacement for p in problems if p.edit] == ["input_mixup", "alpha_1", "true"]
    (stage,) = file.statements
    assert isinstance(stage, syntax.Stage)
    assert stage.tricks[0].name.text == "input_mixup"
    assert isinstance(stage.tricks[0].arguments[0].value, syntax.Boolean)


def test_chain_and_start() -> None:
    chain, problems = parse_chain(Source("--set", "cam_bs + ce(a = 1)"))
    assert problems == []
    assert chain is not None
    assert [trick.span.text for trick in chain] == ["cam_bs", "ce(a = 1)"]
    start, problems = parse_start(Source("--set", "epoch 160"))
    assert start is not None
    assert start.unit is not None
    assert start.unit.text == "epoch"
    start, problems = parse_start(Source("--set", "80%"))
    assert start is not None
    assert start.unit is None
    assert start.value.value == 80.0


@pytest.mark.parametrize("parse", [parse_value, parse_chain, parse_start])
@pytest.mark.parametrize("text", ["", "f(", "1 2", "@ 80%", "a b", "]", "{", '"', "a = 3", "x\ny"])
def test_bad_command_line_text(parse, text: str) -> None:
    result, problems = parse(Source("--set", text))
    assert result is None
    assert len(problems) == 1


def test_comments() -> None:
    source = Source("r", 'a = "# no" # yes\n#also')
    assert [span.text for span in comments(source)] == ["# yes", "#also"]


def test_reading(tmp_path: Path) -> None:
    path = tmp_path / "r.lt"
    path.write_bytes(b"\xef\xbb\xbfa = 1\r\nb = 2\r")
    source = read_source(path, "named")
    assert isinstance(source, Source)
    assert (source.name, source.text, source.path) == ("named", "a = 1\nb = 2\n", path)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"a\0b", "LT009"),
        (b"a = 1\n\xff\xff", "LT009"),
        ("a = 1".encode("utf-16"), "LT009"),
        (b"#" * (MAX_BYTES + 1), "LT008"),
        (b"#" * (MAX_LINE + 1), "LT008"),
        (b"\n" * (MAX_PIECES + 1), "LT008"),
    ],
)
def test_unreadable_contents(tmp_path: Path, data: bytes, code: str) -> None:
    path = tmp_path / "r.lt"
    path.write_bytes(data)
    problem = read_source(path)
    assert isinstance(problem, Diagnostic)
    assert problem.code == code
    assert problem.span is None


def test_unreadable_files(tmp_path: Path) -> None:
    paths = [tmp_path, tmp_path / "missing", tmp_path / "x" / "y", Path("a\0b"), Path("a" * 5000)]
    for path in paths:
        problem = read_source(path)
        assert isinstance(problem, Diagnostic)
        assert problem.code == "LT007"


def test_the_largest_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "r.lt"
    path.write_bytes((b"#" * (MAX_LINE - 1) + b"\n") * (MAX_BYTES // MAX_LINE))
    assert path.stat().st_size == MAX_BYTES
    assert isinstance(read_source(path), Source)


def test_grammar_is_found() -> None:
    assert grammar_path().is_file()


@pytest.mark.parametrize("code", SYNTAX)
def test_examples_of_codes_are_right(code: str) -> None:
    """The wrong example of a syntax code gives that code, the right one gives none."""
    explanation = CODES[code].explanation
    for heading, expected in (("Wrong:", True), ("Right:", False)):
        _, found, rest = explanation.partition(f"{heading}\n\n")
        if found:
            example = "\n".join(line[4:] for line in rest.split("\n\n")[0].splitlines())
            assert (code in codes(example)) is expected, example


def test_no_two_terminals_begin_alike() -> None:
    """The lexer tries all of them at once, whatever the parser expects."""
    grammar = Lark(grammar_path().read_text(encoding="utf-8"), parser="lalr", start="file")
    shapes = [re.compile(terminal.pattern.to_regexp()) for terminal in grammar.terminals]
    characters = string.printable + "é„ß٣中\u00a0\ufeff"
    for first in characters:
        for second in ["", *characters]:
            fitting = [shape for shape in shapes if shape.match(first + second)]
            assert len(fitting) <= 1, first + second
