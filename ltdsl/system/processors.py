"""The processors that this process may use: in a container, fewer than the machine has."""

from __future__ import annotations

import os


def affinity() -> list[int]:
    """Their numbers, ascending; none where the system does not say."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def processor_count() -> int:
    """How many there are, at least 1."""
    return len(affinity()) or os.cpu_count() or 1
