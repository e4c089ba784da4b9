"""Processes that know nothing of this checkout, and have nothing around them that they have not brought."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path


def run(*line: str | Path, folder: Path) -> subprocess.CompletedProcess:
    """A process that knows nothing of this checkout."""
    kept = {"HOME", "TMPDIR", "LANG", "SSL_CERT_FILE", "PIP_INDEX_URL", "PIP_CERT"}
    env = {name: value for name, value in os.environ.items() if name in kept}
    env |= {"PATH": os.defpath, "COLUMNS": "100"}
    env |= {name: str(folder / "cache") for name in ("LTDSL_CACHE", "PRE_COMMIT_HOME")}
    return subprocess.run(
        [*map(str, line)], cwd=folder, env=env, capture_output=True, text=True, timeout=300
    )


def must(*line: str | Path, folder: Path) -> None:
    """A step that everything after it stands on."""
    done = run(*line, folder=folder)
    assert done.returncode == 0, done.stdout + done.stderr


def site_packages(env: Path) -> Path:
    (found,) = env.glob("lib/python*/site-packages")
    return found
