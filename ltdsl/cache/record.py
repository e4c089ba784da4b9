"""The record beside an entry's files, and what is compared with it."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, NonNegativeInt, ValidationError

from ltdsl.cache.errors import DamagedError
from ltdsl.cache.keys import key_of
from ltdsl.cache.trust import check_folder, objection, open_file

RECORD = "entry.json"
FILES = "files"

#: Bytes of a record that is read: a hundred thousand files have less.
LARGEST = 64 * 2**20

_CHUNK = 2**20


class File(BaseModel):
    """One file of an entry."""

    model_config = ConfigDict(frozen=True, strict=True)

    size: NonNegativeInt
    """Bytes."""
    sha256: str
    """64 hexadecimal digits."""


class Record(BaseModel):
    """What is known of an entry. When it was last used is its file's time of modification."""

    model_config = ConfigDict(frozen=True, strict=True)

    kind: str
    version: int
    """Of the kind's form."""
    facts: dict[str, Any]
    """What the files were made from."""
    files: dict[str, File]
    """By their paths in the entry, with ``/``."""
    created: datetime
    made_by: dict[str, str]
    """Packages and their versions, for people: what matters is among the facts."""

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files.values())

    @property
    def key(self) -> str:
        """The name that an entry of these facts has."""
        return key_of(self.kind, self.version, self.facts)


def read_record(handle: int, folder: Path) -> Record:
    """The record in an open file, if it is that of the entry in ``folder``.

    Raises:
        DamagedError: It is none, or another one's.
    """
    try:
        with os.fdopen(os.dup(handle), "rb") as file:
            file.seek(0)
            record = Record.model_validate_json(file.read(LARGEST))
        key = record.key
    except (OSError, ValidationError, TypeError, ValueError, RecursionError) as error:
        raise DamagedError(f"{folder / RECORD} cannot be read") from error
    if (record.kind, key) != (folder.parent.name, folder.name):
        raise DamagedError(f"{folder / RECORD} belongs to another entry")
    return record


def check_files(folder: Path, record: Record, *, digests: bool) -> None:
    """Compare an entry's files with its record.

    Args:
        folder: The entry's.
        record: What its files should be.
        digests: Read all of them; otherwise their sizes alone are compared.

    Raises:
        DamagedError: They are something else, or others could have changed them.
    """
    try:
        found = dict(walk(folder / FILES))
        if found.keys() != record.files.keys():
            raise DamagedError(f"{folder / FILES} does not hold the files of its record")
        for name, path in found.items():
            wanted = record.files[name]
            same = measure(path) == wanted if digests else path.lstat().st_size == wanted.size
            if not same:
                raise DamagedError(f"{path} is not what was kept")
    except OSError as error:
        raise DamagedError(f"{error.filename} cannot be read: {error.strerror}") from error


def walk(folder: Path, *, trusting: bool = False) -> Iterator[tuple[str, Path]]:
    """The files below a folder, in order, with their paths in it.

    Args:
        folder: Where to look; no link is followed.
        trusting: Others may have access to it.

    Raises:
        DamagedError: Something is neither a regular file nor a folder, or is open to others.
        OSError: Something cannot be looked at.
    """
    if not trusting:
        check_folder(folder)
    for path in sorted(folder.iterdir()):
        info = path.lstat()
        if stat.S_ISDIR(info.st_mode):
            for name, file in walk(path, trusting=trusting):
                yield f"{path.name}/{name}", file
            continue
        problem = None if trusting else objection(info)
        if problem or not stat.S_ISREG(info.st_mode):
            raise DamagedError(f"{path} {problem or 'is no regular file'}")
        yield path.name, path


def measure(path: Path, *, durable: bool = False) -> File:
    """Size and digest of a file; ``durable`` waits until it is on the disk."""
    handle, digest, size = open_file(path), hashlib.sha256(), 0
    try:
        while chunk := os.read(handle, _CHUNK):
            digest.update(chunk)
            size += len(chunk)
        if durable:
            os.fsync(handle)
    finally:
        os.close(handle)
    return File(size=size, sha256=digest.hexdigest())


def touch(handle: int, path: Path) -> None:
    """Note that an entry is used now; where that cannot be noted, it is not."""
    with suppress(OSError):
        os.utime(handle if os.utime in os.supports_fd else path)
