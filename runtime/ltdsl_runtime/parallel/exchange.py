"""Memory that the workers of one machine share, which their gradients are added up through.

MindSpore's sums on a CPU go through sockets, also between two processes of one machine. Workers on several machines,
and those without the native kernels, keep to them.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import mmap
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from ltdsl_runtime.errors import RunError
from ltdsl_runtime.machine.device import native

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: Bytes before the kernels' part of the file: what tells that it is the right one.
AHEAD = mmap.ALLOCATIONGRANULARITY

#: The kernel that adds up.
SUM = "ltdsl_sum_over_workers"

_met = False


def sharing() -> bool:
    """Whether all workers share memory, and compute by the kernels that use it."""
    return _met and native()


@contextlib.contextmanager
def those_who_left() -> Iterator[None]:
    """Say in a sentence that a sum had to do without a worker.

    Raises:
        RunError: LT470.
    """
    try:
        yield
    except RuntimeError as error:
        if SUM not in str(error):
            raise
        message = "another worker has ended, and this one with it"
        raise RunError("LT470", message, "see what that one said") from error


def share_memory(
    rank: int, size: int, first_ones: Callable[[str], str], all_say: Callable[[bool], bool]
) -> None:
    """Let workers share memory, where all of them are on this machine; every worker calls this at the same place.

    The first makes a file without a name, that ends with those who have it open, and the others open it by the first
    one's process number. A secret in it tells whether that process is the first worker, and not another machine's.

    Args:
        rank: This worker's.
        size: How many they are, at least two.
        first_ones: Tells all of them what the first one says.
        all_say: Whether something is true for all of them.
    """
    global _met
    with contextlib.ExitStack() as opened:
        file, where = None, ""
        if rank == 0 and (file := opened.enter_context(_made())) is not None:
            secret = secrets.token_hex(16)
            os.write(file, secret.encode())
            where = f"{os.getpid()} {file} {secret}"
        where = first_ones(where)
        if rank > 0 and where:
            file = opened.enter_context(_opened(where))
        # nobody writes before all are there, and none closes a file that another has yet to open
        _met = all_say(file is not None and native() and _map(file, rank, size))


@contextlib.contextmanager
def _made() -> Iterator[int | None]:
    """A file in memory; None where there is no such thing."""
    try:
        file = os.memfd_create("ltdsl-workers")
    except (AttributeError, OSError):  # not Linux, or forbidden
        yield None
        return
    try:
        yield file
    finally:
        os.close(file)


@contextlib.contextmanager
def _opened(where: str) -> Iterator[int | None]:
    """The file that the first worker made; None where this is not its machine, or its files are out of reach."""
    process, number, secret = where.split()
    path = f"/proc/{process}/fd/{number}"
    try:
        if not Path(path).is_file():  # something else, of another machine's process
            raise FileNotFoundError(path)
        file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        yield None
        return
    try:
        yield file if _begins_with(file, secret) else None
    finally:
        os.close(file)


def _begins_with(file: int, secret: str) -> bool:
    try:
        return os.pread(file, len(secret), 0) == secret.encode()
    except OSError:
        return False


def _map(file: int, rank: int, size: int) -> bool:
    from ltdsl_runtime.machine.native.library import library

    try:
        kernels = ctypes.CDLL(str(library()))
        if kernels.ltdsl_meet(file, ctypes.c_long(AHEAD), rank, size) != 0:
            return False
        atexit.register(kernels.ltdsl_leave)  # nobody waits for one that has gone
    except (RunError, OSError, AttributeError):  # all must hear of it
        return False
    return True
