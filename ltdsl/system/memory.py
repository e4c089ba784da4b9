"""The memory that this process may use: in a container or under `ulimit -v`, less than the machine has."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

#: What version 2 of Linux's control groups says of a container.
_GROUP = Path("/sys/fs/cgroup/memory.max")


def memory_limit() -> int | None:
    """Bytes; None where the system does not say."""
    found = []
    with contextlib.suppress(ValueError, OSError, AttributeError):
        found.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        found.append(resource.getrlimit(resource.RLIMIT_AS)[0])
    with contextlib.suppress(OSError, ValueError):
        found.append(int(_GROUP.read_text(encoding="ascii")))
    return min((limit for limit in found if limit > 0), default=None)
