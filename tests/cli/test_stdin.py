"""Standard input as one of a command's recipes, and the file that it is taken for."""

from __future__ import annotations

import shlex
import subprocess
import sys

import pytest
from support.processes import command, environment

RECIPE = b'use "parts/common.lt"\nstage1: ce\n'


@pytest.fixture
def fed(tmp_path):
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "common.lt").write_text("epochs = 20\n")
    (tmp_path / "same.lt").write_text("epochs = 20\nstage1: ce\n")

    def call(text: bytes, *arguments: str) -> subprocess.CompletedProcess:
        done = subprocess.run(
            command(*arguments),
            env=environment(),
            cwd=tmp_path,
            input=text,
            capture_output=True,
            timeout=60,
        )
        assert b"Traceback" not in done.stderr
        return done

    return call


@pytest.mark.parametrize("name", ["check", "plan", "advise"])
def test_a_name_gives_standard_input_a_folder(fed, name):
    done = fed(RECIPE, name, "-")
    assert done.returncode == 1
    assert b"--stdin-filename says which" in (done.stdout if name == "check" else done.stderr)
    assert fed(RECIPE, name, "-", "--stdin-filename", "new.lt").returncode == 0


def test_problems_have_that_name(fed):
    done = fed(b"epoch = 3\nstage1: ce\n", "check", "-", "--stdin-filename", "parts/new.lt")
    assert b"--> parts/new.lt:1:1" in done.stdout
    done = fed(b"a 1\n", "fmt", "-", "--stdin-filename", "parts/new.lt")
    assert b"--> parts/new.lt:1:3" in done.stderr


def test_one_side_of_a_difference(fed):
    done = fed(RECIPE, "diff", "-", "same.lt", "--stdin-filename", "new.lt")
    assert done.returncode == 0, done.stderr
    plan = fed(RECIPE, "plan", "-", "--emit", "plan", "--stdin-filename", "new.lt").stdout
    assert fed(plan, "diff", "same.lt", "-").returncode == 0
    assert fed(b"stage1: cs_ce\n", "diff", "same.lt", "-").returncode == 1
    done = fed(b"", "diff", "-", "-")
    assert done.returncode == 2
    assert b"one side only" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="a shell of POSIX")
@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("--version >&-", 0, ""),
        ("check same.lt <&- >&- 2>&-", 0, ""),
        ("check none.lt 2>&-", 1, ""),
        ("fmt - <&-", 2, "error: standard input is closed: there is nothing to read\n"),
    ],
)
def test_a_closed_stream_is_no_bug(fed, tmp_path, line, code, said):
    done = subprocess.run(
        f"{shlex.join(command())} {line}",
        shell=True,
        env=environment(),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (code, said)
