"""What a folder's owner does not mean by "all files in it": hidden ones, what git ignores, environments, runs.

git's own rules are read as text: git itself is not asked, since a stranger's repository may tell it to start programs.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ltdsl.system.opening import MIB, read_text

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

#: Folders of tools.
_TOOLS = frozenset({"__pycache__", "node_modules", "venv"})

#: Files that a folder with its own recipe has, which is not one to check: that of a run, and of a virtual environment.
_MARKS = ("run.json", "pyvenv.cfg")


def files_below(
    folder: Path,
    ending: str,
    exclude: Sequence[tuple[Path, Sequence[str]]] = (),
    onerror: Callable[[OSError], None] | None = None,
    further: Callable[[Path], Sequence[str]] = lambda _: (),
    git: bool = True,
) -> Iterator[Path]:
    """The files below a folder that its owner means.

    Args:
        folder: Where to look.
        ending: How their names end.
        exclude: Further patterns, each with the folder in whose ``.gitignore`` they might stand: this one or one above.
        onerror: Told of folders that cannot be read.
        further: Gives the patterns that a folder below this one has besides.
        git: Pass over what git ignores.
    """
    rules = list(_above(folder)) if git else []
    for base, patterns in exclude:
        rules += _rules(base, list(patterns))
    by_folder: dict[Path, list[tuple[Path, GitIgnoreSpec]]] = {}
    for parent, folders, names in os.walk(folder, onerror=onerror):
        place = Path(parent)
        known = by_folder.get(place.parent, rules) if place != folder else rules
        if git and ".gitignore" in names:
            known = [*known, *_rules(place, _lines(place))]
        if place != folder:
            known = [*known, *_rules(place, list(further(place)))]
        by_folder[place] = known
        folders[:] = sorted(
            name for name in folders if not _skipped(place / name, known) and name not in _TOOLS
        )
        for name in sorted(names):
            path = place / name
            if name.endswith(ending) and not name.startswith(".") and not _ignored(path, known):
                yield path


def is_excluded(path: Path, exclude: Sequence[tuple[Path, Sequence[str]]]) -> bool:
    """Whether a file that was named is like one of the patterns, each with its folder; see :func:`files_below`."""
    place = Path(os.path.abspath(path))  # noqa: PTH100
    rules = [
        rule
        for base, patterns in exclude
        if place.is_relative_to(os.path.abspath(base))  # noqa: PTH100
        for rule in _rules(base, list(patterns))
    ]
    return _ignored(place, rules)


def _skipped(folder: Path, rules: Sequence[tuple[Path, GitIgnoreSpec]]) -> bool:
    if folder.name.startswith(".") or _ignored(folder, rules, "/"):
        return True
    return any((folder / mark).is_file() for mark in _MARKS)


def _ignored(path: Path, rules: Sequence[tuple[Path, GitIgnoreSpec]], mark: str = "") -> bool:
    place = Path(os.path.abspath(path))  # noqa: PTH100 - links are not followed
    for base, spec in reversed(rules):  # the nearest rules win
        verdict = spec.check_file(place.relative_to(base).as_posix() + mark).include
        if verdict is not None:
            return verdict
    return False


def _above(folder: Path) -> Iterator[tuple[Path, GitIgnoreSpec]]:
    """Rules of the folders from the repository's root down to the one before ``folder``."""
    place = Path(os.path.abspath(folder))  # noqa: PTH100
    chain = [place, *place.parents]
    root = next((at for at, each in enumerate(chain) if (each / ".git").exists()), None)
    if root is None:
        return
    for each in reversed(chain[1 : root + 1]):
        yield from _rules(each, _lines(each))


def _lines(folder: Path) -> list[str]:
    try:
        return read_text(folder / ".gitignore", MIB).splitlines()
    except (OSError, ValueError):
        return []


def _rules(folder: Path, lines: list[str]) -> Iterator[tuple[Path, GitIgnoreSpec]]:
    if not lines:
        return
    spec = _spec([line for line in lines if _fit(line)])
    yield Path(os.path.abspath(folder)), spec  # noqa: PTH100


def _spec(lines: list[str]) -> GitIgnoreSpec:
    from pathspec import GitIgnoreSpec

    with warnings.catch_warnings():  # of brackets that Python may read in another way one day
        warnings.simplefilter("ignore", FutureWarning)
        return GitIgnoreSpec.from_lines(lines)


def _fit(line: str) -> bool:
    """Whether a line is a pattern; git leaves the others out without a word."""
    if len(line) > 1000 or line.count("*") > 10:  # a stranger's, made to take long
        return False
    try:
        _spec([line])
    except (ValueError, re.error):
        return False
    return True
