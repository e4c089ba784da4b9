"""Completion as the shells themselves do it: runs, and names of published rows."""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.processes import environment

from ltdsl.cli.complete import tricks

COMMAND = Path(sys.executable).with_name("ltdsl")
ROW = "cifar10_lt_100-cao-200-ce-then-cam_bs"

pytestmark = pytest.mark.skipif(not COMMAND.exists(), reason="the command is not installed")


def needs(shell):
    return pytest.mark.skipif(shutil.which(shell) is None, reason=f"{shell} is not here")


@pytest.fixture
def folder(tmp_path):
    for name in ("runs/first", "runs/second", "other"):
        (tmp_path / name).mkdir(parents=True)
        if name != "other":
            (tmp_path / name / "run.json").write_text("{}")
    return tmp_path


def variables():
    path = f"{COMMAND.parent}{os.pathsep}{os.environ['PATH']}"
    return environment() | {"PATH": path, "TERM": "xterm"}


@pytest.fixture
def script(folder):
    """Writes what a user has in a shell's start-up file."""

    def write(shell):
        shown = subprocess.run(
            [COMMAND, "--show-completion", shell],
            env=variables(),
            capture_output=True,
            text=True,
            check=True,
        )
        path = folder / f".{shell}"
        path.write_text(shown.stdout)
        return path

    return write


def asked(*words, cwd):
    done = subprocess.run(
        words, cwd=cwd, env=variables(), capture_output=True, text=True, timeout=60, check=True
    )
    return [line.split("\t")[0] for line in done.stdout.splitlines()]


def test_a_shell_is_the_one_that_is_named():
    def shown(*words):
        return subprocess.run(
            [COMMAND, *words], env=variables(), capture_output=True, text=True, timeout=60
        )

    scripts = [shown("--show-completion", name).stdout for name in ("bash", "zsh", "fish")]
    marks = ("complete -o default -F", "#compdef ltdsl", "complete --command ltdsl")
    for script, mark in zip(scripts, marks, strict=True):
        assert [other in script for other in marks].count(True) == 1
        assert mark in script
    assert shown("-q", "--show-completion=fish").stdout == scripts[2]
    wrong = shown("--show-completion", "check")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "--show-completion check: known are bash, zsh, fish" in wrong.stderr


def test_only_tricks_have_figures():
    found = [name for name, _ in tricks("cs")]
    assert "cs_ce" in found
    assert "csv" not in found  # a data set


@needs("bash")
def test_bash(folder, script):
    line = (
        f"source {script('bash')}; "
        'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _ltdsl_completion ltdsl; '
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )

    def completed(*words):
        return asked("bash", "-c", line, "bash", *words, cwd=folder)

    assert completed("ltdsl", "eval", "runs/f") == ["runs/first"]
    assert completed("ltdsl", "-q", "run", "--resume", "runs/s") == ["runs/second"]
    assert set(completed("ltdsl", "eval", "")) == {"other/", "runs/", "runs/first", "runs/second"}
    assert ROW in completed("ltdsl", "new", "x.lt", "--published", ROW[:-3])


@needs("fish")
def test_fish(folder, script):
    line = f"source {script('fish')}; complete -C $argv"

    def completed(text):
        return asked("fish", "-N", "-c", line, text, cwd=folder)

    assert completed("ltdsl eval runs/f") == ["runs/first"]
    assert ROW in completed(f"ltdsl new x.lt --published {ROW[:-3]}")


@needs("zsh")
def test_zsh(folder, script):
    """Zsh completes on a terminal alone."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        ["zsh", "-f", "-i"],
        cwd=folder,
        env=variables() | {"COLUMNS": "200"},
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)

    def until(text, seconds=40):
        shown, end = b"", time.monotonic() + seconds
        while text.encode() not in shown:
            left = end - time.monotonic()
            assert left > 0, shown
            if select.select([master], [], [], left)[0]:
                shown += os.read(master, 65536)
        return shown.decode()

    try:
        start = f"autoload -U compinit; compinit -u -D; source {script('zsh')}; echo rea''dy\n"
        os.write(master, start.encode())
        until("ready")
        os.write(master, b"ltdsl eval runs/f\t")
        until("runs/first")
        os.write(master, f"\x15ltdsl new x.lt --published {ROW}.sampler_sq\t".encode())
        until(f"{ROW}.sampler_square_root")
    finally:
        process.kill()
        process.wait()
        os.close(master)
