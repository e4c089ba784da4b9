"""What a report needs is loaded for a report alone, and a report needs nothing that trains."""

from __future__ import annotations

import subprocess
import sys

import pytest
from support.processes import ROOT, environment
from support.report import make_run

CHARTS = ("altair", "vl_convert", "jinja2")
TRAINING = ("mindspore", "numpy", "PIL", "ltdsl_runtime")


def loaded(code, names, cwd):
    """Which of some packages a piece of code loads."""
    after = f"{code}\nimport sys\nprint([n for n in {names!r} if n in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", after], cwd=cwd, env=environment(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


@pytest.mark.parametrize("command", ["check", "run"])
def test_commands_start_without_charts(tmp_path, command):
    code = f"from ltdsl.cli import make_app\nmake_app(['{command}'])"
    if command == "check":
        recipe = ROOT / "recipes" / "quickstart.lt"
        code = f"import sys\nfrom typer.testing import CliRunner\n{code}\n"
        code += f"done = CliRunner().invoke(make_app(['check']), ['check', '{recipe}'])\n"
        code += "assert done.exit_code == 0, done.output"
    assert loaded(code, CHARTS, tmp_path) == "[]"


def test_a_report_needs_nothing_that_trains(tmp_path):
    run = make_run(tmp_path / "run")
    code = f"from pathlib import Path\nfrom ltdsl.report import write_report\nwrite_report([Path({str(run)!r})])"
    assert loaded(code, TRAINING, tmp_path) == "[]"
