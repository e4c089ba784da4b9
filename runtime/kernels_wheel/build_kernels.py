"""Compiles the kernels into the wheel `ltdsl-kernels`, for one machine: this one, or what LTDSL_KERNELS_FOR names.

The objects are those that a user's machine would compile; only then is each function of the C library bound to the
newest version of it that the oldest glibc has, so that one file serves all since then.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

#: As in `manylinux_2_28`: Debian 10, Ubuntu 18.10, RHEL 8.
OLDEST = (2, 28)

LIBRARIES = ("libc.so.6", "libm.so.6")

#: Where functions of threads were before glibc 2.34; from then on it is empty.
THREADS = "libpthread.so.0"

NATIVE = Path(__file__).resolve().parents[1] / "ltdsl_runtime" / "machine" / "native"


class BuildError(Exception):
    """The kernels cannot be built; the message says why."""


def sources() -> ModuleType:
    """What ltdsl compiles and how: that file alone, since ltdsl's packages are not there while wheels are built.

    Raises:
        BuildError: This is not a checkout of ltdsl.
    """
    if not NATIVE.is_dir():
        raise BuildError(
            "the kernels' sources are in ltdsl's: build the wheel from a checkout of it"
        )
    spec = importlib.util.spec_from_file_location("sources", NATIVE / "sources.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def build(machine: str, version: str, folder: Path) -> list[Path]:
    """Compile for all instructions of a machine, and write the manifest.

    Raises:
        BuildError: There is no compiler for the machine, or it fails; or the kernels need a newer glibc.
    """
    known = sources().INSTRUCTIONS
    if machine not in known:
        raise BuildError(f"there are no native kernels for {machine}; known: {', '.join(known)}")
    paths = [compiled(machine, name, folder / f"{name}.so") for name in known[machine]]
    return [*paths, manifest(machine, version, paths)]


def manifest(machine: str, version: str, paths: list[Path]) -> Path:
    """Write beside the libraries what they are; ltdsl_runtime/machine/native/prebuilt.py reads it."""
    built_from = sources().built_from
    facts = {
        "version": version,
        "machine": machine,
        "built_from": {path.stem: built_from(machine, path.stem) for path in paths},
        "sha256": {path.stem: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths},
    }
    path = paths[0].with_name("manifest.json")
    path.write_text(json.dumps(facts, indent=1) + "\n")
    return path


def compiled(machine: str, instructions: str, path: Path) -> Path:
    """Compile one library, for every glibc since the oldest."""
    made, compiler = sources(), tool(machine, "gcc")
    options = made.options(machine, instructions)
    with tempfile.TemporaryDirectory() as name:
        objects = []
        for source in made.files(made.SOURCES, ".c"):
            objects.append(Path(name, source.stem).with_suffix(".o"))
            run(
                compiler,
                *(each for each in options if each != "-shared"),
                "-c",
                source,
                "-o",
                objects[-1],
            )
        versions = bound(machine, objects)
        names = Path(name, "versions")
        names.write_text("".join(f"{each} {each}@{v}\n" for each, v in versions.items()))
        for each in objects:
            run(tool(machine, "objcopy"), f"--redefine-syms={names}", each)
        link = [
            "-static-libgcc",
            "-Wl,-z,defs",
            "-Wl,--no-as-needed",
            f"-l:{THREADS}",
            "-Wl,--as-needed",
        ]
        run(compiler, *options, *objects, "-o", path, *link, "-lm")
    return path


def bound(machine: str, objects: list[Path]) -> dict[str, str]:
    """For each function of the C library that the objects need, its newest version that the oldest glibc has."""
    symbols = tool(machine, "nm")
    needed = {*run(symbols, "-u", "-j", *objects).split()}
    offered: dict[str, list[str]] = {}
    current = set()  # what has no current version is linked from elsewhere, and what is offered is for old programs
    for library in LIBRARIES:
        file = run(tool(machine, "gcc"), f"-print-file-name={library}").strip()
        found = re.findall(r" (\w+)(@@?)GLIBC_([\d.]+)$", run(symbols, "-D", file), re.MULTILINE)
        for name, at, version in found:
            offered.setdefault(name, []).append(version)
            current |= {name} if at == "@@" else set()
    chosen = {}
    for name in sorted(needed & current):
        old = [each for each in offered[name] if number(each) <= OLDEST]
        if not old:
            raise BuildError(f"the kernels call {name}, which glibc {shown(OLDEST)} has not")
        chosen[name] = f"GLIBC_{max(old, key=number)}"
    return chosen


def audit(wheel: str, machine: str) -> None:
    """Compare what the wheel needs with its tag.

    Raises:
        BuildError: It needs a newer glibc than the tag says, or something else that systems need not have.
    """
    found = json.loads(run(sys.executable, "-m", "auditwheel", "show", "--json", wheel))[
        "overall_tag"
    ]
    needs = re.fullmatch(rf"manylinux_(\d+)_(\d+)_{machine}", found)
    if needs is None or (int(needs[1]), int(needs[2])) > OLDEST:
        raise BuildError(f"auditwheel says {found} of {wheel}")


def number(version: str) -> tuple[int, ...]:
    """A version as numbers."""
    return tuple(map(int, version.split(".")))


def shown(version: tuple[int, ...]) -> str:
    """A version as text."""
    return ".".join(map(str, version))


def tool(machine: str, name: str) -> str:
    """A program of GCC's for a machine, as Debian calls it.

    Raises:
        BuildError: It is not installed.
    """
    called = f"{machine}-linux-gnu-{name}"
    found = shutil.which(called) or (shutil.which(name) if machine == platform.machine() else None)
    if found is None:
        package = f"gcc-{machine.replace('_', '-')}-linux-gnu"
        raise BuildError(f"there is no {called}; on Debian, the package {package} has it")
    return found


def run(*command: str | Path) -> str:
    """What a program prints.

    Raises:
        BuildError: It fails.
    """
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        raise BuildError(f"{' '.join(map(str, command))}\n{done.stderr.strip()}")
    return done.stdout


if importlib.util.find_spec("hatchling"):
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface

    class KernelsHook(BuildHookInterface[Any]):
        """Puts the libraries and their manifest into the wheel, and names the machine in its tag."""

        def initialize(self, version: str, build_data: dict[str, Any]) -> None:
            """Called before the wheel is put together."""
            self.machine = os.environ.get("LTDSL_KERNELS_FOR") or platform.machine()
            self.folder = tempfile.TemporaryDirectory()
            try:
                made = build(self.machine, self.metadata.version, Path(self.folder.name))
            except BuildError as error:
                sys.exit(f"error: {error}")
            build_data["force_include"] |= {
                str(each): f"ltdsl_kernels/{each.name}" for each in made
            }
            build_data["pure_python"] = False
            build_data["tag"] = f"py3-none-manylinux_{OLDEST[0]}_{OLDEST[1]}_{self.machine}"

        def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
            """Called when the wheel is there; one that breaks its word is not left there."""
            self.folder.cleanup()
            try:
                audit(artifact_path, self.machine)
            except BuildError as error:
                Path(artifact_path).unlink()
                sys.exit(f"error: {error}")
