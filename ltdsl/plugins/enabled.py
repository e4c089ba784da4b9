"""Which packages this user has enabled: a list in the user's own folder for settings, never in a recipe's."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from pathlib import Path

from ltdsl.system.opening import read_text
from ltdsl.system.writing import write_in

FILE = "plugins.json"

#: Characters of the file; a hundred names take a tenth of it.
_LARGEST = 100_000

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")


class SettingError(Exception):
    """The list cannot be read or written; the message is one sentence without a full stop."""


def folder() -> Path:
    """``ltdsl`` in ``XDG_CONFIG_HOME``, or in ``~/.config``.

    Raises:
        SettingError: This user has no home folder.
    """
    named = Path(os.environ.get("XDG_CONFIG_HOME", ""))
    if named.is_absolute():
        return named / "ltdsl"
    try:
        return Path("~/.config/ltdsl").expanduser()
    except RuntimeError:
        raise SettingError(
            "there is no folder for settings: this user has no home folder"
        ) from None


def normal(package: str) -> str:
    """A package's name as all of its spellings are compared."""
    return re.sub(r"[-_.]+", "-", package).lower()


def is_there() -> bool:
    """Whether this user has ever enabled anything."""
    try:
        return os.path.lexists(folder() / FILE)
    except SettingError:
        return False  # nobody's list


def enabled() -> frozenset[str]:
    """Names of the enabled packages, normalised; none where nothing was ever enabled.

    Raises:
        SettingError: The list is there and cannot be used.
    """
    if not is_there():
        return frozenset()
    path = folder() / FILE
    try:
        data = json.loads(read_text(path, _LARGEST))
    except (OSError, ValueError, RecursionError) as error:
        why = getattr(error, "strerror", None) or "it is no JSON"
        raise SettingError(f"the list of plug-ins {path} cannot be read: {why}") from None
    names = data.get("enabled") if isinstance(data, dict) else None
    if not isinstance(names, list) or not all(_is_name(name) for name in names):
        raise SettingError(
            f'the list of plug-ins {path} is not of the form {{"enabled": ["package"]}}'
        )
    return frozenset(map(normal, names))


def write(names: Iterable[str]) -> Path:
    """Make these packages the enabled ones.

    Returns:
        The file.

    Raises:
        SettingError: It cannot be written.
    """
    text = json.dumps({"enabled": sorted(map(normal, names))}, indent=2) + "\n"
    try:
        return write_in(folder(), FILE, text)
    except OSError as error:
        raise SettingError(f"cannot write {folder() / FILE}: {error.strerror or error}") from None


def _is_name(value: object) -> bool:
    return isinstance(value, str) and len(value) <= 100 and bool(_NAME.fullmatch(value))
