"""What tells machines apart whose numbers may differ, and versions of what computes them."""

from __future__ import annotations

import hashlib
import os
import platform
from functools import cache
from pathlib import Path
from typing import Any

from ltdsl import plan
from ltdsl.system.processors import processor_count
from ltdsl_runtime.machine.device import on_cpu

#: Variables that decide which kernels compute, and with how many threads.
VARIABLES = ("OMP_NUM_THREADS", "ONEDNN_MAX_CPU_ISA")

#: What of the language half has a part in numbers, beside all of the runtime.
CONTRACTS = ("catalogue", "plan.py", "longtail.py", "epochs.py")

SOURCES = (".py", ".c", ".cpp", ".h", ".gz")


def machine_facts() -> dict[str, Any] | None:
    """The processor as far as numbers may depend on it: sums of several threads are added in another order.

    Returns:
        Plain data; None on other devices, which do not say what they are.
    """
    if not on_cpu():
        return None
    return {
        "processor": _processor(),
        "threads": processor_count(),
        "variables": {name: os.environ[name] for name in VARIABLES if name in os.environ},
    }


def processor_facts() -> dict[str, dict[str, Any]]:
    """What a run records of the processor, as an entry of run.json; nothing on other devices than a CPU."""
    if not on_cpu():
        return {}
    here, threads = _processor(), os.environ.get("OMP_NUM_THREADS", "")
    limit = os.environ.get("ONEDNN_MAX_CPU_ISA")
    told = {"name": here["name"], "instructions": here["instructions"], "limit": limit}
    numbers = {
        "threads": int(threads) if threads.isdecimal() and int(threads) else processor_count(),
        "cores": os.cpu_count(),
    }
    return {"processor": {name: value for name, value in (told | numbers).items() if value}}


def _processor() -> dict[str, str]:
    """Its name and a digest of its instructions, as Linux tells them; elsewhere the machine's kind."""
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    told = {
        name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    flags = told.get("flags") or told.get("Features") or ""
    return {
        "machine": platform.machine(),
        "name": told.get("model name") or platform.processor(),
        "instructions": hashlib.sha256(" ".join(sorted(flags.split())).encode()).hexdigest()[:16],
    }


@cache
def source_digest() -> str:
    """SHA-256, in hex, of the source that computes: while it is worked on, a version's number stays what it was."""
    runtime, language = Path(__file__).parents[1], Path(plan.__file__).parent
    digest = hashlib.sha256()
    for top in (runtime, *(language / name for name in CONTRACTS)):
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            if path.suffix in SOURCES and path.is_file():
                digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
