"""Nothing that lies where a file is expected makes whoever opens it wait, or takes its memory."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path

import pytest

from ltdsl.system import opening
from ltdsl.system.opening import MIB, UnfitError, open_file, read_file, read_named, read_text

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes and devices of POSIX")


def pipe(path):
    os.mkfifo(path)


def listening(path):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (pipe, "it is a pipe, no regular file"),
        (listening, "it is a socket, no regular file"),
        (lambda path: path.symlink_to("/dev/zero"), "it is a device, no regular file"),
    ],
)
def test_what_never_ends_is_not_opened(tmp_path, made, why):
    path = tmp_path / "x"
    made(path)
    with pytest.raises(UnfitError) as caught:
        read_file(path, MIB)
    assert caught.value.strerror == why
    assert caught.value.filename == str(path)


def test_a_folder_is_told_as_one(tmp_path):
    with pytest.raises(IsADirectoryError):
        open_file(tmp_path)
    with pytest.raises(FileNotFoundError):
        open_file(tmp_path / "x")
    with pytest.raises(ValueError, match="null"):
        open_file(Path("a\0b"))


def test_a_size_is_a_limit(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(bytes(100))
    assert read_file(path, 100) == bytes(100)
    with pytest.raises(UnfitError, match="larger than 99 bytes"):
        read_file(path, 99)
    with path.open("wb") as file:  # takes no space, and would take all memory
        file.truncate(1 << 40)
    with pytest.raises(UnfitError, match="larger than 2 MiB"):
        read_file(path, 2 * MIB)
    with open_file(path) as file:
        assert file.read(10) == bytes(10)


def test_large_files_come_whole(tmp_path):
    path = tmp_path / "x"
    content = os.urandom(MIB) * 20
    path.write_bytes(content)
    assert read_file(path, 20 * MIB) == content
    path.write_text("é漢", encoding="utf-8")
    assert read_text(path, 5) == "é漢"


def test_links_are_followed_unless_they_leave_a_folder(tmp_path):
    root = tmp_path / "root"
    (root / "below").mkdir(parents=True)
    (root / "below" / "x").write_text("in")
    (tmp_path / "x").write_text("out")
    (root / "in").symlink_to("below/x")
    (root / "out").symlink_to("../x")
    (root / "up").symlink_to("..")
    (root / "nothing").symlink_to("../none")
    (root / "loop").symlink_to("loop")
    for name in ("in", "below/x", "up/root/in"):
        assert read_text(root / name, 9, root=root) == "in"
    assert read_text(root / "out", 9) == "out"
    for name in ("out", "up/x", "nothing", "../x"):
        with pytest.raises(UnfitError, match="leads out of its folder"):
            read_text(root / name, 9, root=root)
    for place in (None, root):
        with pytest.raises(OSError, match="symbolic links"):
            read_text(root / "loop", 9, root=place)


def test_what_is_named_may_be_a_pipe(tmp_path):
    path = tmp_path / "x"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_text, args=("a" * 100,))
    writer.start()
    assert read_named(path, 100) == b"a" * 100
    writer.join()
    with pytest.raises(UnfitError, match="larger than"):
        read_named(Path("/dev/zero"), MIB)


@pytest.mark.skipif(not Path("/dev/fd").is_dir(), reason="pipes of a shell")
def test_a_shells_pipe_is_waited_for(tmp_path):
    read, write = os.pipe()
    with os.fdopen(read), os.fdopen(write, "w") as writer:
        late = threading.Timer(0.1, lambda: (writer.write("a"), writer.close()))
        late.start()
        assert read_named(Path(f"/dev/fd/{read}"), 9) == b"a"
    late.join()


def test_whoever_named_what_a_stranger_made_waits_for_nobody(tmp_path, monkeypatch):
    """As a shell does for ``*.lt``."""
    monkeypatch.setattr(opening, "_PATIENCE", 0.05)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UnfitError, match="a pipe to which nobody writes"):
        read_named(tmp_path / "pipe", 9)
    for name, target in (("x", "pipe"), ("y", "/dev/zero"), ("z", "/dev/tty")):
        (tmp_path / name).symlink_to(target)
        with pytest.raises(UnfitError, match=r"it is a link to a (pipe|device)"):
            read_named(tmp_path / name, 9)
