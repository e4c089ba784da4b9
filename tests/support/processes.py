"""The command line as its users call it: a process, with its output and exit code."""

from __future__ import annotations

import gc
import io
import os
import subprocess
import sys
from pathlib import Path
from unittest import mock

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


#: Commands that import nothing that is for one process alone, as MindSpore is.
LIGHT = frozenset(
    (
        "check",
        "fmt",
        "plan",
        "diff",
        "data",
        "new",
        "report",
        "explain",
        "tricks",
        "advise",
        "schema",
    )
)


def here(*arguments: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """The command line called in this process: the same but for how a process begins and ends, and quicker."""
    from ltdsl.cli import main

    line = ["ltdsl", *map(str, arguments)]
    stdin, stdout, stderr = (io.TextIOWrapper(io.BytesIO(), "utf-8") for _ in range(3))
    before, code = Path.cwd(), 0
    with (
        mock.patch.multiple(sys, argv=line, stdin=stdin, stdout=stdout, stderr=stderr),
        mock.patch.dict(os.environ, environment()),
    ):
        os.chdir(folder)
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
        finally:
            os.chdir(before)
            gc.unfreeze()  # which the end of a process leaves undone
    texts = []
    for stream in (stdout, stderr):
        stream.flush()
        texts.append(stream.buffer.getvalue().decode())
    return subprocess.CompletedProcess(line, code, *texts)


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
