"""Writing files so that nobody ever reads half of one."""

from __future__ import annotations

import contextlib
import json
import os
import re
import stat
import tempfile
from pathlib import Path
from typing import Any


def json_text(data: Any) -> str:
    """Data as indented JSON, with a line for each list of numbers rather than one for each number."""
    text = json.dumps(data, indent=2)
    # strings have no line breaks in JSON, and the lists taken have no strings
    return (
        re.sub(r"\[\n([^][{}\"]+)\]", lambda found: f"[{' '.join(found[1].split())}]", text) + "\n"
    )


def write_atomically(path: Path, content: str | bytes, durable: bool = False) -> None:
    """Write a file, replacing what was there in one step, a link included; a file's permissions are kept.

    Args:
        path: The file.
        content: Bytes, or text for UTF-8.
        durable: Wait until it is on the disk, so that a power cut leaves the old file or the new one.

    Raises:
        OSError: The folder is missing or not writable, or the disk is full; the old file is untouched.
    """
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        temporary.chmod(_mode(path))
        temporary.replace(path)
        if durable:
            sync_folder(path.parent)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def _mode(path: Path) -> int:
    """The permissions of a file that is there, and those of a new one."""
    try:
        mode = path.lstat().st_mode
    except OSError:
        return 0o644
    return mode & 0o777 if stat.S_ISREG(mode) else 0o644


def sync_folder(path: Path) -> None:
    """Wait until the names in a folder are on the disk, where its file system can say so."""
    with contextlib.suppress(OSError):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
