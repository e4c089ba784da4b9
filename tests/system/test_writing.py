"""What is written into a folder stays in it, whatever links lie there."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from ltdsl.system.files import write_atomically
from ltdsl.system.writing import LeadsOutError, append_to, folder, lies_in, place, write_in


@pytest.fixture
def root(tmp_path):
    """A folder with links of every kind, beside a file that is none of its business."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").write_text("mine")
    root = tmp_path / "root"
    (root / "in").mkdir(parents=True)
    (root / "out").symlink_to(tmp_path / "outside")
    (root / "up").symlink_to("..")
    (root / "nowhere").symlink_to("../outside/new")
    (root / "loop").symlink_to("loop")
    (root / "same").symlink_to("in")
    (root / "in" / "file").symlink_to("../../outside/file")
    return root


def untouched(root):
    outside = root.parent / "outside"
    return [path.name for path in outside.iterdir()] == ["file"] and (
        outside / "file"
    ).read_text() == "mine"


OUT = ("out/file", "out/new", "up/outside/file", "nowhere/x", "loop/x", "in/../../outside/file")


@pytest.mark.parametrize("name", [*OUT, "/etc/x", "in/up/x"])
def test_no_folder_that_leads_out_is_written_to(root, name):
    (root / "in" / "up").symlink_to("../up")
    for write in (lambda: write_in(root, name, "x"), lambda: append_to(root, name)):
        with pytest.raises(LeadsOutError) as caught:
            write()
        assert caught.value.strerror == "a link leads out of the folder"
    assert untouched(root)


def test_a_link_to_a_file_is_replaced(root):
    assert write_in(root, "in/file", "new").read_text() == "new"
    assert not (root / "in" / "file").is_symlink()
    assert untouched(root)


def test_nothing_is_added_to_a_link_or_a_pipe(root):
    with pytest.raises(LeadsOutError, match="it is a link"):
        append_to(root, "in/file")
    os.link(root.parent / "outside" / "file", root / "in" / "hard")
    with pytest.raises(LeadsOutError, match="hard link"):
        append_to(root, "in/hard")
    os.mkfifo(root / "in" / "pipe")
    with pytest.raises(OSError, match=r"No such device|no regular file"):  # nobody reads it
        append_to(root, "in/pipe")
    reader = os.open(root / "in" / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    with pytest.raises(LeadsOutError, match="no regular file"):
        append_to(root, "in/pipe")
    os.close(reader)
    assert untouched(root)


def test_links_within_the_folder_are_followed(root):
    write_in(root, "same/a/b", b"x")
    assert (root / "in" / "a" / "b").read_bytes() == b"x"
    for text in (b"one", b"two"):
        with append_to(root, "same/log") as file:
            file.write(text)
    assert (root / "in" / "log").read_bytes() == b"onetwo"
    assert folder(root, "same/deep/er") == root / "same" / "deep" / "er"


def test_the_folder_itself_may_be_a_link(root):
    link = root.parent / "link"
    link.symlink_to(root)
    write_in(link, "x", "y")
    assert (root / "x").read_text() == "y"
    assert place(link, "new/x") == link / "new" / "x"
    assert lies_in(link / "same", root)


def test_permissions_are_those_of_a_file_not_of_what_a_link_leads_to(root):
    secret = root.parent / "outside" / "file"
    secret.chmod(0o777)
    write_in(root, "in/file", "x")
    assert stat.S_IMODE((root / "in" / "file").stat().st_mode) == 0o644
    (root / "in" / "file").chmod(0o600)
    write_atomically(root / "in" / "file", "y")
    assert stat.S_IMODE((root / "in" / "file").stat().st_mode) == 0o600


def test_a_folder_may_be_named_from_where_one_works(root, monkeypatch):
    monkeypatch.chdir(root.parent)
    assert write_in(Path(root.name), "recipe/a.lt", "stage1: ce") == Path(
        root.name, "recipe", "a.lt"
    )
    assert (root / "recipe" / "a.lt").read_text() == "stage1: ce"
    assert not (root / root.name).exists()
