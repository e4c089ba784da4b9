"""`ltdsl fmt` as its users call it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from support.processes import command, environment

CROOKED = "epochs=3\nstage1:ce\n"
STRAIGHT = "epochs = 3\nstage1: ce\n"


def fed(text: bytes, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        command(*arguments), env=environment(), input=text, capture_output=True, timeout=60
    )


def test_it_writes_what_changes(ltdsl, recipe):
    crooked, straight = recipe(CROOKED, "a.lt"), recipe(STRAIGHT, "b.lt")
    before = straight.stat().st_mtime_ns
    done = ltdsl("fmt", crooked, straight)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "1 recipe formatted, 1 recipe left as it was\n"
    assert crooked.read_text() == STRAIGHT
    assert straight.stat().st_mtime_ns == before


def test_check_lists_and_writes_nothing(ltdsl, recipe):
    recipe(CROOKED, "a.lt")
    recipe(STRAIGHT, "b.lt")
    done = ltdsl("fmt", "--check", "a.lt", "b.lt")
    assert (done.returncode, done.stdout) == (1, "would format a.lt\n")
    assert ltdsl("fmt", "--check", "b.lt").returncode == 0
    assert recipe(CROOKED, "a.lt").read_text() == CROOKED


def test_diff(ltdsl, recipe):
    path = recipe("epochs=3\nstage1: ce")
    done = ltdsl("fmt", "--diff", "recipe.lt")
    assert done.returncode == 1
    assert done.stdout == (
        "--- recipe.lt\n+++ recipe.lt (formatted)\n@@ -1,2 +1,2 @@\n-epochs=3\n-stage1: ce\n"
        "\\ No newline at end of file\n+epochs = 3\n+stage1: ce\n"
    )
    assert ltdsl("fmt", "--diff", "--check", "recipe.lt").returncode == 1
    assert path.read_text() == "epochs=3\nstage1: ce"


def test_line_endings_and_byte_order_marks_are_normalised(ltdsl, recipe):
    path = recipe(b"\xef\xbb\xbf" + STRAIGHT.replace("\n", "\r\n").encode())
    assert ltdsl("fmt", "--check", path).returncode == 1
    assert ltdsl("fmt", path).returncode == 0
    assert path.read_bytes() == STRAIGHT.encode()


def test_folders(ltdsl, recipe, tmp_path):
    (tmp_path / "deep" / "er").mkdir(parents=True)
    path = recipe(CROOKED, "deep/er/a.lt")
    other = recipe(CROOKED, "deep/er/a.txt")
    (tmp_path / "deep" / "folder.lt").mkdir()
    assert ltdsl("fmt", "deep").returncode == 0
    assert path.read_text() == STRAIGHT
    assert other.read_text() == CROOKED


def test_standard_input():
    done = fed(CROOKED.encode(), "fmt", "-")
    assert (done.returncode, done.stdout.decode()) == (0, STRAIGHT)
    done = fed(b"stage1 ce", "fmt", "-")
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"<stdin>:1:8" in done.stderr
    done = fed(CROOKED.encode(), "fmt", "--check", "-")
    assert (done.returncode, done.stdout) == (1, b"")


def test_what_does_not_parse_is_left_alone_and_the_rest_is_done(ltdsl, recipe):
    bad, good = recipe("stage1 ce;x=1", "a.lt"), recipe(CROOKED, "b.lt")
    done = ltdsl("fmt", bad, good)
    assert done.returncode == 1
    assert "error[LT001]" in done.stderr
    assert "1 recipe not formatted because of errors" in done.stderr
    assert bad.read_text() == "stage1 ce;x=1"
    assert good.read_text() == STRAIGHT


def test_a_missing_path_is_an_error(ltdsl):
    done = ltdsl("fmt", "missing.lt")
    assert done.returncode == 1
    assert "LT007" in done.stderr


def test_permissions_and_links_stay(ltdsl, recipe, tmp_path):
    path = recipe(CROOKED)
    path.chmod(0o600)
    link = tmp_path / "link.lt"
    link.symlink_to(path)
    assert ltdsl("fmt", link).returncode == 0
    assert link.is_symlink()
    assert path.read_text() == STRAIGHT
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() == 0, reason="needs permissions that hold"
)
def test_an_unreadable_folder_is_an_error(ltdsl, recipe, tmp_path):
    (tmp_path / "deep" / "shut").mkdir(parents=True)
    recipe(CROOKED, "deep/a.lt")
    (tmp_path / "deep" / "shut").chmod(0)
    try:
        assert ltdsl("fmt", "--check", "deep").returncode == 2
    finally:
        (tmp_path / "deep" / "shut").chmod(0o755)


def test_without_a_path_it_is_about_this_folder(ltdsl, tmp_path):
    for name in ("a.lt", "sub/b.lt", "skip/c.lt", ".venv/d.lt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("stage1:ce\n")
    assert ltdsl("fmt", "--diff").returncode == 1
    assert ltdsl("fmt", "--exclude", "skip/").returncode == 0
    texts = {name: (tmp_path / name).read_text() for name in ("a.lt", "sub/b.lt", "skip/c.lt")}
    assert texts == {"a.lt": "stage1: ce\n", "sub/b.lt": "stage1: ce\n", "skip/c.lt": "stage1:ce\n"}
    assert (tmp_path / ".venv" / "d.lt").read_text() == "stage1:ce\n"
    assert ltdsl("check").stdout.strip().startswith("3 recipes")
