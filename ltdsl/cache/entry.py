"""An entry that is in use."""

from __future__ import annotations

import os
import shutil
import weakref
from pathlib import Path
from types import TracebackType

from ltdsl.cache.kinds import Kind
from ltdsl.cache.locks import is_at, try_lock
from ltdsl.cache.record import FILES, RECORD, Record, check_files, read_record, touch
from ltdsl.cache.trust import check_folder, open_file


class Entry:
    """An entry's files, which stay where they are until it is closed, let go of, or its process ends.

    Args:
        place: The entry's folder.
        handle: Its record, open and locked.
        record: What is known of it.
        kept: Whether it stays afterwards; one that the cache has no room for is removed.

    Attributes:
        folder: The folder with its files.
        record: See above.
        kept: See above.
    """

    def __init__(self, place: Path, handle: int, record: Record, *, kept: bool) -> None:
        self.folder = place / FILES
        self.record = record
        self.kept = kept
        self._end = weakref.finalize(self, _end, handle, None if kept else place, os.getpid())

    def close(self) -> None:
        """Let go of the files."""
        self._end()

    def __enter__(self) -> Entry:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _end(handle: int, place: Path | None, process: int) -> None:
    os.close(handle)
    if place is not None and os.getpid() == process:  # a child has what its parent has
        shutil.rmtree(place, ignore_errors=True)


def open_entry(place: Path, kind: Kind) -> Entry | None:
    """The entry in a folder, checked and locked against removal; None where there is none.

    Raises:
        DamagedError: It may not be used.
    """
    try:
        check_folder(place)
    except OSError:
        return None
    handle = open_file(place / RECORD)
    try:
        record = _checked(handle, place, kind)
    except BaseException:
        os.close(handle)
        raise
    if record is None:
        os.close(handle)
        return None
    touch(handle, place / RECORD)
    return Entry(place, handle, record, kept=True)


def _checked(handle: int, place: Path, kind: Kind) -> Record | None:
    """The record in an open file, which is locked, with files as it says; None while it is removed, and when it was."""
    try:
        try_lock(handle, exclusive=False)
    except BlockingIOError:
        return None
    if not is_at(handle, place / RECORD):
        return None
    record = read_record(handle, place)
    check_files(place, record, digests=kind.verify == "digest")
    return record
