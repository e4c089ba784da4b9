"""The kernels as a shared library, compiled once for a machine and kept in the user's cache."""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

from ltdsl.cache import NATIVE_KERNELS, CacheError, Entry, Store
from ltdsl.system.processors import processor_count
from ltdsl_runtime.errors import RunError

SOURCES = Path(__file__).with_name("kernels")

NAME = "native.so"

#: Seconds for a compiler that takes two.
PATIENCE = 120

#: What to do where the folder is of no use.
ELSEWHERE = "name another folder with the environment variable LTDSL_CACHE, or use --device cpu"


#: What a processor may have, the best first: for each machine the name of instructions, and the processor's flags.
INSTRUCTIONS: dict[str, dict[str, tuple[str, ...]]] = {
    "x86_64": {
        "avx512": ("avx512f", "avx512bw", "avx512dq", "avx512vl", "avx2", "fma"),
        "avx2": ("avx2", "fma"),
    },
    "aarch64": {"neon": ("asimd",)},
}

#: `direct` leaves out Winograd's method.
METHOD = "LTDSL_KERNELS"

#: What is loaded may not be removed: MindSpore opens it by its name again.
_in_use: dict[Path, Entry] = {}


def library() -> Path:
    """The library's file, compiled if this machine has none yet, and loaded with a thread for each processor.

    The cache has compared it with what the compiler wrote, in a folder where nobody else can exchange it before it is
    loaded. No digest of it can be shipped, since each compiler writes another; those of its sources are in its key.

    Raises:
        RunError: LT428, the processor lacks what they need, there is no C compiler, it does not compile the kernels,
            its output cannot be kept, or MindSpore would not open it.
    """
    for path in _in_use:
        if path.is_file():  # not in a folder that was removed, as that of a trial is
            return path
    _direct()  # a wish that cannot be granted is told first
    if sys.platform != "linux":
        raise RunError("LT428", "MindSpore takes native kernels on Linux only", "use --device cpu")
    entry = _compiled()
    path = entry.folder / NAME
    if ":" in str(path):
        message = f"MindSpore opens no kernels in {entry.folder}, whose name has a colon"
        raise RunError("LT428", message, ELSEWHERE)
    try:
        loaded = ctypes.CDLL(str(path))
    except OSError as error:
        message = f"the compiled kernels cannot be loaded: {error}"
        hint = f"compile them anew after: ltdsl cache clear {NATIVE_KERNELS.name}; or {ELSEWHERE}"
        raise RunError("LT428", message, hint) from error
    _in_use[path] = entry
    loaded.ltdsl_set_winograd(not _direct())
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    loaded.ltdsl_set_threads(int(wanted) if wanted.isdecimal() else processor_count())
    return path


def name() -> str:
    """What the kernels are called in a run's records: by the processor's instructions, and the method.

    Raises:
        RunError: LT428, they are made for other processors; or there is no such method.
    """
    return f"native-{_instructions()[0]}{'-direct' if _direct() else ''}"


def _direct() -> bool:
    asked = os.environ.get(METHOD, "")
    if asked not in ("", "direct"):
        message = f"{METHOD} is `{asked}`: the native kernels have no such method"
        raise RunError(
            "LT428", message, f"{METHOD}=direct leaves out Winograd's; unset it for both"
        )
    return asked == "direct"


def _compiled() -> Entry:
    """The compiled file, from the cache where it is there: one for each compiler, its options, and sources."""
    compiler = _compiler()
    options = ["-std=gnu11", "-O3", "-fPIC", "-shared", "-pthread", *_instructions()[1]]
    facts = {
        "machine": platform.machine(),
        "libc": " ".join(platform.libc_ver()),
        "compiler": _run([*compiler, "--version"]),
        "command": [
            os.fsencode(part).decode(errors="backslashreplace") for part in (*compiler, *options)
        ],
        "sources": {
            each.name: hashlib.sha256(each.read_bytes()).hexdigest() for each in SOURCES.iterdir()
        },
    }
    sources = map(str, sorted(SOURCES.glob("*.c")))
    command = [*compiler, *options, *sources]
    try:
        return Store.default().get(
            NATIVE_KERNELS, facts, lambda folder: _run([*command, "-o", str(folder / NAME), "-lm"])
        )
    except CacheError as error:
        message = f"the native kernels cannot be kept: {error.message}"
        raise RunError("LT428", message, ELSEWHERE) from error


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


def _instructions() -> tuple[str, tuple[str, ...]]:
    """Their name, and the compiler's flags for them, looked for on this processor before they are used."""
    machine = platform.machine()
    if machine not in INSTRUCTIONS:
        message = f"there are no native kernels for processors of the kind {machine}"
        raise RunError("LT428", message, "use --device cpu")
    present = {*_processor_flags()}
    for name, needed in INSTRUCTIONS[machine].items():
        if present.issuperset(needed):
            return name, tuple(f"-m{flag}" for flag in needed if machine == "x86_64")
    message = f"the native kernels need a processor with {' and '.join(needed)}"
    raise RunError("LT428", message, "use --device cpu")


def _processor_flags() -> list[str]:
    """What the processor says of itself."""
    return Path("/proc/cpuinfo").read_text(errors="replace").split()


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
