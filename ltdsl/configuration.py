"""What a project's file says of checking and of where data are: `ltdsl.toml`, or `[tool.ltdsl]` in `pyproject.toml`.

The file may lie in a stranger's folder. It chooses which warnings are shown and which recipes are found, and names
folders to read images from; nothing in it starts or writes anything, and errors fail whatever it says.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from ltdsl.plugins.enabled import SettingError
from ltdsl.plugins.enabled import folder as user_folder
from ltdsl.system.opening import MIB, read_file
from ltdsl.system.terminal import note_once

#: Its own file, and the one that it may be a table of.
OWN, SHARED = "ltdsl.toml", "pyproject.toml"

#: The table in :data:`SHARED`.
TABLE = ("tool", "ltdsl")


class ConfigurationError(Exception):
    """A file of settings that is none; the message begins with the place."""


@dataclass(frozen=True)
class Configuration:
    """What one file says.

    Attributes:
        path: The file; None where there is none.
        select: Codes, or beginnings of codes, to show.
        ignore: Those to leave out.
        exclude: Patterns of what is passed over in folders, as in a `.gitignore` beside the file.
        data: Names of data sets with the folder or file of their images.
        own: It is the user's own file, not one of a project.
    """

    path: Path | None = None
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    data: Mapping[str, Path] = field(default_factory=dict)
    own: bool = False

    @property
    def folder(self) -> Path:
        """What its patterns and paths count from."""
        return self.path.parent if self.path else Path()


class Configurations:
    """The settings for what lies in a folder; each file is read once.

    Args:
        tell: Told which files are read.
    """

    def __init__(self, tell: Callable[[str], None] = note_once) -> None:
        self._tell = tell
        self._known: dict[Path, Configuration] = {}

    def of(self, folder: Path) -> Configuration:
        """Those of the nearest file there or above, else the user's own, else none.

        Raises:
            ConfigurationError: The file is no TOML, or says what nobody asks for.
        """
        place = Path(os.path.abspath(folder))  # noqa: PTH100 - links are not followed
        if place not in self._known:
            found = self._at(place)
            if found is None:
                found = self.of(place.parent) if place.parent != place else self.own()
            self._known[place] = found
        return self._known[place]

    def own(self) -> Configuration:
        """The user's own settings, in the folder where plug-ins are enabled."""
        try:
            found = self._at(user_folder())
        except SettingError:  # no home folder
            found = None
        return Configuration(own=True) if found is None else replace(found, own=True)

    def data_of(self, name: str, folder: Path) -> tuple[Path, Configuration] | None:
        """Where the images of a data set are, for a recipe in a folder, and whose file says so."""
        for found in (self.of(folder), self.own()):
            if name in found.data:
                return found.data[name], found
        return None

    def _at(self, folder: Path) -> Configuration | None:
        found = _in(folder)
        if found is not None:
            self._tell(f"settings: {found.path}")
        return found


def _in(folder: Path) -> Configuration | None:
    """What the files of a folder say; None where there is none."""
    own, shared = (_table(folder / name) for name in (OWN, SHARED))
    if own is not None and shared is not None:
        raise ConfigurationError(
            f"{folder / OWN}: {folder / SHARED} has settings too: keep them in one of the two files"
        )
    if own is not None:
        return _read(folder / OWN, *own)
    return None if shared is None else _read(folder / SHARED, *shared)


def _table(path: Path) -> tuple[str, Any] | None:
    """A file's text and what it says of ltdsl; None where it says nothing."""
    shared = path.name == SHARED
    try:
        content = read_file(path, MIB)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        if shared:  # another tool's, until it names ours
            return None
        raise ConfigurationError(
            f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}"
        ) from None
    if shared and b"ltdsl" not in content:  # most are other tools': parsing takes time
        return None
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(f"{path}:{line}: no TOML: it is not UTF-8") from None
    data = _parsed(path, text)
    if not shared:
        return text, data
    for name in TABLE:
        data = data.get(name) if isinstance(data, dict) else None
    return None if data is None else (text, data)


#: A name of more parts than anybody writes: TOML's reader takes time and memory with the square of their number.
_MOST_PARTS = 32
_PART = r"""(?:[\w-]+|"[^"\\\n]*(?:\\.[^"\\\n]*)*"|'[^'\n]*')"""
_LONG_NAME = re.compile(rf"(?<![\w\\-])(?:{_PART}[ \t]*\.[ \t]*){{{_MOST_PARTS}}}")


def _parsed(path: Path, text: str) -> Any:
    toml = import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    long = _LONG_NAME.search(text)
    if long:
        line = text.count("\n", 0, long.start()) + 1
        raise ConfigurationError(
            f"{path}:{line}: a name has more than {_MOST_PARTS} parts with dots between them"
        )
    try:
        return toml.loads(text)
    except RecursionError:
        raise ConfigurationError(f"{path}: no TOML: it nests too deeply") from None
    except ValueError as error:  # TOML's own is one
        why = str(error)
        place = re.search(r"\(at line (\d+), column (\d+)\)$", why)
        if place:
            where, why = f":{place[1]}:{place[2]}", why[: place.start()].rstrip()
        else:
            last = len(text.splitlines()) or 1
            where = f":{last}" if why.endswith("(at end of document)") else ""
        raise ConfigurationError(f"{path}{where}: no TOML: {why}") from None


def _read(path: Path, text: str, table: Any) -> Configuration:
    """The settings of a table, each looked at."""
    at = _Places(path, text)
    if not isinstance(table, dict):
        raise at.error(TABLE[-1], "`[tool.ltdsl]` is a table")
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in _KEYS:
            raise at.error(key, f"there is no setting `{key}`{_near(key, _KEYS)}")
        values[key] = _KEYS[key](at, key, value)
    return Configuration(path, **values)


def _near(name: str, known: Sequence[str] | Mapping[str, Any]) -> str:
    from ltdsl.catalogue.names import nearest

    close = nearest(name, known)
    return f"; did you mean `{close}`?" if close else f"; known: {', '.join(sorted(known))}"


class _Places:
    """Where keys are written: TOML's reader does not say."""

    def __init__(self, path: Path, text: str) -> None:
        self.folder = path.parent
        self._path = path
        self._text = text

    def error(self, key: str, message: str, value: str = "") -> ConfigurationError:
        """An error at the key, or at a text in its value."""
        start = 0
        if self._path.name == SHARED:
            header = re.search(r"^[ \t]*\[[ \t]*tool[ \t]*\.[ \t]*ltdsl\b", self._text, re.M)
            start = header.start() if header else 0
        name = re.escape(key)
        written = re.compile(rf"^[ \t]*\[?[\w. \t]*?[\"']?\b({name})[\"']?[ \t]*[].=]", re.M)
        found = written.search(self._text, start)
        place = found.start(1) if found else start
        if value and found:
            place = max(place, self._text.find(value, found.end()))
        line = self._text.count("\n", 0, place) + 1
        column = place - (self._text.rfind("\n", 0, place) + 1) + 1
        return ConfigurationError(f"{self._path}:{line}:{column}: {message}")


def _texts(at: _Places, key: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise at.error(key, f'`{key}` is a list of texts, such as `{key} = ["{_LIKE[key]}"]`')
    return tuple(value)


def _codes(at: _Places, key: str, value: Any) -> tuple[str, ...]:
    from ltdsl.codes.select import selection

    def known(code: str) -> str:
        try:
            return selection([code], []).select[0]
        except ValueError as error:
            raise at.error(key, str(error), code) from None

    return tuple(map(known, _texts(at, key, value)))


def _data(at: _Places, key: str, value: Any) -> Mapping[str, Path]:
    from ltdsl.catalogue import DATASETS

    if not isinstance(value, dict):
        raise at.error(key, '`data` is a table, such as `data = { inat18 = "images/inat18" }`')
    found = {}
    for name, place in value.items():
        if name not in DATASETS:
            raise at.error(name, f"there is no data set `{name}`{_near(name, DATASETS)}")
        if not isinstance(place, str) or not place or "\0" in place:
            raise at.error(name, f"`{name}` is the path of a folder or file, as a text")
        found[name] = at.folder / place
    return found


_LIKE = {"select": "LT1", "ignore": "LT201", "exclude": "drafts/"}

_KEYS: dict[str, Callable[[_Places, str, Any], Any]] = {
    "select": _codes,
    "ignore": _codes,
    "exclude": _texts,
    "data": _data,
}
