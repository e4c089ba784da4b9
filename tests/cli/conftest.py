"""What the tests of the command line share."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from support.processes import LIGHT, command, environment, here


@pytest.fixture
def ltdsl(tmp_path):
    """Calls `ltdsl` in a folder of its own: in a process of its own, unless the command is a light one."""

    def call(*arguments: str | Path, timeout: float = 300) -> subprocess.CompletedProcess:
        if arguments and arguments[0] in LIGHT:
            done = here(*arguments, folder=tmp_path)
        else:
            done = subprocess.run(
                command(*arguments),
                cwd=tmp_path,
                env=environment(),
                capture_output=True,
                text=True,
                timeout=timeout,
            )
        assert "Traceback" not in done.stdout + done.stderr, done.stderr
        return done

    return call


@pytest.fixture
def recipe(tmp_path):
    """Writes a recipe."""

    def write(text: str | bytes, name: str = "recipe.lt") -> Path:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write
