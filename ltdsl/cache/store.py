"""The store: what is there is used, what is not is made once, and what was used longest ago makes room."""

from __future__ import annotations

import atexit
import errno
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import TypeAlias

from ltdsl.cache import place
from ltdsl.cache.draft import LOCK, Draft
from ltdsl.cache.entry import Entry, open_entry
from ltdsl.cache.errors import CacheError, DamagedError, warn
from ltdsl.cache.keys import Facts, key_of
from ltdsl.cache.kinds import Kind
from ltdsl.cache.listing import Listed, Removed, damage, entries_in, evict, remove, sweep
from ltdsl.cache.locks import alone
from ltdsl.cache.room import open_room, rooms

#: Writes an entry's files into an empty folder.
Build: TypeAlias = Callable[[Path], object]

_FULL = (errno.ENOSPC, errno.EDQUOT)

#: A disk with fewer bytes left is full: a compiler that fails there fails for that.
_LEAST_FREE = 2**20


class Store:
    """Entries of all kinds in one folder.

    Where the folder is of no use, because it cannot be written to, is full, or others could change what is in it, a
    temporary folder takes its place until the process ends, and a warning says so once.

    Args:
        folder: The cache's.
        limit: Bytes that all entries may take.
        private: The folder is this program's own: nobody else may look into it.
        temporary: The folder is a temporary one already: nothing takes its place.

    Attributes:
        folder: See above.
        limit: See above.
    """

    def __init__(
        self, folder: Path, limit: int, *, private: bool = True, temporary: bool = False
    ) -> None:
        self.folder, self.limit = folder, limit
        self._private, self._temporary = private, temporary

    @staticmethod
    def of_user() -> Store:
        """The user's, as the environment says.

        Raises:
            CacheError: There is no folder for it, or its limit is no size.
        """
        named = place.named_folder()
        return Store(named or place.platform_folder(), place.limit(), private=named is None)

    @staticmethod
    def default() -> Store:
        """The user's, or a temporary one, as a warning says then.

        Raises:
            CacheError: There is no folder for that either.
        """
        try:
            return Store.of_user()
        except CacheError as error:
            _warn_temporary(error)
            return _temporary()

    def get(self, kind: Kind, facts: Facts, build: Build) -> Entry:
        """An entry, made if it is not there. Of several processes that ask at once, one makes it.

        Args:
            kind: What it is.
            facts: All that its files depend on.
            build: Makes it; what it raises is raised. It may be called again, for another folder, where a disk
                turns out to be full.

        Raises:
            CacheError: It can be kept nowhere, not even for now.
        """
        return self._or_temporary(lambda store: store._get(kind, facts, build))

    def obtain(self, kind: Kind, facts: Facts, build: Build) -> Entry | None:
        """As :meth:`get`, but nothing, and a warning, where nothing can be kept for later.

        Arguments are those of :meth:`get`.
        """
        try:
            return self._get(kind, facts, build)
        except CacheError as error:
            warn(error.message, error.hint)
            return None

    def put(self, kind: Kind, facts: Facts, build: Build) -> Entry:
        """Keep what is made already, without waiting for others. An entry that is there and whole stays.

        Arguments and errors are those of :meth:`get`.
        """
        return self._or_temporary(lambda store: store._make(kind, facts, build))

    def keep(self, kind: Kind, facts: Facts, build: Build) -> bool:
        """Keep what is made already, if it can be kept for later; a warning says why nothing can.

        Arguments are those of :meth:`get`.
        """
        try:
            with self._make(kind, facts, build) as entry:
                return entry.kept
        except CacheError as error:
            warn(error.message, error.hint)
            return False

    def lookup(self, kind: Kind, facts: Facts) -> Entry | None:
        """An entry, if it is there and may be used; a warning says why one that is there is not."""
        try:
            with self._usable():
                return self._find(kind, facts)
        except CacheError:
            return None

    def entries(self, kind: Kind | None = None) -> list[Listed]:
        """All entries, or those of a kind, those first that were used last."""
        folders = [room for room in rooms(self.folder) if kind is None or room.name == kind.name]
        found = [entry for room in folders for entry in entries_in(room)]
        return sorted(found, key=lambda entry: (-entry.last_used, entry.key))

    def prune(
        self, limit: int | None = None, older: float | None = None, *, verify: bool = False
    ) -> Removed:
        """Remove what is damaged, what killed processes have left, and what is too old or too much.

        Args:
            limit: Bytes to get down to, those used longest ago first; the store's own limit unless given.
            older: Also remove what was not used for this many seconds.
            verify: Read all files to find what is damaged.
        """
        self._sweep()
        now = time.time()
        found = self.entries()
        unwanted = [
            entry
            for entry in found
            if (older is not None and now - entry.last_used > older)
            or damage(entry, digests=verify)
        ]
        removed = remove(unwanted)
        rest = [entry for entry in found if entry not in removed.gone]
        return removed | evict(rest, self.limit if limit is None else limit)

    def clear(self, kinds: Collection[str] | None = None) -> Removed:
        """Remove all entries, or those of some kinds, that are not in use."""
        self._sweep()
        return remove(entry for entry in self.entries() if kinds is None or entry.kind in kinds)

    def room_of(self, kind: Kind) -> int:
        """Bytes that all entries of a kind may take."""
        return int(kind.share * self.limit)

    def _sweep(self) -> None:
        for room in rooms(self.folder):
            sweep(room)

    def _or_temporary(self, action: Callable[[Store], Entry]) -> Entry:
        try:
            return action(self)
        except CacheError as error:
            if self._temporary:
                raise
            _warn_temporary(error)
        return action(_temporary())

    def _get(self, kind: Kind, facts: Facts, build: Build) -> Entry:
        with ExitStack() as stack:
            with self._usable():
                found = self._find(kind, facts)
                if found is None:
                    lock = self._room(kind) / f"{LOCK}{_key(kind, facts)}"
                    stack.enter_context(alone(lock, kind.patience))
                    found = self._find(kind, facts)  # another may have made it meanwhile
            return found or self._make(kind, facts, build)

    def _find(self, kind: Kind, facts: Facts) -> Entry | None:
        try:
            return open_entry(self._room(kind) / _key(kind, facts), kind)
        except DamagedError as error:
            warn(f"an entry of the cache is not used: {error}")
            return None

    def _make(self, kind: Kind, facts: Facts, build: Build) -> Entry:
        with self._usable():
            room = self._room(kind)
            sweep(room)
            draft = Draft(kind, _key(kind, facts), room)
        try:
            self._build(build, draft.files)
            with self._usable():
                record = draft.finish(facts)
                if record.size > self.room_of(kind):
                    return draft.lend(record)
                self._make_room(kind, record.size)
                return draft.keep(record)
        except BaseException:
            draft.drop()
            raise

    def _build(self, build: Build, files: Path) -> None:
        try:
            build(files)
        except Exception as error:
            if (isinstance(error, OSError) and error.errno in _FULL) or _is_full(files):
                raise self._useless(os.strerror(errno.ENOSPC)) from error
            raise

    def _make_room(self, kind: Kind, size: int) -> None:
        if kind.share < 1:
            evict(self.entries(kind), self.room_of(kind) - size)
        evict(self.entries(), self.limit - size)

    def _room(self, kind: Kind) -> Path:
        return open_room(self.folder, kind, private=self._private)

    @contextmanager
    def _usable(self) -> Iterator[None]:
        """Say of what the system says that it is the cache's."""
        try:
            yield
        except OSError as error:
            raise self._useless(error.strerror or str(error)) from error

    def _useless(self, why: str) -> CacheError:
        return CacheError(f"nothing can be kept in {self.folder}: {why}")


def _key(kind: Kind, facts: Facts) -> str:
    return key_of(kind.name, kind.version, facts)


def _is_full(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free < _LEAST_FREE
    except OSError:  # a builder may have removed it
        return False


def _warn_temporary(error: CacheError) -> None:
    warn(f"{error.message}; a temporary folder takes its place", error.hint)


@cache
def _temporary() -> Store:
    """A store that lasts as long as this process."""
    try:
        folder = Path(tempfile.mkdtemp(prefix="ltdsl-cache-"))
    except OSError as error:
        raise CacheError(f"there is no temporary folder either: {error.strerror}") from error
    atexit.register(_remove, folder, os.getpid())
    return Store(folder, sys.maxsize, temporary=True)


def _remove(folder: Path, process: int) -> None:
    if os.getpid() == process:  # not in a child, which uses what its parent does
        shutil.rmtree(folder, ignore_errors=True)
