"""An entry in the making."""

from __future__ import annotations

import os
import platform
import secrets
import shutil
import tempfile
from datetime import datetime, timezone
from pathlib import Path

from ltdsl import __version__
from ltdsl.cache.entry import Entry, open_entry
from ltdsl.cache.errors import DamagedError
from ltdsl.cache.keys import Facts
from ltdsl.cache.kinds import Kind
from ltdsl.cache.locks import try_lock
from ltdsl.cache.record import FILES, RECORD, Record, measure, walk
from ltdsl.system.files import sync_folder

#: Beginnings of names in a kind's folder. Entries are named by digits alone.
DRAFT, TRASH, LOCK = ".draft-", ".trash-", ".lock-"


class Draft:
    """A folder beside the entry's place, whose record is open and locked: one that is not is left by a killed process.

    Args:
        kind: What is made.
        key: The entry's name.
        room: The kind's folder.

    Attributes:
        files: Where to write the entry's files.

    Raises:
        OSError: The folder cannot be written to.
    """

    def __init__(self, kind: Kind, key: str, room: Path) -> None:
        self.kind, self.place = kind, room / key
        self.folder = Path(tempfile.mkdtemp(prefix=f"{DRAFT}{key[:12]}-", dir=room))
        self.files = self.folder / FILES
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0)
        try:
            self.files.mkdir(0o700)
            # it gets its name when it is locked: a record that is not is swept up
            new = self.folder / "new"
            self._handle = os.open(new, flags, 0o600)
            try_lock(self._handle, exclusive=False)
            new.rename(self.folder / RECORD)
        except OSError:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise

    def finish(self, facts: Facts) -> Record:
        """Close the files to others, and write the record.

        Raises:
            ValueError: There are links or pipes among the files.
            OSError: They cannot be read, or there is no room.
        """
        durable, files = self.kind.durable, {}
        try:
            for folder, _, _ in os.walk(self.files):
                Path(folder).chmod(0o700)
            for name, path in walk(self.files, trusting=True):
                path.chmod(0o600 | (path.lstat().st_mode & 0o100))
                files[name] = measure(path, durable=durable)
        except DamagedError as error:
            raise ValueError(f"what was made cannot be kept: {error}") from error
        record = Record(
            kind=self.kind.name,
            version=self.kind.version,
            facts=dict(facts),
            files=files,
            created=datetime.now(timezone.utc),
            made_by={"ltdsl": __version__, "python": platform.python_version()},
        )
        text = record.model_dump_json(indent=2).encode() + b"\n"
        with os.fdopen(os.dup(self._handle), "wb") as file:
            file.write(text)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        if durable:
            for name, _, _ in os.walk(self.folder):
                sync_folder(Path(name))
        return record

    def keep(self, record: Record) -> Entry:
        """Give the draft its name, unless an entry is there already, which may be in use: then take that one.

        Raises:
            OSError: It cannot be renamed.
        """
        for last in (False, True):
            try:
                self.folder.rename(self.place)
            except OSError:
                if last or not os.path.lexists(self.place):
                    raise
                try:
                    before = open_entry(self.place, self.kind)
                except DamagedError:
                    discard(self.place)
                    continue
                if before is None:  # gone meanwhile
                    continue
                self.drop()
                return before
            if self.kind.durable:
                sync_folder(self.place.parent)
            return Entry(self.place, self._handle, record, kept=True)
        raise AssertionError("the second attempt returns or raises")

    def lend(self, record: Record) -> Entry:
        """Use the files once: they are removed afterwards."""
        return Entry(self.folder, self._handle, record, kept=False)

    def drop(self) -> None:
        """Remove the draft."""
        os.close(self._handle)
        shutil.rmtree(self.folder, ignore_errors=True)


def discard(place: Path) -> None:
    """Remove an entry, in one step for all others.

    Raises:
        OSError: It cannot be moved out of the way.
    """
    aside = place.with_name(f"{TRASH}{secrets.token_hex(8)}")
    place.rename(aside)
    if aside.is_symlink() or not aside.is_dir():
        aside.unlink()
    shutil.rmtree(aside, ignore_errors=True)
