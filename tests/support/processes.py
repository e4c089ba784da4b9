"""The command line as its users call it: a process, with its output and exit code."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ltdsl.system import children

ROOT = Path(__file__).parents[2]

#: What a child process finds both halves by.
SOURCES = os.pathsep.join((str(ROOT), str(ROOT / "runtime")))

#: Take what a quick run leaves out, for time.
FULL = os.environ.get("LTDSL_FULL", "") not in ("", "0")


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "ltdsl", *map(str, arguments)]


def safe_command(*arguments: str | Path) -> list[str]:
    """The same for folders with a module called ltdsl, where ``python -m`` would take that one."""
    return children.command("ltdsl", *map(str, arguments))


#: Names that both halves import, and their own.
TRAPS = (
    "ltdsl",
    "ltdsl_runtime",
    "json",
    "typing",
    "runpy",
    "lark",
    "numpy",
    "mindspore",
    "altair",
)


def set_traps(folder: Path, names: tuple[str, ...] = TRAPS) -> Path:
    """Write modules into a folder that nothing may import.

    Returns:
        A file; where it is there, it names those that were imported all the same.
    """
    caught = folder / "caught.txt"
    for name in names:
        text = f"with open({str(caught)!r}, 'a') as file:\n    file.write('{name} ')\n"
        (folder / f"{name}.py").write_text(text)
    return caught


def environment() -> dict[str, str]:
    # what the runtime is to set on its own must not come from the outside
    kept = {k: v for k, v in os.environ.items() if k not in ("ONEDNN_MAX_CPU_ISA", "GLOG_v")}
    return kept | {"PYTHONPATH": SOURCES, "COLUMNS": "100"}
