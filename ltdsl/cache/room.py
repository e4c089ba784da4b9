"""The folder of a kind's entries: made, and closed to others."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from ltdsl.cache.errors import CacheError, DamagedError
from ltdsl.cache.kinds import Kind
from ltdsl.cache.trust import check_folder, exchangeable, objection, ours
from ltdsl.system.files import write_atomically

#: Tells backups what they may leave out (bford.info/cachedir), and this program what is its own.
TAG = "CACHEDIR.TAG"

_TAG_TEXT = """Signature: 8a477f597d28d172789f06886806bc55
# This folder is a cache of ltdsl: `ltdsl cache list` says what is in it.
"""


def open_room(top: Path, kind: Kind, *, private: bool) -> Path:
    """The kind's folder, made where it is missing; no link leads there, since it could lead elsewhere later.

    Args:
        top: The cache's folder.
        kind: What to keep.
        private: The cache's folder is this program's own, and is closed to others too. One that the user named may
            hold other things, and stays as it is.

    Raises:
        CacheError: Others could put something there.
        OSError: It cannot be made, or looked at.
    """
    top = Path(os.path.realpath(top))
    for folder in reversed([top, *top.parents]):
        if not folder.exists():
            folder.mkdir(0o700, exist_ok=True)
    if private:
        close(top)
    room = top / kind.name
    room.mkdir(0o700, exist_ok=True)
    close(room)
    try:
        check_folder(room)
    except DamagedError as error:
        raise CacheError(f"the cache is not used: {error}") from error
    if kind.executed and (above := exchangeable(top)):
        message = f"nothing that is executed is kept in {top}: {above} {objection(above.stat())}"
        raise CacheError(message)
    tag = room / TAG
    if not tag.exists():
        write_atomically(
            tag, _TAG_TEXT
        )  # half of one, of a full disk, would hide the room from `ltdsl cache`
    return room


def close(folder: Path) -> None:
    """Keep others out of a folder of this user."""
    info = folder.lstat()
    if ours(info) and info.st_mode & 0o077:
        folder.chmod(0o700)


def rooms(top: Path) -> Iterator[Path]:
    """The folders of all kinds that are there, of kinds that other versions have too."""
    with suppress(OSError):
        for folder in sorted(top.iterdir()):
            with suppress(OSError, UnicodeDecodeError, DamagedError):
                check_folder(folder)
                if (folder / TAG).read_text(encoding="utf-8") == _TAG_TEXT:
                    yield folder
