"""A small run that was trained by the command line, and the commands that use it."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from ltdsl_runtime.machine.device import prepare
from support.processes import command, environment

prepare("cpu")  # before anything imports mindspore

#: The best epoch is one of softmax, the last one is one of sigmoid; both are corrected.
RECIPE = """
epochs = 4; validation = 0.2; schedule = multistep(milestones = [75%], warmup = 0)
stage1: input_mixup
stage2: input_mixup + cam_bs + focal + posthoc_logit_adjustment @ epoch 3 { optimizer = sgd(lr = 0.5) }
"""


@pytest.fixture(scope="session")
def trained(tmp_path_factory) -> Path:
    """The run, to be read only."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "recipe.lt").write_text(RECIPE)
    call(folder, "run", "recipe.lt", "--out", "run")
    return folder / "run"


@pytest.fixture
def copy(trained, tmp_path) -> Path:
    """A copy of the run, to be changed."""
    shutil.copytree(trained, tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture
def ltdsl(tmp_path) -> Callable[..., subprocess.CompletedProcess]:
    """Calls `ltdsl` in a folder of its own."""

    def run(*arguments: str | Path) -> subprocess.CompletedProcess:
        return call(tmp_path, *arguments, fails=True)

    return run


def call(folder: Path, *arguments: str | Path, fails: bool = False) -> subprocess.CompletedProcess:
    done = subprocess.run(
        command(*arguments),
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert "Traceback" not in done.stderr + done.stdout, done.stderr
    assert "this is a bug" not in done.stderr, done.stderr
    assert fails or done.returncode == 0, done.stderr
    return done


@pytest.fixture
def cli(capfd):
    """Calls `ltdsl` in this process: exit code, output, errors."""
    from typer.testing import CliRunner

    from ltdsl.cli import make_app

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        done = CliRunner().invoke(make_app(), list(map(str, arguments)))
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        capfd.readouterr()
        return done.exit_code, done.stdout, done.stderr

    return run


@pytest.fixture(scope="session")
def evaluation(trained) -> dict:
    return json.loads((trained / "evaluation.json").read_text())


@pytest.fixture(scope="session")
def test_part():
    """The embedded test images."""
    from ltdsl_runtime.data import digits

    return digits.load()[1]
