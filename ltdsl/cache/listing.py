"""What a cache holds, and making it less."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ltdsl.cache.draft import DRAFT, LOCK, TRASH, discard
from ltdsl.cache.errors import DamagedError
from ltdsl.cache.locks import alone, try_lock
from ltdsl.cache.record import RECORD, Record, check_files, read_record
from ltdsl.cache.trust import open_file

#: Seconds after which nobody is taken to use what a file system without locks cannot tell of.
LONG_AGO = 7 * 86_400

#: Seconds that nothing takes between two steps of the same function.
SOON = 3600

_KEY = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Listed:
    """An entry as it lies there.

    Attributes:
        kind: Name of its kind.
        key: Its name.
        place: Its folder.
        size: Bytes of its files.
        last_used: Seconds since 1970, never in the future, whatever the clock once was.
        record: What is known of it; None where the record is damaged.
        problem: What is wrong with it; None where nothing can be seen without reading all of its files.
    """

    kind: str
    key: str
    place: Path
    size: int
    last_used: float
    record: Record | None
    problem: str | None


@dataclass(frozen=True)
class Removed:
    """What was removed.

    Attributes:
        gone: The entries.
        in_use: Those that should have gone too, and are in use.
    """

    gone: tuple[Listed, ...] = ()
    in_use: tuple[Listed, ...] = ()

    @property
    def size(self) -> int:
        """Bytes of those that are gone."""
        return sum(entry.size for entry in self.gone)

    def __or__(self, other: Removed) -> Removed:
        in_use = (*self.in_use, *(entry for entry in other.in_use if entry not in self.in_use))
        return Removed((*self.gone, *other.gone), in_use)


def entries_in(room: Path) -> Iterator[Listed]:
    """The entries of a kind, in no order."""
    with suppress(OSError):
        for place in room.iterdir():
            if _KEY.fullmatch(place.name):
                with suppress(OSError):  # it is being removed
                    yield _look(place)


def _look(place: Path) -> Listed:
    record, problem = None, None
    try:
        handle = open_file(place / RECORD)
        try:
            record = read_record(handle, place)
        finally:
            os.close(handle)
        check_files(place, record, digests=False)
    except DamagedError as error:
        problem = str(error)
    used = (place if record is None else place / RECORD).lstat().st_mtime
    size = _size(place) if record is None else record.size
    return Listed(
        place.parent.name, place.name, place, size, min(used, time.time()), record, problem
    )


def _size(place: Path) -> int:
    return sum(
        (Path(folder) / name).lstat().st_size
        for folder, _, names in os.walk(place)
        for name in names
    )


def damage(entry: Listed, *, digests: bool) -> str | None:
    """What is wrong with an entry; all of its files are read for their ``digests``."""
    if digests and entry.record is not None and entry.problem is None:
        try:
            check_files(entry.place, entry.record, digests=True)
        except DamagedError as error:
            return str(error)
    return entry.problem


def remove(entries: Iterable[Listed]) -> Removed:
    """Remove those that are not in use."""
    return evict(entries, -1)


def evict(entries: Iterable[Listed], limit: int) -> Removed:
    """Remove what was used longest ago and is not in use, until what is left takes no more than ``limit`` bytes."""
    oldest_first = sorted(entries, key=lambda entry: (entry.last_used, entry.key))
    left = sum(entry.size for entry in oldest_first)
    gone, in_use = [], []
    for entry in oldest_first:
        if left <= limit:
            break
        if _remove(entry):
            gone.append(entry)
            left -= entry.size
        else:
            in_use.append(entry)
    return Removed(tuple(gone), tuple(in_use))


def _remove(entry: Listed) -> bool:
    """Whether an entry was not in use, and could be removed."""
    try:
        handle = open_file(entry.place / RECORD, write=True)
    except DamagedError:  # it could not be used either
        handle = None
    try:
        if handle is not None:
            locked = try_lock(handle, exclusive=True)
            if not locked and time.time() - entry.last_used < LONG_AGO:
                return False
        discard(entry.place)
    except OSError:
        return False
    finally:
        if handle is not None:
            os.close(handle)
    return True


def sweep(room: Path) -> None:
    """Remove what processes that were killed have left in a kind's folder."""
    with suppress(OSError):
        for path in list(room.iterdir()):
            with suppress(OSError):
                if path.name.startswith(LOCK):
                    with alone(path, patience=0):  # which removes it
                        pass
                elif path.name.startswith(TRASH) or (path.name.startswith(DRAFT) and _left(path)):
                    shutil.rmtree(path)


def _left(draft: Path) -> bool:
    """Whether nobody works on a draft any more."""
    age = time.time() - draft.lstat().st_mtime
    try:
        handle = open_file(draft / RECORD, write=True)
    except DamagedError:  # killed before there was one, or just begun
        return age > SOON
    try:
        return try_lock(handle, exclusive=True) or age > LONG_AGO
    except BlockingIOError:
        return False
    finally:
        os.close(handle)
