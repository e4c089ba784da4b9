"""Opening files that may be a stranger's: regular ones alone, without waiting for anybody, up to a size.

A pipe without a writer holds whoever opens it for ever, a device never ends, and some devices do something when they
are opened. What a person names on the command line may be a pipe all the same, that of a shell's ``<(…)``: that is
:func:`read_named`. Even so, what ``*.lt`` stands for is named by whoever made the folder: it waits for no pipe to which
nobody writes, and follows no link to a pipe or a device.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
import time
from io import FileIO
from pathlib import Path
from typing import BinaryIO

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30

#: The largest files that are read, in bytes, by what they are. Each is well above what ltdsl itself writes or any data
#: set has, and well below what a machine's memory holds.
RECIPE = MIB
#: A cosine schedule of the longest run allowed needs a quarter of it.
PLAN = 32 * MIB
#: Names of 8,142 classes take a quarter of a megabyte.
RUN_FACTS = 32 * MIB
#: A line of metrics.jsonl for each epoch, and a confusion matrix of 8,142 classes in evaluation.json.
FIGURES = 128 * MIB
PICTURE = 4 * MIB
#: 64 MiB of logits, and twelve bytes an image.
PREDICTIONS = 128 * MIB
#: iNaturalist's own lists take 190 MB.
LIST = GIB
#: A photograph of 100 megapixels takes 600 MB when nothing is compressed.
IMAGE = GIB
#: Weights of two thousand million parameters.
WEIGHTS = 8 * GIB

#: Never wait, never become the terminal of a process, never be inherited.
_CAREFULLY = (
    getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_BINARY", 0)
)

_NO_LINK = getattr(os, "O_NOFOLLOW", 0)

_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class UnfitError(OSError):
    """A file is there and is none that is read; ``strerror`` says why, and can follow "cannot be read: "."""

    def __init__(self, why: str, path: Path) -> None:
        super().__init__(errno.EINVAL, why, str(path))


class TooLargeError(UnfitError):
    """A file has more bytes than may be read."""

    def __init__(self, path: Path, largest: int) -> None:
        size = f"{largest // MIB:,} MiB" if largest >= MIB else f"{largest:,} bytes"
        super().__init__(f"it is larger than {size}", path)


def open_file(path: Path, largest: int | None = None, *, root: Path | None = None) -> BinaryIO:
    """Open a regular file to read its bytes.

    Args:
        path: The file, or a link to one.
        largest: Bytes that it may have.
        root: The folder that it must lie in, wherever links lead: who made a folder must not choose what else of this
            machine is read.

    Raises:
        UnfitError: It is a pipe, a socket or a device, or lies outside ``root``.
        TooLargeError: It is larger.
        IsADirectoryError: It is a folder.
        OSError: It is missing, or cannot be read.
        ValueError: The path is none: it has a NUL.
    """
    place = path if root is None else _inside(path, root)
    # a device may do something when it is opened; what is exchanged meanwhile is told below
    _check(place.stat(), path, largest)
    handle = os.open(place, os.O_RDONLY | _CAREFULLY | (0 if root is None else _NO_LINK))
    try:
        _check(os.fstat(handle), path, largest)
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def _inside(path: Path, root: Path) -> Path:
    try:
        place = path.resolve()
    except RuntimeError:  # Python before 3.13: links lead in a circle
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path)) from None
    if not place.is_relative_to(root.resolve()):
        raise UnfitError("it is a link that leads out of its folder", path)
    return place


def _check(info: os.stat_result, path: Path, largest: int | None) -> None:
    if stat.S_ISDIR(info.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(info.st_mode):
        kind = _KINDS.get(stat.S_IFMT(info.st_mode), "something else")
        raise UnfitError(f"it is {kind}, no regular file", path)
    if largest is not None and info.st_size > largest:
        raise TooLargeError(path, largest)


def read_file(path: Path, largest: int, *, root: Path | None = None) -> bytes:
    """All bytes of a regular file.

    Args:
        path: The file.
        largest: Bytes that it may have, also while it grows.
        root: See :func:`open_file`.

    Raises:
        OSError, ValueError: See :func:`open_file`.
    """
    with open_file(path, largest, root=root) as file:
        return _read(file, path, largest)


def read_text(path: Path, largest: int, *, root: Path | None = None) -> str:
    """The text of a regular file in UTF-8; see :func:`read_file`.

    Raises:
        ValueError: It is no UTF-8.
    """
    return read_file(path, largest, root=root).decode("utf-8")


#: Seconds in which somebody has to open a pipe to write to it.
_PATIENCE = 2.0


def read_named(path: Path, largest: int) -> bytes:
    """The bytes of a file that a person named, which may be a pipe: this waits for whoever writes to it.

    Raises:
        UnfitError: It is a pipe to which nobody writes, or a link to a pipe or a device.
        TooLargeError: There are more bytes than ``largest``.
        OSError, ValueError: It cannot be read, or is no path.
    """
    kind = stat.S_IFMT(path.stat().st_mode)
    # the system's own: /dev/stdin, and a shell's <(…), which are links
    ours = path.absolute().parts[1:2] in (("dev",), ("proc",))
    if path.is_symlink() and kind in _KINDS and not ours:
        raise UnfitError(f"it is a link to {_KINDS[kind]}", path)
    if kind != stat.S_IFIFO or ours:
        with path.open("rb") as file:
            return _read(file, path, largest)
    with os.fdopen(os.open(path, os.O_RDONLY | _CAREFULLY), "rb", buffering=0) as pipe:
        return _read(pipe, path, largest, _first_of(pipe, path))


def _first_of(pipe: FileIO, path: Path) -> bytes:
    """What a pipe holds, nothing where it is still to be written; it is waited for from then on."""
    end = time.monotonic() + _PATIENCE
    while (first := pipe.read(_FIRST)) == b"":  # nobody has it open to write
        if time.monotonic() > end:
            raise UnfitError("it is a pipe to which nobody writes", path)
        time.sleep(0.01)
    os.set_blocking(pipe.fileno(), True)
    return first or b""


#: Holds most recipes: making room for the largest file takes longer than reading a small one.
_FIRST = 64 * KIB


def _read(file: BinaryIO | FileIO, path: Path, largest: int, first: bytes = b"") -> bytes:
    parts = [first]
    room = largest + 1 - len(first)
    while room > 0:
        part = file.read(min(room, _FIRST if len(parts) == 1 else 16 * MIB))
        if part is None:  # the system's own files can look regular and wait all the same
            raise UnfitError("it has nothing to read yet", path)
        if not part:
            return b"".join(parts)
        parts.append(part)
        room -= len(part)
    raise TooLargeError(path, largest)


def open_missing_streams() -> None:
    """Let standard streams that a shell has closed (``>&-``) lead nowhere: files opened later would take their numbers.

    Standard input is None all the same: who reads it is told.
    """
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            handle = os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
            os.set_inheritable(handle, True)
            if name != "stdin":
                setattr(sys, name, os.fdopen(handle, "w", encoding="utf-8"))
