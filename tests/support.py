"""The command line as its users call it: a process, with its output and exit code."""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

#: What a child process finds both halves by.
SOURCES = os.pathsep.join((str(ROOT), str(ROOT / "runtime")))

#: Take what a quick run leaves out, for time.
FULL = os.environ.get("LTDSL_FULL", "") not in ("", "0")


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "ltdsl", *map(str, arguments)]


def environment() -> dict[str, str]:
    # what the runtime is to set on its own must not come from the outside
    kept = {k: v for k, v in os.environ.items() if k not in ("ONEDNN_MAX_CPU_ISA", "GLOG_v")}
    return kept | {"PYTHONPATH": SOURCES, "COLUMNS": "100"}
