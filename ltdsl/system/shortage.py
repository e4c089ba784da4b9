"""What a process ends with where the system has too little of something: memory, space, open files, rights."""

from __future__ import annotations

import contextlib
import errno
import os
import sys

from ltdsl.system.terminal import say

_MEMORY = (
    "close other programs, allow more (`ulimit -v`, a container's limit), or let a batch be smaller"
)
_SPACE = "free space, or name folders on another disk"

#: What the system says, and what helps.
_HELP = {
    errno.ENOMEM: _MEMORY,
    errno.ENOSPC: _SPACE,
    errno.EDQUOT: _SPACE,
    errno.EFBIG: _SPACE,
    errno.EROFS: "name folders that can be written to",
    errno.EMFILE: "allow more open files: ulimit -n 4096",
    errno.ENFILE: "close other programs",
    errno.EAGAIN: "allow more processes and threads (`ulimit -u`), or close other programs",
    errno.EIO: "see whether the disk or the network is all right, and try again",
    errno.ESTALE: "see whether the network is all right, and try again",
}

#: What the system says of a path that somebody named, where it is the error itself: behind another one it may be
#: part of how something was tried.
_PATH_HELP = {
    errno.EACCES: "name files and folders that this user may use",
    errno.EPERM: "name files and folders that this user may use",
    errno.ENAMETOOLONG: "use a shorter name",
}

#: How others say that memory ran out: the loader of libraries, MindSpore, NumPy.
_OUT_OF_MEMORY = (
    "failed to map segment",
    "cannot allocate memory",
    "cannot enable executable stack",
    "memory not enough",
    "malloc memory failed",
    "allocate memory failed",
    "out of memory",
    "bad_alloc",
    "unable to allocate",
)


def shortage(error: BaseException) -> tuple[str, str] | None:
    """What there is too little of, as a sentence and what helps; None where an error is of another kind."""
    if isinstance(error, OSError) and error.errno in _PATH_HELP and error.filename:
        return f"{error.filename}: {error.strerror}", _PATH_HELP[error.errno]
    seen: BaseException | None = error
    while seen is not None:  # libraries wrap what they could not load
        text = str(seen).lower()
        if isinstance(seen, MemoryError) or any(sign in text for sign in _OUT_OF_MEMORY):
            return "there is too little memory", _MEMORY
        if isinstance(seen, OSError) and seen.errno in _HELP:
            where = f"{seen.filename}: " if seen.filename else ""
            return f"{where}{seen.strerror}", _HELP[seen.errno]
        if isinstance(seen, RuntimeError) and "can't start new thread" in text:
            return "no further thread can be started", _HELP[errno.EAGAIN]
        seen = seen.__cause__ or seen.__context__
    return None


def end_of_shortage(error: BaseException) -> None:
    """End the process with that sentence; do nothing about errors of another kind.

    It ends at once: what is left to be done at a process's end may need what there is too little of.
    """
    found = shortage(error)
    if found is not None:
        with contextlib.suppress(OSError, ValueError):  # a full disk, a reader that has gone
            say(f"error[LT499]: {found[0]}", err=True)
            say(f"  = help: {found[1]}", err=True)
            sys.stdout.flush()
        os._exit(1)
