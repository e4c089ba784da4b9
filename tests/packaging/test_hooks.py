"""The hooks as another repository has them: installed by pre-commit, from a commit of this one."""

from __future__ import annotations

import subprocess
import sys

import pytest
from support.packaging import must, run
from support.processes import FULL, ROOT

pytestmark = pytest.mark.skipif(not FULL, reason="takes long: set LTDSL_FULL=1")


@pytest.mark.parametrize(
    ("hook", "bad"), [("ltdsl-check", "stage1: cee\n"), ("ltdsl-fmt", "stage1:ce\n")]
)
def test_a_hook(index, tmp_path, hook, bad):
    pytest.importorskip("pre_commit")
    must("git", "init", "--quiet", ".", folder=tmp_path)
    (tmp_path / "good.lt").write_text("stage1: ce\n")
    (tmp_path / "bad.lt").write_text(bad)
    must("git", "add", ".", folder=tmp_path)

    def tried(file: str) -> subprocess.CompletedProcess:
        line = (sys.executable, "-m", "pre_commit", "try-repo", ROOT, hook, "--files", file)
        return run(*line, folder=tmp_path)

    done = tried("good.lt")
    assert (done.returncode, "Passed" in done.stdout) == (0, True), done.stdout + done.stderr
    assert tried("bad.lt").returncode == 1
