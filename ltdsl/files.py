"""Writing files so that nobody ever reads half of one."""

from __future__ import annotations

import contextlib
import json
import os
import re
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


def write_atomically(path: Path, text: str) -> None:
    """Write UTF-8 text to a file, replacing what was there in one step; its permissions are kept.

    Raises:
        OSError: The folder is missing or not writable, or the disk is full; the old file is untouched.
    """
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        temporary.chmod(path.stat().st_mode & 0o777 if path.exists() else 0o644)
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
