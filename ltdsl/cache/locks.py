"""Locks on open files. They end with the file's descriptor, and so with its process, in whatever way it ends.

`flock`, not POSIX records: those end as soon as any other thread closes the same file. Over NFS Linux turns them into
records between machines. Where there are none, on some network file systems and on Windows, nobody is kept out: the
same entry may be built twice, and the first stays.
"""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

if sys.platform != "win32":
    import fcntl

_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL, errno.EBADF)

_OPEN = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)


def try_lock(handle: int, *, exclusive: bool) -> bool:
    """Lock an open file without waiting.

    Returns:
        True when it is locked, False where the file system has no locks.

    Raises:
        BlockingIOError: Another one has a lock that excludes this one.
    """
    if sys.platform == "win32":
        return False
    try:
        fcntl.flock(handle, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EAGAIN):
            raise BlockingIOError(error.errno, error.strerror) from error
        if error.errno in _NO_LOCKS:
            return False
        raise
    return True


def is_at(handle: int, path: Path) -> bool:
    """Whether an open file still has its name."""
    try:
        return os.path.samestat(os.fstat(handle), path.lstat())
    except OSError:
        return False


@contextmanager
def alone(path: Path, patience: float | None) -> Iterator[None]:
    """One process and thread at a time between here and the end; the file is gone afterwards.

    Args:
        path: A file that stands for what is to be done once.
        patience: Seconds to wait for the others, after which it is done all the same; None for no end.

    Raises:
        OSError: The file cannot be made.
    """
    end = None if patience is None else time.monotonic() + patience
    pause = 0.01
    while True:
        handle = os.open(path, _OPEN, 0o600)
        try:
            locked = try_lock(handle, exclusive=True)
        except BlockingIOError:
            os.close(handle)
            if end is not None and time.monotonic() > end:
                yield
                return
            time.sleep(pause)
            pause = min(0.5, 1.5 * pause)
            continue
        if is_at(handle, path):
            break
        os.close(handle)  # the one that had it has removed it
    try:
        yield
    finally:
        if locked:
            with suppress(OSError):
                path.unlink()
        os.close(handle)
