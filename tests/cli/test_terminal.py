"""Names that a stranger has chosen, on a real terminal: shown, and without any effect."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest
from PIL import Image
from support.processes import command, environment
from typer.testing import CliRunner

from ltdsl.cli import make_app

if sys.platform == "win32":
    pytest.skip("pseudo-terminals of POSIX", allow_module_level=True)

#: A title, a cleared screen in two ways, a colour, a right-to-left override, a line of its own with a CI command.
EVIL = "\x1b]0;owned\x07\x1b[2J\x9b2J\x1b[38;5;201m\u202e\n::error::owned\r"

#: What the commands themselves send: colours, and moves of a bar's cursor.
OURS = re.compile(r"\x1b\[(?:\d{0,3}(?:;\d{1,3})*m|\?25[lh]|2K|1A)|\r")


@pytest.fixture
def terminal(tmp_path):
    """Calls `ltdsl` on a pseudo-terminal of 200 columns; gives its exit code and all that it showed."""

    def call(*arguments):
        master, slave = os.openpty()
        process = subprocess.Popen(
            command(*arguments),
            cwd=tmp_path,
            env=environment() | {"TERM": "xterm-256color", "COLUMNS": "200"},
            stdin=slave,
            stdout=slave,
            stderr=slave,
        )
        os.close(slave)
        shown = b""
        while True:
            try:
                part = os.read(master, 65536)
            except OSError:  # Linux's way to say that nobody writes any longer
                break
            if not part:
                break
            shown += part
        os.close(master)
        return process.wait(60), shown.decode()

    return call


def harmless(shown):
    assert "Traceback" not in shown
    for line in shown.splitlines():
        assert not line.lstrip().startswith("::"), line
    for attack in ("\x1b[38;5;201m", "\x1b[2J", "\x1b]"):
        assert attack not in shown
    rest = OURS.sub("", shown).replace("\n", "").replace("\t", "")
    assert all(char.isprintable() for char in rest), ascii(rest)


def saved(folder):
    for part in ("train", "test"):
        for label, name in enumerate((f"a{EVIL}", "b")):
            for number in range(2):
                place = folder / part / name
                place.mkdir(parents=True, exist_ok=True)
                Image.new("RGB", (8, 8), (label, number, 0)).save(place / f"{number}{EVIL}.png")


def test_names_of_recipes(terminal, tmp_path):
    names = [f"{number}{EVIL}.lt" for number in range(3)]
    for name, text in zip(names, ("epoch = 4\nstage1: ce\n", "stage1:ce\n", "x: y z"), strict=True):
        (tmp_path / name).write_text(text)
    for words in (
        ["check", *names],
        ["fmt", "--check", "--diff", *names],
        ["plan", "--origins", names[1]],
        ["check", "--fix", *names],
        ["check", f"gone{EVIL}.lt"],
        ["check", f"--no-such-option{EVIL}"],
        ["run", names[0]],
        ["diff", names[0], names[1]],
        ["sweep", "--dry-run", names[1], "--set", "seed=1,2"],
        ["new", f"{EVIL}.lt"],
        ["report", f"gone{EVIL}"],
        ["explain", EVIL],
        [EVIL],
    ):
        code, shown = terminal(*words)
        assert shown
        assert code in (0, 1, 2), shown
        harmless(shown)


def test_text_of_recipes(terminal, tmp_path):
    one = EVIL.replace("\n", "").replace("\r", "")
    (tmp_path / "recipe.lt").write_text(f'init = "{one}"\nepochs = {one} # {one}\nstage1: ce\n')
    code, shown = terminal("check", "recipe.lt")
    assert code == 1
    harmless(shown)


def test_names_of_classes_images_and_lists(terminal, tmp_path):
    data = tmp_path / f"data{EVIL}"
    saved(data)
    (data / "train" / "b" / f"broken{EVIL}.png").write_bytes(b"no image")
    (tmp_path / "list.txt").write_text(f"{EVIL.strip()} 0\n")
    recipe = tmp_path / "r.lt"
    recipe.write_text("dataset = image_folder(size = 8)\nepochs = 4\nmodel = resnet8\nstage1: ce\n")
    for words in (
        ["data", "inspect", data],
        ["check", "--data", data, recipe],
        ["plan", "--details", "--data", data, recipe],
        ["data", "inspect", "list.txt"],
        ["data", "inspect", f"gone{EVIL}"],
    ):
        code, shown = terminal(*words)
        assert code in (0, 1), shown
        harmless(shown)
        assert "owned" in shown or words[:2] != ["data", "inspect"] or words[2] == "list.txt"


def test_json_on_a_terminal_is_the_same_data(terminal, tmp_path):
    name = f"x{EVIL}.lt"
    (tmp_path / name).write_text("epoch = 4\nstage1: ce\n")
    for form in ("json", "sarif"):
        _, shown = terminal("check", "--format", form, name)
        harmless(shown)
        found = json.loads(shown)
        assert form == "sarif" or found["diagnostics"][0]["file"] == name
    _, shown = terminal("check", "--format", "github", name)
    assert [line[:9] for line in shown.splitlines() if "owned" in line] == ["::error f"]


def test_languages_stay_readable(terminal, tmp_path):
    names = ["漢字.lt", "русский.lt", "عربي.lt", "हिन्दी.lt", "ไทย.lt", "naïve café.lt"]
    for name in names:
        (tmp_path / name).write_text("stage1:ce\n")
    _, shown = terminal("fmt", "--check", *names)
    for name in names:
        assert f"would format {name}" in shown


def test_lines_of_ours_stay_lines(tmp_path, monkeypatch):
    """A line's end in a string that a command prints is a stranger's: ours are lines of their own."""
    monkeypatch.chdir(tmp_path)
    for name, text in (("a", "stage1: ce"), ("b", "epochs = 4; validation = 0.2; stage1: cs_ce")):
        (tmp_path / f"{name}.lt").write_text(f"{text}\n")
    for words in (
        ["plan", "--details", "--origins", "b.lt"],
        ["diff", "a.lt", "b.lt"],
        ["advise", "a.lt"],
        ["tricks"],
        ["explain", "cs_ce"],
        ["explain", "LT207"],
        ["check", "a.lt", "b.lt"],
        ["fmt", "--diff", "a.lt", "b.lt"],
        ["sweep", "--dry-run", "a.lt", "b.lt"],
        ["new", "--list"],
        ["cache", "list"],
    ):
        shown = CliRunner().invoke(make_app(), words).output
        assert shown.count("\n") > 0
        assert "\\n" not in shown, words
