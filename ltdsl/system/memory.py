"""The memory that this process may use: in a container or under `ulimit -v`, less than the machine has."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

#: What version 2 of Linux's control groups says of a container.
_GROUP = Path("/sys/fs/cgroup/memory.max")


#: Addresses that MindSpore, NumPy and what they load take before anything is trained, with a third to spare. With less,
#: OpenBLAS tries for ever to get its buffers while it is loaded.
_LOADED = 1 << 30


def must_be_enough() -> None:
    """Refuse to load what trains where the addresses do not suffice for it.

    Raises:
        MemoryError: A limit is too low, such as that of ``ulimit -v``.
    """
    limit = _address_limit()
    if limit is not None and 0 < limit < _LOADED:
        raise MemoryError(f"{limit >> 20} MiB")


def _address_limit() -> int | None:
    try:
        import resource

        return int(resource.getrlimit(resource.RLIMIT_AS)[0])
    except (ImportError, OSError, ValueError):  # no such limits, as on Windows
        return None


def memory_limit() -> int | None:
    """Bytes; None where the system does not say."""
    found = []
    with contextlib.suppress(ValueError, OSError, AttributeError):
        found.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    if (addresses := _address_limit()) is not None:
        found.append(addresses)
    with contextlib.suppress(OSError, ValueError):
        found.append(int(_GROUP.read_text(encoding="ascii")))
    return min((limit for limit in found if limit > 0), default=None)
