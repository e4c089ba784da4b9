"""The kernels as a shared library, compiled once for a machine and kept in the user's cache."""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from functools import lru_cache
from pathlib import Path

from runtime.device import processor_count
from runtime.errors import RunError

SOURCES = Path(__file__).with_name("kernels")

#: Seconds for a compiler that takes two.
PATIENCE = 120


@lru_cache(maxsize=1)
def library() -> Path:
    """The library's file, compiled if this machine has none yet, and loaded with a thread for each processor.

    Raises:
        RunError: LT428, there is no C compiler, it does not compile the kernels, or its output cannot be kept.
    """
    path = _built()
    try:
        loaded = ctypes.CDLL(str(path))
    except OSError as error:
        raise RunError("LT428", f"the compiled kernels cannot be loaded: {error}") from error
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    loaded.ltdsl_set_threads(int(wanted) if wanted.isdecimal() else processor_count())
    return path


def _built() -> Path:
    """The compiled file, from the cache where it is there: one for each compiler, its options, and sources."""
    name = os.environ.get("CC") or "cc"
    compiler = shutil.which(name)
    if compiler is None:
        raise RunError(
            "LT428",
            f"the native kernels need a C compiler, and there is no `{name}`",
            "install one, name it with the environment variable CC, or use --device cpu",
        )
    sources = sorted(SOURCES.glob("*.c"))
    options = ["-std=gnu11", "-O3", "-fPIC", "-shared", "-pthread", *_instructions()]
    version = _run([compiler, "--version"])
    key = hashlib.sha256("\0".join([version, *options]).encode())
    for each in sorted(SOURCES.iterdir()):
        key.update(each.read_bytes())
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ltdsl"
    path = folder / f"native-{key.hexdigest()[:16]}.so"
    if not path.exists():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=folder) as draft:
                output = Path(draft) / path.name
                _run([compiler, *options, *map(str, sources), "-o", str(output), "-lm"])
                output.replace(path)
        except OSError as error:
            raise RunError(
                "LT428",
                f"the native kernels cannot be kept in {folder}: {error.strerror}",
                "name another folder with the environment variable XDG_CACHE_HOME, or use --device cpu",
            ) from error
    return path


def _instructions() -> list[str]:
    """Vector instructions of this processor beyond its architecture's least."""
    if platform.machine() != "x86_64" or sys.platform != "linux":
        return []
    flags = Path("/proc/cpuinfo").read_text(errors="replace").split()
    return [f"-m{name}" for name in ("avx2", "fma") if name in flags]


def _run(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        said = (getattr(error, "stderr", "") or str(error)).strip().splitlines()
        raise RunError(
            "LT428",
            f"{command[0]} does not compile the native kernels: {said[0] if said else 'no output'}",
            "name another compiler with the environment variable CC, or use --device cpu",
        ) from error
    return done.stdout
