"""Writing below a folder that may be a stranger's: no link that lies there leads a write out of it.

The folder itself is what a person named, and may be a link. Folders in it may be links to others in it. A file that is
replaced is replaced where it lies, a link to it included; one that is added to may be no link at all.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import IO

from ltdsl.system.files import write_atomically


class LeadsOutError(OSError):
    """A link in a folder leads out of it; ``strerror`` says so, and can follow "cannot write PATH: "."""

    def __init__(self, path: Path, why: str = "a link leads out of the folder") -> None:
        super().__init__(errno.ELOOP, why, str(path))


def place(root: Path, name: str) -> Path:
    """Where to write a file below a folder; the folders between them are made.

    Args:
        root: The folder; made where it is missing.
        name: The file's path in it.

    Raises:
        LeadsOutError: It would lie elsewhere.
        OSError: A folder cannot be made.
    """
    return folder(root, Path(name).parent) / Path(name).name


def folder(root: Path, name: str | Path = "") -> Path:
    """A folder in another one, made where it is missing.

    Args:
        root: The outer one.
        name: Path of the inner one, in it.

    Raises:
        LeadsOutError: It would lie elsewhere.
        OSError: It cannot be made.
    """
    path = root / name
    if not lies_in(path, root):
        raise LeadsOutError(path)
    path.mkdir(parents=True, exist_ok=True)
    return path


def lies_in(path: Path, root: Path) -> bool:
    """Whether a path is in a folder once all links are followed, those that lead nowhere yet included."""
    try:
        return path.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError):  # links in a circle, the latter before Python 3.13
        return False


def write_in(root: Path, name: str, content: str | bytes, durable: bool = False) -> Path:
    """Replace a file below a folder in one step; see :func:`ltdsl.system.files.write_atomically`.

    Returns:
        The file.

    Raises:
        LeadsOutError: It would lie elsewhere.
        OSError: It cannot be written; what was there is untouched.
    """
    path = place(root, name)
    write_atomically(path, content, durable)
    return path


_APPENDING = (
    os.O_WRONLY
    | os.O_APPEND
    | os.O_CREAT
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


def append_to(root: Path, name: str) -> IO[bytes]:
    """Open a file below a folder to write at its end, unbuffered; it is made where it is missing.

    Raises:
        LeadsOutError: It lies elsewhere, or has another name by which it may.
        OSError: It cannot be opened.
    """
    path = place(root, name)
    if path.is_symlink():
        raise LeadsOutError(path, "it is a link")
    handle = os.open(path, _APPENDING, 0o644)
    try:
        info = os.fstat(handle)
        if not stat.S_ISREG(info.st_mode):
            raise LeadsOutError(path, "it is no regular file")
        if info.st_nlink > 1:
            raise LeadsOutError(path, "it is a hard link: the same file has another name")
        return os.fdopen(handle, "ab", buffering=0)
    except BaseException:
        os.close(handle)
        raise
