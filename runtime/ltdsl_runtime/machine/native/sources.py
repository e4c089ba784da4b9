"""What the kernels are compiled from, and how: on the machine that trains, or for the wheel `ltdsl-kernels`.

Imports nothing but the standard library: the wheel's build loads this file alone.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

SOURCES = Path(__file__).with_name("kernels")

OPTIONS = ("-std=gnu11", "-O3", "-fPIC", "-shared", "-pthread")

#: What a processor may have, the best first: for each machine the name of instructions, and the processor's flags.
INSTRUCTIONS: dict[str, dict[str, tuple[str, ...]]] = {
    "x86_64": {
        "avx512": ("avx512f", "avx512bw", "avx512dq", "avx512vl", "avx2", "fma"),
        "avx2": ("avx2", "fma"),
    },
    "aarch64": {"neon": ("asimd",)},
}


def options(machine: str, instructions: str) -> list[str]:
    """The compiler's options, without those that name files."""
    flags = INSTRUCTIONS[machine][instructions]
    return [*OPTIONS, *(f"-m{flag}" for flag in flags if machine == "x86_64")]


def files(folder: Path = SOURCES, *kinds: str) -> list[Path]:
    """The sources, or those of some kinds, in one order everywhere."""
    return sorted(path for path in folder.iterdir() if path.suffix in (kinds or (".c", ".h")))


def digests(folder: Path = SOURCES) -> dict[str, str]:
    """The SHA-256 of each source, by its name."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files(folder)}


def built_from(machine: str, instructions: str, folder: Path = SOURCES) -> str:
    """The SHA-256 of all that the wheel and this machine could have compiled otherwise: sources and options."""
    facts = {"options": options(machine, instructions), "sources": digests(folder)}
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
