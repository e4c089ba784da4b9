"""Python processes that ltdsl starts: none imports what lies in the folder one works in."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from ltdsl.system import search_path


def command(module: str, *arguments: str) -> list[str]:
    """The command line that runs a module with this Python, as ``python -m`` would."""
    return [sys.executable, str(Path(search_path.__file__).absolute()), module, *arguments]


def environment(changes: Mapping[str, str] | None = None) -> dict[str, str]:
    """The variables of such a process: those of this one, with PYTHONPATH's absolute entries alone.

    Args:
        changes: Variables that it has otherwise.
    """
    result = {**os.environ, **(changes or {})}
    if "PYTHONPATH" in result:
        result["PYTHONPATH"] = search_path.without_relative(result["PYTHONPATH"])
    return result
