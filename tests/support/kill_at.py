"""``python kill_at.py N ARGUMENT…``: `ltdsl` with arguments, killed at the N-th step that changes the disk.

A step is the making, flushing, renaming or removing of a file; it is counted before and after it is done. So every
moment of a checkpoint, a stage's end, a picture, an evaluation and a page has a number. The last one is printed.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections.abc import Callable
from typing import Any


def main() -> None:
    del sys.path[0]  # this folder, which has names that others import
    from ltdsl.cli import main as ltdsl

    last = int(sys.argv.pop(1))
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1
        if steps == last:
            os.kill(os.getpid(), signal.SIGKILL)

    def counted(plain: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*arguments: Any, **options: Any) -> Any:
            step()
            result = plain(*arguments, **options)
            step()
            return result

        return watched

    for name in ("fsync", "rename", "replace", "unlink", "mkdir"):
        setattr(os, name, counted(getattr(os, name)))
    tempfile.mkstemp = counted(tempfile.mkstemp)
    try:
        ltdsl()
    finally:
        print(steps, file=sys.stderr)


if __name__ == "__main__":
    main()
