"""``python kill_at.py PLACE:N ARGUMENT…``: `ltdsl` with arguments, killed at the N-th step that changes a place.

A step is the making, flushing, renaming or removing of a file; it is counted before and after it is done. So every
moment of a checkpoint, a stage's end, a picture, an evaluation and a page has a place and a number. The places, each
with the number of its steps, are the last line that is printed.
"""

from __future__ import annotations

import collections
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any


def main() -> None:
    del sys.path[0]  # this folder, which has names that others import
    from ltdsl.cli import main as ltdsl

    place, _, last = sys.argv.pop(1).rpartition(":")
    steps: collections.Counter[str] = collections.Counter()

    def step(where: str) -> None:
        steps[where] += 1
        if where == place and steps[where] == int(last):
            os.kill(os.getpid(), signal.SIGKILL)

    def counted(plain: Callable[..., Any], named: Callable[..., str]) -> Callable[..., Any]:
        def watched(*arguments: Any, **options: Any) -> Any:
            where = named(*arguments, **options)
            step(where)
            result = plain(*arguments, **options)
            step(where)
            return result

        return watched

    os.fsync = counted(os.fsync, lambda handle: of(Path(f"/proc/self/fd/{handle}").readlink()))
    for name in ("rename", "replace"):
        setattr(os, name, counted(getattr(os, name), lambda _, to, **__: of(to)))
    for name in ("unlink", "mkdir"):
        setattr(os, name, counted(getattr(os, name), lambda path, *_, **__: of(path)))
    tempfile.mkstemp = counted(tempfile.mkstemp, lambda prefix, **_: of(prefix))
    start = subprocess.Popen.__init__
    subprocess.Popen.__init__ = counted(start, lambda *_, **__: "a child")  # type: ignore[method-assign]
    try:
        ltdsl()
    finally:
        print(json.dumps(steps), file=sys.stderr)


def of(path: Any) -> str:
    """The place that a path is of: a file that is replaced, a checkpoint, or a folder."""
    found = Path(os.fsdecode(path))
    if found.parent.name in ("cam", "recipe"):
        return found.parent.name
    # drafts are called .last.partial.ckpt, .last.partial.tmp and .run.json.k3x9q2_a
    return re.sub(r"^\.|\.[a-z0-9_]{8}$|\.(partial\.)?(tmp|ckpt)$|\.$", "", found.name)


if __name__ == "__main__":
    main()
