"""One process at a time in a run directory."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import socket
from typing import TYPE_CHECKING

from ltdsl.runs.layout import LOCK
from ltdsl_runtime.errors import RunError

if TYPE_CHECKING:
    from pathlib import Path

#: What a lock that somebody holds is answered with, and what a file system without locks answers.
HELD = (errno.EACCES, errno.EAGAIN)
NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)


class Lock:
    """Keeps other processes out of a folder, until this one ends in whatever way.

    A POSIX record lock on a file in it. The system drops it with the process, a killed one included; it works between
    machines that share a folder over NFS; and unlike a `flock`, it is not inherited by children, which may outlive a
    killed run. It is dropped as well when the process closes the file: nothing else may open it.

    Args:
        folder: The folder.

    Where the file system has no locks, nobody is kept out.

    Raises:
        RunError: LT423, another process is in the folder.
        OSError: The file cannot be made.
    """

    def __init__(self, folder: Path) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        self._handle: int | None = os.open(folder / LOCK, flags, 0o644)
        try:
            fcntl.lockf(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in NO_LOCKS:
                return
            holder = _holder(self._handle)
            self.release()
            if error.errno not in HELD:
                raise
            raise RunError(
                "LT423",
                f"{folder} is in use by {holder}",
                "wait until it ends, or stop it; or choose another folder with --out",
            ) from error
        me = json.dumps({"pid": os.getpid(), "host": socket.gethostname()}) + "\n"
        with contextlib.suppress(
            OSError
        ):  # the disk may be full: then others are not told who holds it
            os.ftruncate(self._handle, 0)
            os.pwrite(self._handle, me.encode(), 0)

    def release(self) -> None:
        """Let others in. The file stays: whoever removed it could remove another one's."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def _holder(handle: int) -> str:
    """Who has locked the file, as far as it says."""
    try:
        who = json.loads(os.pread(handle, 1000, 0))
        return f"process {int(who['pid'])} on {who['host']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
