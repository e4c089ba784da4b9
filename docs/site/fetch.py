"""What the playground is made of besides ltdsl: fetched by the registries' clients, and held to the digests here."""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

HERE = Path(__file__).parent

PYODIDE = "314.0.7"
PYODIDE_SHA512 = (
    "0YvXxEhfEdpLfb/XkM2BFAeMROq0iMUX2bzzH9pOttyMcWkwq+HbE5uyuGD82LN7y2q+SNvi/6V5JEsOlD2R1A=="
)
#: What pip calls a browser that this Pyodide turns into a machine.
PLATFORM, PYTHON = "pyemscripten_2026_0_wasm32", "3.14"

#: Of Pyodide's package, what a browser loads; the lock file says what its interpreter is.
PARTS = (
    "pyodide.mjs",
    "pyodide.asm.mjs",
    "pyodide.asm.wasm",
    "python_stdlib.zip",
    "pyodide-lock.json",
)


class FetchError(Exception):
    """Something cannot be had, or is not what it should be."""


def fetch(cache: Path) -> tuple[Path, Path]:
    """Pyodide's folder and that of the wheels; downloaded where they are not in ``cache`` yet.

    Raises:
        FetchError: See there; the message says what to do.
    """
    cache.mkdir(parents=True, exist_ok=True)
    return _pyodide(cache), _wheels(cache)


def _pyodide(cache: Path) -> Path:
    archive, folder = cache / f"pyodide-{PYODIDE}.tgz", cache / f"pyodide-{PYODIDE}"
    if not archive.is_file():
        npm = shutil.which("npm")
        if npm is None or shutil.which("node") is None:
            raise FetchError("the playground takes Node.js (20 or later) with npm: install them")
        _call([npm, "pack", "--silent", f"pyodide@{PYODIDE}", "--pack-destination", str(cache)])
    found = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if found != PYODIDE_SHA512:
        archive.unlink()
        raise FetchError(f"pyodide {PYODIDE} has another digest than docs/site/fetch.py: {found}")
    folder.mkdir(exist_ok=True)
    with tarfile.open(archive) as packed:
        for name in PARTS:
            member = packed.extractfile(f"package/{name}")
            assert member is not None
            (folder / name).write_bytes(member.read())
    return folder


def _wheels(cache: Path) -> Path:
    pins = HERE / "wheels.txt"
    digest = hashlib.sha256(pins.read_bytes()).hexdigest()[:16]
    folder = cache / f"wheels-{digest}"
    if folder.is_dir():
        return folder
    draft = cache / f"{folder.name}.part"
    shutil.rmtree(draft, ignore_errors=True)
    line = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    line += ["--no-deps", "--require-hashes", "--only-binary", ":all:", "--dest", str(draft)]
    line += ["--platform", PLATFORM, "--platform", "any", "--implementation", "cp"]
    line += ["--python-version", PYTHON, "--abi", "cp314", "--abi", "none"]
    _call([*line, "--requirement", str(pins)])
    draft.rename(folder)
    return folder


def _call(line: list[str]) -> None:
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    if done.returncode:
        raise FetchError(f"`{Path(line[0]).name}` failed:\n{done.stderr.strip()}")
