"""A folder with recipes from a stranger: nothing in it makes a command write elsewhere, or wait."""

from __future__ import annotations

import os
import subprocess

import pytest
from support.processes import command, environment

CROOKED = "epochs=4;stage1:ce\n"
STRAIGHT = "epochs = 4; stage1: ce\n"


@pytest.fixture
def handed(tmp_path):
    """The stranger's folder, beside a file that happens to be like a recipe."""
    (tmp_path / "app.conf").write_text(CROOKED)
    folder = tmp_path / "handed"
    (folder / "below").mkdir(parents=True)
    (folder / "x.lt").symlink_to("../app.conf")
    (folder / "below" / "fine.lt").write_text(CROOKED)
    (folder / "within.lt").symlink_to("below/fine.lt")
    return folder


@pytest.mark.parametrize("given", ["handed", "handed/x.lt", "handed/below/../x.lt"])
@pytest.mark.parametrize("words", [("fmt",), ("check", "--unsafe-fixes")])
def test_no_file_outside_is_rewritten(ltdsl, tmp_path, handed, given, words):
    before = (tmp_path / "app.conf").read_text()
    if words[0] == "check":
        before = before.replace("epochs", "epoch")  # which it would mend
        (tmp_path / "app.conf").write_text(before)
    done = ltdsl(*words, given)
    assert (tmp_path / "app.conf").read_text() == before
    assert (handed / "x.lt").is_symlink()
    assert done.returncode == 1
    assert "x.lt is left alone: it is a link that leads out of handed" in done.stderr


def test_the_rest_of_the_folder_is_formatted(ltdsl, handed):
    ltdsl("fmt", "handed")
    assert (handed / "below" / "fine.lt").read_text() == STRAIGHT
    assert (handed / "within.lt").is_symlink()


def test_what_the_link_leads_to_can_be_named(ltdsl, tmp_path, handed):
    assert ltdsl("fmt", "app.conf").returncode == 0
    assert (tmp_path / "app.conf").read_text() == STRAIGHT


@pytest.mark.skipif(not os.path.isdir("/dev/fd"), reason="pipes of a shell")  # noqa: PTH112
@pytest.mark.parametrize("words", [["fmt"], ["check", "--fix"]])
def test_a_pipe_that_is_named_is_read_once_and_answered_on_standard_output(tmp_path, words):
    read, write = os.pipe()
    os.write(write, b"epoch=4;stage1:ce\n" if "--fix" in words else CROOKED.encode())
    os.close(write)
    done = subprocess.run(
        command(*words, f"/dev/fd/{read}"),
        cwd=tmp_path,
        env=environment(),
        pass_fds=[read],
        capture_output=True,
        text=True,
        timeout=60,
    )
    os.close(read)
    assert done.stdout == ("epochs=4;stage1:ce\n" if "--fix" in words else STRAIGHT), done.stderr
