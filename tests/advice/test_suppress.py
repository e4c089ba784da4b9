"""``# ltdsl: ignore[…] reason``."""

from __future__ import annotations

import pytest

from ltdsl.compiler import compile_recipe
from ltdsl.source import Source
from ltdsl.syntax.parser import read_source

CLASH = "stage1: ce\nstage2: cam_bs + cs_ce @ 80%"


def found(text: str, *changes: str) -> list[str]:
    return [problem.code for problem in compile_recipe(Source("r.lt", text), changes).diagnostics]


def test_a_comment_silences_its_line():
    assert found(CLASH) == ["LT201"]
    assert found(CLASH + "  # ltdsl: ignore[LT201] repeats a published row") == []
    assert found(CLASH + " #ltdsl:ignore [ LT201 ]why not") == []


def test_it_silences_no_other_line_and_no_other_code():
    assert found("# ltdsl: ignore[LT201] reason\n" + CLASH) == ["LT120", "LT201"]
    assert found(CLASH + "  # ltdsl: ignore[LT202] reason") == ["LT201", "LT120"]


def test_several_codes():
    text = "epochs = 15\nschedule = constant\nstage1: ce\nstage2: cam_bs + cs_ce @ 50%"
    text += "  # ltdsl: ignore[LT201, LT308] reason"
    assert found(text) == []
    assert found(text.replace("LT308", "LT309")) == ["LT308", "LT120"]


def test_the_reason_is_required():
    for reason in ("", " ", " -- ", " …"):
        assert found(CLASH + f"  # ltdsl: ignore[LT201]{reason}") == ["LT201", "LT120"]


@pytest.mark.parametrize("code", ["LT102", "LT999", "lt201", "LT120", "cam_bs"])
def test_what_cannot_be_silenced(code):
    assert found(f"stage1: ce  # ltdsl: ignore[{code}] reason") == ["LT120"]


@pytest.mark.parametrize(
    "comment", ["ignore", "ignore[]", "ignore[LT201", "ingore[LT201] x", "", "ignore[,] x"]
)
def test_malformed(comment):
    assert found(f"stage1: ce  # ltdsl: {comment}") == ["LT120"]


@pytest.mark.parametrize(
    "text",
    [
        "# a comment about ltdsl: it is a language",
        "# ltdsl",
        "# ltdsl is one thing",
        'init = "a # ltdsl: ignore[LT999] b.ckpt"',
    ],
)
def test_only_comments_that_begin_with_the_name_are_meant(text):
    assert found(f"{text}\nstage1: ce") == []


def test_errors_stay_and_hide_that_advice_was_not_looked_for():
    text = CLASH.replace("cs_ce", "cs_ce + cee") + "  # ltdsl: ignore[LT201, LT102] reason"
    assert sorted(found(text)) == ["LT102", "LT120"]


def test_after_set_a_comment_need_not_silence_anything():
    text = CLASH + "  # ltdsl: ignore[LT201] reason"
    assert found(text, "stage2.tricks=cam_bs") == []
    assert found(text.replace("cs_ce", "ce")) == ["LT120"]


def test_used_files_have_their_own(tmp_path):
    (tmp_path / "part.lt").write_text(
        "dataset = cifar10_lt\nbatch_size = 512  # ltdsl: ignore[LT208] the rate was tuned for it\n"
    )
    path = tmp_path / "recipe.lt"
    path.write_text('use "part.lt"\nstage1: ce\n')
    assert compile_recipe(read_source(path)).diagnostics == []
    path.write_text('use "part.lt"\nbatch_size = 128\nstage1: ce\n')
    [problem] = compile_recipe(read_source(path)).diagnostics
    assert (problem.code, problem.span.source.path) == ("LT120", tmp_path / "part.lt")
