"""`ltdsl check --watch`: again after each change, until Ctrl-C."""

from __future__ import annotations

import signal
import subprocess

from support.processes import command, environment


def test_changes_are_seen(tmp_path, recipe):
    used = recipe("epochs = 20\n", "used.lt")
    recipe('use "used.lt"\na: ce\n', "a.lt")
    process = subprocess.Popen(
        command("check", "--watch"),
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        said = process.stderr.readline()
        assert said == "watching 2 files; Ctrl-C ends\n"
        assert process.stdout.readline() == "1 recipe checked: no problems\n"
        used.write_text("epoch = 20\n")  # of a file that is used
        assert process.stdout.readline().startswith("error[LT101]")
        assert process.stderr.readline() == said
        (tmp_path / "a.lt").unlink()  # one that goes
        used.unlink()
        assert "there is no .lt file" in process.stderr.readline()
        assert process.stderr.readline().startswith("watching 0 files")
        recipe("a: ce\n", "new.lt")  # and one that comes
        assert process.stderr.readline().startswith("watching 1 file;")
        (tmp_path / "ltdsl.toml").write_text('selct = ["LT1"]')
        assert "did you mean `select`?" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        _, rest = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "Traceback" not in rest


def test_a_pipe_is_not_watched(ltdsl):
    done = ltdsl("check", "-", "--watch")
    assert done.returncode == 2
    assert "nothing to watch in a pipe" in done.stderr


def test_what_is_not_there_is_not_watched(ltdsl):
    done = ltdsl("check", "nodir", "--watch")
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no nodir" in done.stderr
