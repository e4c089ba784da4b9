"""What is released, built and installed once for all tests here."""

from __future__ import annotations

import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

import pytest
from support.packaging import must, run, site_packages
from support.processes import ROOT

Call = Callable[..., subprocess.CompletedProcess]


@pytest.fixture(scope="session")
def index(tmp_path_factory):
    """Skips where no package index can be reached."""
    folder = tmp_path_factory.mktemp("index")
    line = (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "hatchling")
    if run(*line, folder=folder).returncode:
        pytest.skip("no package index can be reached")


@pytest.fixture(scope="session")
def dist(index, tmp_path_factory):
    """The sdist, and the wheel built from it."""
    pytest.importorskip("build")
    folder = tmp_path_factory.mktemp("dist")
    must(sys.executable, "-m", "build", "--outdir", folder, ROOT, folder=folder)
    return folder


@pytest.fixture(scope="session")
def wheel(dist) -> Path:
    (found,) = dist.glob("*.whl")
    return found


@pytest.fixture(scope="session")
def sdist(dist) -> Path:
    (found,) = dist.glob("*.tar.gz")
    return found


@pytest.fixture(scope="session")
def base(wheel, tmp_path_factory) -> Path:
    """A fresh environment with `pip install ltdsl`."""
    env = tmp_path_factory.mktemp("base") / "env"
    venv.create(env, with_pip=True)
    must(env / "bin" / "pip", "install", "--quiet", wheel, folder=env.parent)
    return env


@pytest.fixture(scope="session")
def train(base, tmp_path_factory) -> Path:
    """The same with what `ltdsl[train]` brings, which is large: lent by the environment of the tests."""
    env = tmp_path_factory.mktemp("train") / "env"
    venv.create(env)
    lent = [path for path in sys.path if Path(path).name == "site-packages"]
    text = "\n".join([str(site_packages(base)), *lent])
    (site_packages(env) / "lent.pth").write_text(text)
    return env


@pytest.fixture
def ltdsl(base, tmp_path) -> Call:
    """Calls the installed command in a folder of its own."""

    def call(*arguments: str | Path) -> subprocess.CompletedProcess:
        return run(base / "bin" / "ltdsl", *arguments, folder=tmp_path)

    return call
