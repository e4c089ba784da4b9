"""What is printed can be read, and does nothing to terminals, to readers' eyes, or to CI services."""

from __future__ import annotations

import io
import json
import sys

import pytest
from rich.table import Table
from rich.text import Text

from ltdsl.display.console import Console
from ltdsl.system.terminal import data, guarding, json_shown, say, say_lines, shown, shown_lines


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("\x1b[31mred", r"\x1b[31mred"),
        ("\x9b2J", r"\x9b2J"),  # the same in one character
        ("a\nb\rc\x08\x7f", r"a\nb\rc\x08\x7f"),
        ("\u202eexe.gpj", r"\u202eexe.gpj"),
        ("\u2066a\u2069", r"\u2066a\u2069"),
        ("a\u2028b\u2029c\x85d", r"a\u2028b\u2029c\x85d"),
        ("\udce9t\udce9.png", r"\udce9t\udce9.png"),  # a file name in Latin-1
        ("\U000e0041hidden", r"\U000e0041hidden"),
        ("::error::x", r"\x3a:error::x"),
        (" \t::set-output name=a::b", " \t\\x3a:set-output name=a::b"),
        ("a ::error::", "a ::error::"),
        ("a ##[group]", r"a #\x23[group]"),
        ("##vso[task.setvariable]", r"#\x23vso[task.setvariable]"),
        ("## a heading", "## a heading"),
        ("a\tb", "a\tb"),
    ],
)
def test_what_steers_is_shown(text, printed):
    assert shown(text) == printed
    assert shown(printed) == printed


@pytest.mark.parametrize(
    "text",
    [
        "naïve café ½ ° “…” – ×",
        "漢字 かな 한국어 　全角",
        "русский ελληνικά Հայերեն ქართული",
        "می\u200cخواهم",  # Persian needs the non-joiner
        "עברית \u200f(RTL)\u200e",
        "हिन्दी క్\u200cష த\u0bcd ไทย ខ្មែរ\u200bខ",
        "👩\u200d👩\u200d👧 👍🏽 ❤\ufe0f",
        "e\u0301 a\xa0b",
    ],
)
def test_every_script_stays_readable(text):
    assert shown(text) == text
    assert json_shown(json.dumps(text, ensure_ascii=False)) == json.dumps(text, ensure_ascii=False)


def test_only_lines_of_ours_are_lines():
    assert shown_lines("a\n::b\r\n") == "a\n\\x3a:b\\r\n"


def test_json_means_the_same():
    value = {"\x9b31m": ["\u202e", "\U000e0041", "\udc80", "é", "\n", "::error::"]}
    text = json_shown(json.dumps(value, indent=1, ensure_ascii=False))
    assert json.loads(text) == value
    assert text.replace("\n", "").isprintable()


def test_lines(capsys):
    say("a\nb")
    say()
    say_lines("c\nd\x1b", err=True)
    assert capsys.readouterr() == ("a\\nb\n\n", "c\nd\\x1b\n")


def test_what_others_print_passes_too(capsys):
    with guarding():
        print("\x1b[2J\n::error::x")
        print("\u202e", file=sys.stderr)
        sys.stdout.writelines(["\x9b", "\n"])
        data("::error file=a::b\n")
        assert not sys.stdout.isatty()
    assert capsys.readouterr() == (
        "\\x1b[2J\n\\x3a:error::x\n\\x9b\n::error file=a::b\n",
        "\\u202e\n",
    )


def console(**options):
    return Console(file=io.StringIO(), width=60, **options)


def test_a_console_prints_names_as_they_are():
    out = console()
    out.say("[bold]a[/] :smile: 1.5\x1b[31m\n::b" + "x" * 100)
    out.print("\n::error::")
    assert out.file.getvalue() == (
        "[bold]a[/] :smile: 1.5\\x1b[31m\\n::b" + "x" * 100 + "\n\\n::error::\n"
    )


def test_cells_of_tables_are_printed_as_they_are():
    out = console()
    table = Table(box=None, pad_edge=False)
    table.add_column("\x1b]0;title\x07")
    table.add_column("b", min_width=10)  # the cell of a Text is measured as it is written
    table.add_row("a\n::error::b\u202e", Text("\x1b[31m"))
    table.add_row(Text("::warning::\nx"), "[red]")
    out.print(table)
    printed = out.file.getvalue()
    assert printed.replace("\n", "").isprintable()
    for text in (r"\x1b]0;title\x07", r"a\n::error::b\u202e", r"\x1b[31m", "[red]"):
        assert text in printed
    assert not any(line.lstrip().startswith("::") for line in printed.splitlines())


def test_colours_of_the_console_itself_stay():
    out = console(force_terminal=True, color_system="standard")
    with guarding():
        out.print(Text("a\x1b[31m", style="bold"))
    assert out.file.getvalue() == "\x1b[1ma\\x1b[31m\x1b[0m\n"
