"""What is written into a run directory from outside its process: it has ended and can say no more."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path

from ltdsl.runs.facts import Facts, Status
from ltdsl.runs.files import data
from ltdsl.runs.layout import FACTS, LOGS
from ltdsl.system.files import json_text
from ltdsl.system.opening import RUN_FACTS
from ltdsl.system.writing import write_in


def settle(run: Path, status: Status, error: str | None = None) -> None:
    """Record how a run ended whose own process could not, as far as that can be written."""
    with contextlib.suppress(OSError, ValueError, RecursionError):
        facts = Facts.model_validate(data(run / FACTS, RUN_FACTS))
        if facts.status == "running":
            known = facts.changed(status=status, error=error)
            write_in(run, FACTS, json_text(known.as_data()))


def keep_logs(run: Path, logs: Iterable[Path]) -> Path | None:
    """Keep what its processes printed, as far as that can be written.

    Returns:
        Where that is; None where the run had not begun.
    """
    if not (run / FACTS).exists():
        return None
    with contextlib.suppress(OSError):
        for log in logs:
            write_in(run, f"{LOGS}/{log.name}", log.read_bytes())
    return run / LOGS
