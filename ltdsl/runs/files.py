"""Opening the files of a run: all of them are opened here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ltdsl.system.opening import open_file, read_file


def content(path: Path, largest: int, folder: Path | None = None) -> bytes:
    """The bytes of a file.

    Args:
        path: The file.
        largest: Bytes that it may have.
        folder: The run or sweep that it is of, which no link may lead out of; the folder it lies in by default.

    Raises:
        ValueError, OSError: See :func:`ltdsl.system.opening.open_file`.
    """
    return read_file(path, largest, root=folder or path.parent)


def text(path: Path, largest: int, folder: Path | None = None) -> str:
    """A file's text, whatever stands for the bytes that are none; see :func:`content`."""
    return content(path, largest, folder).decode("utf-8", "replace")


def data(path: Path, largest: int, folder: Path | None = None) -> Any:
    """What a JSON file holds; see :func:`content`.

    Raises:
        ValueError: It is no JSON too.
        RecursionError: It is nested too deeply.
    """
    return json.loads(text(path, largest, folder))


def tail(path: Path, length: int) -> bytes:
    """The last bytes of a file that grows; see :func:`content`."""
    with open_file(path, root=path.parent) as file:
        file.seek(max(0, file.seek(0, 2) - length))
        return file.read()


def why(error: BaseException) -> str:
    """What was in the way of reading, to follow a colon."""
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        return f"{where}: {first['msg']}" if where else first["msg"]
    if isinstance(error, json.JSONDecodeError):
        return "it is no whole JSON"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
