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

from ltdsl_runtime.errors import RunError
from ltdsl_runtime.machine.device import processor_count

SOURCES = Path(__file__).with_name("kernels")

#: Seconds for a compiler that takes two.
PATIENCE = 120

#: What to do where the folder is of no use.
ELSEWHERE = "name another folder with the environment variable XDG_CACHE_HOME, or use --device cpu"


@lru_cache(maxsize=1)
def library() -> Path:
    """The library's file, compiled if this machine has none yet, and loaded with a thread for each processor.

    Raises:
        RunError: LT428, there is no C compiler, it does not compile the kernels, its output cannot be kept, or
            MindSpore would not open it.
    """
    if sys.platform != "linux":
        raise RunError("LT428", "MindSpore takes native kernels on Linux only", "use --device cpu")
    path = _built()
    try:
        loaded = ctypes.CDLL(str(path))
    except OSError as error:
        message = f"the compiled kernels cannot be loaded: {error}"
        raise RunError("LT428", message, f"remove {path}; or {ELSEWHERE}") from error
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    loaded.ltdsl_set_threads(int(wanted) if wanted.isdecimal() else processor_count())
    return path


def _built() -> Path:
    """The compiled file, from the cache where it is there: one for each compiler, its options, and sources."""
    folder, compiler = _folder(), _compiler()
    options = ["-std=gnu11", "-O3", "-fPIC", "-shared", "-pthread", *_instructions()]
    version = _run([*compiler, "--version"])
    key = hashlib.sha256("\0".join([platform.machine(), version, *compiler, *options]).encode())
    for each in sorted(SOURCES.iterdir()):
        key.update(each.read_bytes())
    path = folder / f"native-{key.hexdigest()[:16]}.so"
    sources = map(str, sorted(SOURCES.glob("*.c")))
    try:
        if path.exists():
            return path
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as draft:
            output = Path(draft) / path.name
            _run([*compiler, *options, *sources, "-o", str(output), "-lm"])
            _keep(output, path)
    except OSError as error:
        message = f"the native kernels cannot be kept in {folder}: {error.strerror}"
        raise RunError("LT428", message, ELSEWHERE) from error
    return path


def _folder() -> Path:
    """Where the library is kept, as an absolute path."""
    try:
        cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    except RuntimeError as error:  # nobody's home
        message = "the native kernels cannot be kept: this user has no home folder"
        raise RunError("LT428", message, ELSEWHERE) from error
    folder = Path(cache).absolute() / "ltdsl"
    if ":" in str(folder):
        message = f"MindSpore opens no kernels in {folder}, whose name has a colon"
        raise RunError("LT428", message, ELSEWHERE)
    return folder


def _compiler() -> list[str]:
    """The compiler's file, and the arguments that CC has for it."""
    asked = os.environ.get("CC") or "cc"
    name, *arguments = [asked] if shutil.which(asked) else asked.split() or [asked]
    found = shutil.which(name)
    if found is None:
        raise RunError(
            "LT428",
            f"the native kernels need a C compiler, and there is no `{name}`",
            "install one, name it with the environment variable CC, or use --device cpu",
        )
    return [found, *arguments]


def _keep(output: Path, path: Path) -> None:
    """Give the compiled file its name, unless another process was faster.

    That one may have loaded its own already, and MindSpore loads by name: of another file, it would load a second copy,
    with a single thread.
    """
    try:
        os.link(output, path)
    except FileExistsError:
        pass
    except OSError:  # a file system without hard links
        output.replace(path)


def _instructions() -> list[str]:
    """Vector instructions of this processor beyond its architecture's least."""
    if platform.machine() != "x86_64":
        return []
    flags = Path("/proc/cpuinfo").read_text(errors="replace").split()
    return [f"-m{name}" for name in ("avx2", "fma") if name in flags]


def _run(command: list[str]) -> str:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=PATIENCE, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        said = (getattr(error, "stderr", "") or str(error)).strip().splitlines()
        raise RunError(
            "LT428",
            f"{command[0]} does not compile the native kernels: {said[0] if said else 'no output'}",
            "name another compiler with the environment variable CC, or use --device cpu",
        ) from error
    return done.stdout
