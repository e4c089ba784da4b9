"""What may be used: files and folders of this user or of root that nobody else can write to.

Windows has neither owners nor modes of this kind: a user's own folders are closed to others there by its own lists.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ltdsl.cache.errors import DamagedError

ROOT = 0

#: Never follow a link, never wait at a pipe.
_CAREFULLY = (
    getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


def ours(info: os.stat_result) -> bool:
    """Whether a file is this user's."""
    return not hasattr(os, "geteuid") or info.st_uid == os.geteuid()


def objection(info: os.stat_result) -> str | None:
    """Why a file or folder may hold what others put there; None where it may not."""
    if not hasattr(os, "geteuid"):
        return None
    if not ours(info) and info.st_uid != ROOT:
        return f"belongs to user {info.st_uid}"
    return "can be written to by others" if info.st_mode & 0o022 else None


def check_folder(path: Path) -> None:
    """Make sure that a folder is one, no link to one, and not open to others.

    Raises:
        DamagedError: It is not.
        OSError: It cannot be looked at.
    """
    info = path.lstat()
    problem = objection(info) if stat.S_ISDIR(info.st_mode) else "is no folder"
    if problem:
        raise DamagedError(f"{path} {problem}")


def open_file(path: Path, *, write: bool = False) -> int:
    """A descriptor to read a regular file that is not open to others.

    Args:
        path: The file.
        write: Allow writing too, which NFS asks of whoever wants to lock others out.

    Raises:
        DamagedError: It is not such a file.
    """
    try:
        handle = os.open(path, (os.O_RDWR if write else os.O_RDONLY) | _CAREFULLY)
    except OSError as error:  # a link among them
        raise DamagedError(f"{path} cannot be read: {error.strerror}") from error
    info = os.fstat(handle)
    problem = objection(info) if stat.S_ISREG(info.st_mode) else "is no regular file"
    if problem:
        os.close(handle)
        raise DamagedError(f"{path} {problem}")
    return handle


def exchangeable(folder: Path) -> Path | None:
    """The topmost folder above or at ``folder``, links followed, whose users could put another one in its place.

    That is what sshd asks of a home folder. A sticky bit, as `/tmp` has, lets nobody rename another's; and what is
    below a folder that others cannot enter is out of their reach.
    """
    if not hasattr(os, "geteuid"):
        return None
    whole = folder.resolve()
    for each in reversed([whole, *whole.parents]):
        info = each.stat()
        if not ours(info) and info.st_uid != ROOT:
            return each
        if info.st_mode & 0o022 and not info.st_mode & stat.S_ISVTX:
            return each
        if ours(info) and not info.st_mode & 0o011:
            return None
    return None
