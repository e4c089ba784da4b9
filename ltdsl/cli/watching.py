"""Doing something again whenever a file changes that it looked at: `ltdsl check --watch`."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NoReturn

import typer

from ltdsl.cli.output import new_console
from ltdsl.system.terminal import summarize
from ltdsl.wording import counted

#: Seconds between two looks at all files; slower where looking takes long.
PAUSE = 0.5


def watch(once: Callable[[], None], files: Callable[[], Iterable[Path]]) -> NoReturn:
    """Do it now and whenever one of its files has changed, come or gone, until Ctrl-C.

    Args:
        once: What a command does; that it ends with an exit code ends nothing.
        files: What to look at from then on; says nothing.
    """
    console = new_console()
    while True:
        console.clear()  # of a terminal alone
        seen = _state(files)  # before: what is changed meanwhile is looked at again
        with contextlib.suppress(typer.Exit):
            once()
        seen |= {path: state for path, state in _state(files).items() if path not in seen}
        there = sum(state is not None for state in seen.values())
        summarize(f"watching {counted(there, 'file')}; Ctrl-C ends", err=True)
        _wait(files, seen)


def _wait(files: Callable[[], Iterable[Path]], seen: dict[Path, object]) -> None:
    while True:
        began = time.monotonic()
        if _state(files) != seen:
            return
        time.sleep(max(PAUSE, 9 * (time.monotonic() - began)))


def _state(files: Callable[[], Iterable[Path]]) -> dict[Path, object]:
    """What tells of each file whether it was written since."""
    return {path.absolute(): _stamp(path) for path in files()}


def _stamp(path: Path) -> object:
    try:
        info = path.stat()
    except OSError:
        return None
    return info.st_mtime_ns, info.st_size, info.st_ino
