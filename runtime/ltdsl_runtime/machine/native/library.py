"""The kernels as a shared library: that of `ltdsl-kernels` where it fits, else compiled once and kept in the cache."""

from __future__ import annotations

import ctypes
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from ltdsl.cache import NATIVE_KERNELS, CacheError, Entry, Store
from ltdsl.system.processors import processor_count
from ltdsl_runtime.errors import RunError
from ltdsl_runtime.machine.native.prebuilt import DISTRIBUTION, UnfitError, prebuilt
from ltdsl_runtime.machine.native.sources import INSTRUCTIONS, SOURCES, digests, files, options

NAME = "native.so"

#: Seconds for a compiler that takes two.
PATIENCE = 120

#: What to do where the folder is of no use.
ELSEWHERE = "name another folder with the environment variable LTDSL_CACHE, or use --device cpu"

#: `direct` leaves out Winograd's method.
METHOD = "LTDSL_KERNELS"


@dataclass(frozen=True)
class Library:
    """The kernels in use.

    Attributes:
        path: The library's file.
        compiler: Whose code it is, with the arguments that CC has for it: another's may round sums otherwise.
        origin: Where the file is from, in words.
        aside: Why `ltdsl-kernels`, which is installed, was left aside; empty where it was not.
        entry: Of the cache; None of others. What is loaded may not be removed: MindSpore opens it by its name again.
    """

    path: Path
    compiler: str
    origin: str
    aside: str = ""
    entry: Entry | None = None


_in_use: list[Library] = []


def library() -> Path:
    """The file of :func:`in_use`."""
    return in_use().path


def in_use() -> Library:
    """The library, found or compiled if this machine has none yet, and loaded with a thread for each processor.

    The cache has compared it with what the compiler wrote, in a folder where nobody else can exchange it before it is
    loaded. No digest of it can be shipped, since each compiler writes another; those of its sources are in its key.

    Raises:
        RunError: LT428, the processor lacks what they need, there is no C compiler, it does not compile the kernels,
            its output cannot be kept, or MindSpore would not open it.
    """
    for each in _in_use:
        if each.path.is_file():  # not in a folder that was removed, as that of a trial is
            return each
    _direct()  # a wish that cannot be granted is told first
    if sys.platform != "linux":
        raise RunError("LT428", "MindSpore takes native kernels on Linux only", "use --device cpu")
    aside = ""
    try:
        found = _installed()
    except UnfitError as error:
        found, aside = None, str(error)
    if found is None:
        try:
            found = _of_this_machine(aside)
        except RunError as error:
            if not aside:
                raise
            raise RunError(error.code, f"{error.message}; {aside}", error.hint) from error
    _in_use.append(found)
    return found


def _installed() -> Library | None:
    """That of `ltdsl-kernels`; None where it is not installed."""
    there = prebuilt(_instructions()[0])
    if there is None:
        return None
    try:
        compiler = _load(there.path)
    except OSError as error:
        raise UnfitError(f"{DISTRIBUTION} {there.version} cannot be loaded: {error}") from error
    return Library(there.path, compiler, f"{DISTRIBUTION} {there.version}")


def _of_this_machine(aside: str) -> Library:
    entry = _compiled()
    path = entry.folder / NAME
    if ":" in str(path):
        message = f"MindSpore opens no kernels in {entry.folder}, whose name has a colon"
        raise RunError("LT428", message, ELSEWHERE)
    try:
        compiler = _load(path)
    except OSError as error:
        message = f"the compiled kernels cannot be loaded: {error}"
        hint = f"compile them anew after: ltdsl cache clear {NATIVE_KERNELS.name}; or {ELSEWHERE}"
        raise RunError("LT428", message, hint) from error
    arguments = [each for each in _compiler()[1:] if each.startswith("-")]
    return Library(path, " ".join([compiler, *arguments]), "compiled here", aside, entry)


def _load(path: Path) -> str:
    """Load a library, set it up, and ask it for its compiler.

    Raises:
        OSError: It cannot be loaded.
    """
    loaded = ctypes.CDLL(str(path))
    loaded.ltdsl_set_winograd(not _direct())
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    loaded.ltdsl_set_threads(int(wanted) if wanted.isdecimal() else processor_count())
    loaded.ltdsl_compiler.restype = ctypes.c_char_p
    return str(loaded.ltdsl_compiler().decode())


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
    flags = _instructions()[1]
    facts = {
        "machine": platform.machine(),
        "libc": " ".join(platform.libc_ver()),
        "compiler": _run([*compiler, "--version"]),
        "command": [
            os.fsencode(part).decode(errors="backslashreplace") for part in (*compiler, *flags)
        ],
        "sources": digests(SOURCES),
    }
    command = [*compiler, *flags, *map(str, files(SOURCES, ".c"))]
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


def _instructions() -> tuple[str, list[str]]:
    """Their name, and the compiler's options for them, looked for on this processor before they are used."""
    machine = platform.machine()
    if machine not in INSTRUCTIONS:
        message = f"there are no native kernels for processors of the kind {machine}"
        raise RunError("LT428", message, "use --device cpu")
    present = {*_processor_flags()}
    for name, needed in INSTRUCTIONS[machine].items():
        if present.issuperset(needed):
            return name, options(machine, name)
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
