from __future__ import annotations

from ltdsl.codes.table import CODES
from ltdsl.diagnostics import Edit, Label, Severity, report
from ltdsl.diagnostics.render import in_order, render, render_rich, summary, to_json
from ltdsl.source import Source, Span

TEXT = """\
epochs = 3
stage2: cam_bs + cs_ce + cam_bs
\tx = "漢字" 漢\x1b[31m y
four
five
six
"""
RECIPE = Source("recipe.lt", TEXT)
OTHER = Source("other\x1b.lt", "zz = 3")


def at(piece: str, number: int = 0, source: Source = RECIPE) -> Span:
    start = -1
    for _ in range(number + 1):
        start = source.text.index(piece, start + 1)
    return Span(source, start, start + len(piece))


def test_everything_at_once() -> None:
    problem = report(
        "LT001",
        at("cam_bs", 1),
        "a trick twice",
        label="written again here",
        others=(
            Label(at("cam_bs"), "first written here"),
            Label(at("epochs"), "not here"),
            Label(at("3", source=OTHER), "elsewhere"),
        ),
        help="take one away\nor both",
        note="background",
    )
    assert render(problem) == (
        """\
error[LT001]: a trick twice
  --> recipe.lt:2:26
   |
 1 | epochs = 3
   | ------ not here
 2 | stage2: cam_bs + cs_ce + cam_bs
   |         ------           ^^^^^^ written again here
   |         |
   |         first written here
   |
  ::: other␛.lt:1:6
   |
 1 | zz = 3
   |      - elsewhere
   |
   = help: take one away
           or both
   = note: background"""
    )
    assert str(render_rich(problem)).split() == render(problem).split()
    assert "\x1b" not in str(render_rich(problem))


def test_three_labels_on_a_line() -> None:
    problem = report(
        "LT001",
        at("cs_ce"),
        "x",
        label="two",
        others=(Label(at("cam_bs", 1), "three"), Label(at("cam_bs"), "one")),
    )
    assert render(problem).split("\n")[3:] == [
        " 2 | stage2: cam_bs + cs_ce + cam_bs",
        "   |         ------   ^^^^^   ------ three",
        "   |         |        |",
        "   |         |        two",
        "   |         one",
    ]


def lines(span: Span) -> list[str]:
    return render(report("LT001", span, "x", label="here")).split("\n")[3:]


def test_tabs_wide_and_control_characters() -> None:
    assert lines(at("漢", 1)) == [
        ' 3 |     x = "漢字" 漢␛[31m y',
        "   |                ^^ here",
    ]
    assert lines(at("y"))[1] == "   |                        ^ here"


def test_ends_of_lines_and_of_the_text() -> None:
    assert lines(Span(RECIPE, 10, 10)) == [" 1 | epochs = 3", "   |           ^ here"]
    assert lines(Span(RECIPE, len(TEXT), len(TEXT))) == [" 7 |", "   | ^ here"]
    empty = Source("e", "")
    assert lines(Span(empty, 0, 0)) == [" 1 |", "   | ^ here"]


def test_span_over_lines() -> None:
    assert lines(at("epochs").to(at("six"))) == [
        " 1 | epochs = 3",
        "   | ^^^^^^^^^^",
        "...",
        " 6 | six",
        "   | ^^^ here",
    ]
    assert lines(at("four").to(at("six"))) == [
        " 4 | four",
        "   | ^^^^",
        " 5 | five",
        " 6 | six",
        "   | ^^^ here",
    ]


def test_long_lines_are_clipped_around_the_span() -> None:
    source = Source("long.lt", "a" * 300 + " bad " + "b" * 300)
    code, carets = lines(at("bad", source=source))
    assert len(code) < 110
    assert code[carets.index("^") :].startswith("bad ")
    assert code[5] == code[-1] == "…"
    huge = Source("huge.lt", "[" * 1_000_000)
    assert all(len(line) < 130 for line in lines(Span(huge, 0, 1_000_000)))


def test_without_a_place() -> None:
    problem = report("LT007", None, "there is no file `a\x1b[0m\nb`", help="h")
    assert render(problem) == "error[LT007]: there is no file `a␛[0m␊b`\n  = help: h"


def test_text_that_would_reorder_the_screen_is_spelt_out() -> None:
    source = Source("r", "a = \u202ebad\u2066")
    assert "<U+202E>bad<U+2066>" in render(report("LT001", Span(source, 0, 1), "\u202e"))


def test_json() -> None:
    problem = report(
        "LT001",
        at("epochs"),
        "m",
        label="l",
        others=(Label(at("3"), "o"),),
        edit=Edit(at("epochs"), "epoch"),
    )
    place = {"file": "recipe.lt", "line": 1, "column": 1, "end_line": 1, "end_column": 7}
    assert to_json(problem) == {
        "code": "LT001",
        "severity": "error",
        "message": "m",
        **place,
        "label": "l",
        "help": "",
        "note": "",
        "related": [{**place, "column": 10, "end_column": 11, "message": "o"}],
        "edit": {**place, "replacement": "epoch"},
    }
    assert to_json(report("LT007", None, "m"))["file"] is None


def test_summary() -> None:
    error, warning = report("LT001", None, ""), report("LT001", None, "", severity=Severity.WARNING)
    assert summary([]) == ""
    assert summary([error]) == "1 error"
    assert summary([warning, error, error]) == "2 errors, 1 warning"


def test_order() -> None:
    late, early = report("LT001", at("six"), ""), report("LT001", at("epochs"), "")
    other, nowhere = report("LT001", at("zz", source=OTHER), ""), report("LT007", None, "")
    assert in_order([late, other, nowhere, early]) == [nowhere, early, late, other]
    assert in_order([late, other, early], [OTHER.name]) == [other, early, late]


def test_codes_are_well_formed() -> None:
    assert all(len(code) == 5 and code.startswith("LT") for code in CODES)
    assert list(CODES) == sorted(CODES)
