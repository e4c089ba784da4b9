"""What there is to know of a machine: gathered without importing MindSpore into this process."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ltdsl import __version__
from ltdsl.system import children
from ltdsl.system.memory import memory_limit
from ltdsl.system.packages import EXTRAS
from ltdsl.system.processors import processor_count

#: Seconds that MindSpore has to be imported and to look for its devices.
_PATIENCE = 180

#: Extras whose absence is nothing to tell of: one asks for them by name.
TOLD = ("train", "report", "lsp", "mindcv", "pretrained", "tensorboard", "onnx", "cluster")


@dataclass(frozen=True)
class Machine:
    """A machine as far as ltdsl is concerned.

    Attributes:
        ltdsl, python, system, machine: Versions and names.
        processors: That this process may use.
        memory: Bytes that it may use; None where nobody says.
        extras: Of ltdsl, by name: the packages of each that are missing.
        probe: What :mod:`ltdsl_runtime.machine.probe` prints; None where it was not asked.
        trouble: Why it printed nothing; empty where it did.
        folder, free: The working folder, and bytes free there; None where it is gone.
        writable: Whether it can be written to.
        cache, cache_free: The same of the cache.
        cache_trouble: Why there is none.
        plugins: Packages that are enabled.
        broken: What of them cannot be loaded.
    """

    ltdsl: str = __version__
    python: tuple[int, int, int] = (3, 11, 0)
    system: str = "Linux"
    machine: str = "x86_64"
    processors: int = 2
    memory: int | None = None
    extras: dict[str, list[str]] = field(default_factory=dict)
    probe: dict[str, Any] | None = None
    trouble: str = ""
    folder: str = ""
    free: int | None = None
    writable: bool = True
    cache: str = ""
    cache_free: int | None = None
    cache_trouble: str = ""
    plugins: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()


def gather() -> Machine:
    """This machine."""
    extras = {
        extra: [name for name in names if find_spec(name) is None]
        for extra, names in EXTRAS.items()
    }
    probe, trouble = (None, "") if extras["train"] else _probed()
    folder = _working_folder()
    cache, cache_trouble = _cache()
    plugins, broken = _plugins()
    return Machine(
        python=sys.version_info[:3],
        system=platform.system(),
        machine=platform.machine(),
        processors=processor_count(),
        memory=memory_limit(),
        extras=extras,
        probe=probe,
        trouble=trouble,
        folder=str(folder or ""),
        free=_free(folder),
        writable=folder is not None and os.access(folder, os.W_OK),
        cache=str(cache or ""),
        cache_free=_free(cache),
        cache_trouble=cache_trouble,
        plugins=plugins,
        broken=broken,
    )


def _probed() -> tuple[dict[str, Any] | None, str]:
    """What another process finds when it imports MindSpore: that may hang, abort, or take a minute."""
    try:
        done = subprocess.run(
            children.command("ltdsl_runtime.machine.probe"),
            env=children.environment(),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PATIENCE,
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        return None, f"{type(error).__name__} after {_PATIENCE} s"
    lines = done.stdout.strip().splitlines()
    try:
        found = json.loads(lines[-1]) if lines else None
    except ValueError:
        found = None
    if isinstance(found, dict):
        return found, ""
    last = (done.stderr.strip().splitlines() or ["it printed nothing"])[-1]
    return None, f"exit code {done.returncode}: {last[:300]}"


def _working_folder() -> Path | None:
    try:
        return Path.cwd()
    except OSError:
        return None


def _free(folder: Path | None) -> int | None:
    """Bytes free where a folder is, or would be."""
    there = (
        next((each for each in (folder, *folder.parents) if each.exists()), None)
        if folder
        else None
    )
    try:
        return shutil.disk_usage(there).free if there else None
    except OSError:
        return None


def _cache() -> tuple[Path | None, str]:
    from ltdsl.cache import CacheError, Store

    try:
        return Store.of_user().folder, ""
    except CacheError as error:
        return None, str(error)


def _plugins() -> tuple[tuple[str, ...], tuple[str, ...]]:
    from ltdsl.plugins.enabled import SettingError, enabled
    from ltdsl.plugins.loading import problems

    try:
        names = tuple(sorted(enabled()))
    except SettingError as error:
        return (), (str(error),)
    return names, tuple(problem.message for problem in problems())
