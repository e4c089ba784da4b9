"""What the tests of the command line share."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

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
def trains(tmp_path):
    """Calls `ltdsl` in this process and a folder of its own, runs included; nobody looks at their pages."""
    with training_in(tmp_path) as call:
        yield call


@contextlib.contextmanager
def training_in(folder: Path) -> Iterator[Callable[..., subprocess.CompletedProcess]]:
    from ltdsl_runtime.machine.device import prepare

    def call(*arguments: str | Path) -> subprocess.CompletedProcess:
        done = here(*arguments, folder=folder)
        assert "this is a bug" not in done.stderr, done.stderr
        return done

    prepare("cpu")
    with mock.patch("ltdsl.cli.commands.run.write_report", return_value=None):
        yield call


@pytest.fixture(scope="session")
def simple(tmp_path_factory) -> Path:
    """A run of one epoch, to be read only."""
    folder = tmp_path_factory.mktemp("simple")
    (folder / "recipe.lt").write_text("epochs = 1; a: ce")
    with training_in(folder) as call:
        assert call("run", "recipe.lt", "--out", "run").returncode == 0
    return folder / "run"


@pytest.fixture
def recipe(tmp_path):
    """Writes a recipe."""

    def write(text: str | bytes, name: str = "recipe.lt") -> Path:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write
