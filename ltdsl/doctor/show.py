"""The report of `ltdsl doctor --verify`, as it is pasted where others can read it."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from typing import Any

from ltdsl import __version__
from ltdsl.doctor.verify import TOLERANCE, Report, Verdict
from ltdsl.wording import counted


def head(report: Report) -> Iterator[str]:
    """What was tried, and against what."""
    device, known = report.device, report.recorded
    python = platform.python_version()
    yield (
        f"ltdsl {__version__}, MindSpore {device['mindspore']}, NumPy {device['numpy']}, Python {python}, "
        f"{platform.system()} {platform.machine()}"
    )
    yield f"device: {_device(device)}"
    if device.get("note"):
        yield device["note"]
    yield (
        f"figures: {_device(known)}, ltdsl {known['ltdsl']}, MindSpore {known['mindspore']}, NumPy {known['numpy']}; "
        f"a relative difference of {TOLERANCE:g} is the same"
    )


def line(verdict: Verdict) -> str:
    """A trick in a line."""
    number = "" if verdict.difference is None else f"{verdict.difference:.1e}"
    return f"{verdict.trick:<26}{number:>8}  {verdict.state:<8}{verdict.said}".rstrip()


def tail(report: Report) -> str:
    """How many are what."""
    states = [each.state for each in report.verdicts]
    parts = [f"{states.count(s)} {s}" for s in ("ok", "differs", "failed") if s in states]
    return f"{counted(len(states), 'trick')}: {', '.join(parts)}"


def as_data(report: Report) -> dict[str, Any]:
    """The report as JSON data."""
    return {
        "ltdsl": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "device": report.device,
        "recorded": report.recorded,
        "tolerance": TOLERANCE,
        "tricks": [each._asdict() for each in report.verdicts],
        "passed": report.passed,
    }


def _device(facts: dict[str, Any]) -> str:
    compiler = f" by {facts['compiler']}" if facts.get("compiler") else ""
    kernels = f", kernels {facts['kernels']}{compiler}" if facts.get("kernels") else ""
    processor = (facts.get("processor") or {}).get("name")
    return f"{facts['device']}{kernels}{f', {processor}' if processor else ''}"
