from __future__ import annotations

import time
from pathlib import Path

import pytest

from ltdsl import syntax
from ltdsl.diagnostics.render import render, summary
from ltdsl.source import Source
from ltdsl.syntax.parser import parse_file
from ltdsl.syntax.recovery.recover import MAX_ERRORS

CASES = Path(__file__).parents[1] / "golden" / "syntax_errors"


@pytest.mark.parametrize("path", sorted(CASES.glob("*.lt")), ids=lambda path: path.stem)
def test_rendered_errors(golden, path: Path) -> None:
    _, problems = parse_file(Source(path.name, path.read_bytes().decode()))
    parts = [*map(render, problems), summary(problems)]
    golden(path.with_suffix(".txt"), "\n\n".join(parts) + "\n")


def kept(text: str) -> list[str]:
    file, problems = parse_file(Source("recipe.lt", text))
    assert problems
    return [s.name.text if not isinstance(s, syntax.Use) else "use" for s in file.statements]


def errors(text: str) -> list[tuple[str, int, int]]:
    _, problems = parse_file(Source("recipe.lt", text))
    return [(p.code, p.span.line, p.span.column) for p in problems if p.span]


def test_all_errors_are_reported_and_the_rest_is_kept() -> None:
    text = 'use "a"\nepochs 400\nseed = 1\nmodel = @\nstage1: a b\nstage2: c @ 5%\n= 3'
    assert errors(text) == [
        ("LT001", 2, 8),
        ("LT001", 4, 9),
        ("LT001", 5, 11),
        ("LT001", 7, 1),
    ]
    # Where the suggested edit says what was meant, the statement goes on with it.
    assert kept(text) == ["use", "epochs", "seed", "stage1", "stage2"]


@pytest.mark.parametrize("bracket", ["f(x = 1", "[1, 2", "f(x = [1", "f(", "["])
def test_unclosed_bracket_is_reported_where_it_opens(bracket: str) -> None:
    text = f"a = {bracket}\nb = 2\ns: c @ 5%"
    column = 5 + max(bracket.rfind("("), bracket.rfind("["))
    assert errors(text) == [("LT002", 1, column)]
    assert kept(text)[-2:] == ["b", "s"]


def test_unclosed_block_ends_at_the_next_stage() -> None:
    text = "s: a {\n x = 1\n y 2\nt: b @ 5% {\n x = 2\n}"
    assert errors(text) == [("LT002", 1, 6), ("LT001", 3, 4)]
    file, _ = parse_file(Source("r", text))
    first, second = file.statements
    assert isinstance(first, syntax.Stage)
    assert isinstance(second, syntax.Stage)
    assert [setting.name.text for setting in first.overrides] == ["x", "y"]
    assert [setting.name.text for setting in second.overrides] == ["x"]


def test_error_in_a_block_keeps_the_stage_and_its_other_settings() -> None:
    text = "s: a @ 5% {\n x = 1\n y = ]\n z = 3\n}\nt: b"
    file, problems = parse_file(Source("r", text))
    assert len(problems) == 1
    stage = file.statements[0]
    assert isinstance(stage, syntax.Stage)
    assert [setting.name.text for setting in stage.overrides] == ["x", "z"]
    assert stage.span.text == text[: text.index("\nt")]
    assert len(file.statements) == 2


def test_brace_on_the_next_line_still_belongs_to_the_stage() -> None:
    file, problems = parse_file(Source("r", "s: a\n\n{\n x = 1\n}\nt: b"))
    assert [problem.code for problem in problems] == ["LT013"]
    assert problems[0].edit is not None
    assert problems[0].edit.span.text == "\n\n"
    stage = file.statements[0]
    assert isinstance(stage, syntax.Stage)
    assert len(stage.overrides) == 1


def test_several_errors_in_one_statement() -> None:
    text = "s: a b, c(x: 1 y = 3lr)"
    codes = [code for code, _, _ in errors(text)]
    assert codes == ["LT001", "LT014", "LT014", "LT001", "LT004"]
    assert kept(text) == ["s"]


def test_spans_after_a_repair_are_those_of_the_text() -> None:
    file, _ = parse_file(Source("r", "a = f(x = 1\ns: b(z = 1 + c @ 80 % { w = 1 }"))
    setting, stage = file.statements
    assert isinstance(setting, syntax.Setting)
    assert isinstance(stage, syntax.Stage)
    assert setting.span.text == "a = f(x = 1"
    assert [trick.span.text for trick in stage.tricks] == ["b(z = 1", "c"]
    assert stage.span.text.endswith("{ w = 1 }")


def test_number_of_errors_is_bounded() -> None:
    _, problems = parse_file(Source("r", "a\n" * 500))
    assert len(problems) == MAX_ERRORS + 1
    assert problems[-1].code == "LT015"


SIZE = 1 << 18


@pytest.mark.parametrize(
    "unit",
    [
        "[",
        "(",
        "{",
        "}",
        "]",
        "a = [\n",
        "s: a {\n",
        "s: a +\n",
        "a;",
        '"',
        "'",
        "@",
        ";(",
        "\\",
        "a = 1;",
        "a = ;",
        "\x00",
        "\x1b[",
        "a = f(b = [",
        "#\n",
        "+",
        "9",
        "-",
        "s: a { b = ",
    ],
)
def test_large_garbage_is_answered_soon(unit: str) -> None:
    begin = time.process_time()
    _, problems = parse_file(Source("r", (unit * SIZE)[:SIZE] + "\na ="))
    assert 1 <= len(problems) <= MAX_ERRORS + 1
    assert time.process_time() - begin < 10
