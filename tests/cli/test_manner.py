"""How commands speak: what goes where, in which colours, how much of it, and how they end."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys

import pytest
from support.processes import command, environment

from ltdsl.catalogue import TRICKS

RECIPE = "epochs = 2; a: ce"  # a warm-up that never ends is warned of


def test_what_is_said_of_a_recipe_is_no_output(ltdsl, recipe):
    path = recipe(RECIPE)
    for words in (["plan", path], ["advise", path], ["plan", path, "--emit", "recipe"]):
        done = ltdsl(*words)
        assert done.returncode == 0
        assert "LT307" not in done.stdout
        assert ("LT307" in done.stderr) == ("--emit" not in words)
    done = ltdsl("check", path)  # whose output it is
    assert "LT307" in done.stdout
    assert done.stderr == ""


def test_quiet_leaves_results(ltdsl, recipe):
    path = recipe(RECIPE)
    loud, quiet = ltdsl("check", path), ltdsl("check", "-q", path)
    assert loud.stdout.startswith(quiet.stdout)
    assert loud.stdout[len(quiet.stdout) :].count("\n") == 1  # the summary
    assert ltdsl("--quiet", "fmt", path).stderr == ""
    assert path.read_text() != RECIPE
    assert ltdsl("plan", "-q", path).stdout == ltdsl("plan", path).stdout


def test_the_options_stand_before_a_command_and_after_it(ltdsl, recipe):
    path = recipe(RECIPE)
    for words in (["-v", "check", path], ["check", path, "-v"]):
        told = ltdsl(*words).stderr
        assert re.fullmatch(rf"checking {re.escape(str(path))}\ntook [\d.]+ s\n", told)
    assert ltdsl("data", "-v", "inspect", "--help").returncode == 0
    done = ltdsl("-q", "check", "-v", path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "opposites" in done.stderr


@pytest.mark.parametrize(
    ("variables", "words", "coloured"),
    [
        ({}, [], False),
        ({}, ["--color", "always"], True),
        ({"FORCE_COLOR": "1"}, [], True),
        ({"FORCE_COLOR": ""}, [], False),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, [], False),
        ({"FORCE_COLOR": "1"}, ["--color", "never"], False),
        ({"FORCE_COLOR": "1"}, ["--color", "auto"], False),
        ({"NO_COLOR": "1"}, ["--color", "always"], True),
    ],
)
def test_colours(ltdsl, recipe, monkeypatch, variables, words, coloured):
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    path = recipe(RECIPE)
    assert ("\x1b[" in ltdsl("check", *words, path).stdout) == coloured
    assert ("\x1b[" in ltdsl("plan", *words, path).stdout) == coloured
    assert "\x1b[?25l" not in ltdsl("plan", *words, path).stdout  # nothing moves in a pipe


def piped(*words, cwd, **variables):
    kept = {name: value for name, value in environment().items() if name != "COLUMNS"}
    return subprocess.run(
        command(*words), cwd=cwd, env=kept | variables, capture_output=True, text=True, timeout=60
    )


def test_a_pipe_gets_whole_lines(recipe, tmp_path):
    lines = piped("tricks", cwd=tmp_path).stdout.splitlines()
    assert [line.split()[1] for line in lines[1:]] == list(TRICKS)
    for line, entry in zip(lines[1:], TRICKS.values(), strict=True):
        assert line.rstrip().endswith(entry.summary())


def on_terminal(*words, cwd, columns):
    """What a pseudo-terminal of so many columns shows, without colours."""
    import fcntl
    import struct
    import termios

    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    kept = {name: value for name, value in environment().items() if name != "COLUMNS"}
    process = subprocess.Popen(
        command(*words),
        cwd=cwd,
        env=kept | {"TERM": "xterm-256color"},
        stdin=slave,
        stdout=slave,
        stderr=subprocess.DEVNULL,
    )
    os.close(slave)
    shown = b""
    while True:
        try:
            part = os.read(master, 65536)
        except OSError:
            break
        if not part:
            break
        shown += part
    os.close(master)
    assert process.wait(60) == 0
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown.decode()).replace("\r", "")


@pytest.mark.parametrize("columns", [60, 100])
def test_a_narrow_terminal_breaks_no_name(recipe, tmp_path, columns):
    shown = on_terminal("advise", recipe(RECIPE).name, cwd=tmp_path, columns=columns)
    assert re.search(r"trick_gallery\.md@experiments_on_cui_cifar\b", shown)
    shown = on_terminal("explain", "cam_bs", cwd=tmp_path, columns=columns)
    for name in ("keep_originals", "class_balanced"):
        assert re.search(rf"(?m)^ .*\b{name}\b", shown)
    assert not re.search(r"^#|\| ---|`", shown, re.M)  # shown, not as it is written


@pytest.mark.parametrize(
    "words", [["tricks"], ["explain", "cam_bs"], ["plan", "r.lt"], ["schema", "plan"]]
)
def test_nobody_reads_on(recipe, tmp_path, words):
    recipe(RECIPE, "r.lt")
    done = subprocess.run(
        " ".join(command(*words)) + " | true",
        shell=True,
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert "Traceback" not in done.stderr
    assert "Broken" not in done.stderr


@pytest.mark.parametrize("resumed", [False, True])
def test_ctrl_c_while_mindspore_loads(recipe, tmp_path, resumed):
    """The line to go on with is there as soon as there is a run to go on with."""
    if resumed:
        (tmp_path / "result").mkdir()
        (tmp_path / "result" / "run.json").write_text("{}")
    words = ["--resume", "result"] if resumed else [recipe(RECIPE)]
    # instead of waiting for the moment: mindspore's import is the first thing that is asked for
    code = (
        "import sys, os, signal\n"
        "class Finder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'ltdsl_runtime.training.run':\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Finder())\n"
        "from ltdsl.__main__ import main\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "run", *map(str, words)],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 130
    assert "Traceback" not in done.stderr
    assert ("go on with: ltdsl run --resume result" in done.stderr) == resumed
    assert not (tmp_path / "runs").exists() or not list((tmp_path / "runs").iterdir())
