"""A process answers from its first line on: to Ctrl-C, and where there is too little of something."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from support.processes import FULL, command, environment, safe_command
from support.report import make_run
from typer.testing import CliRunner

from ltdsl.cli import make_app
from ltdsl.cli.commands.run import _default_folder
from ltdsl.report import write_report
from ltdsl.report.library import library
from ltdsl.runs.reading import read_run
from ltdsl.system.shortage import shortage

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and limits of POSIX")

#: What installing writes into the file `ltdsl`.
SCRIPT = "import sys\nfrom ltdsl.__main__ import main\nsys.exit(main())\n"


def script(tmp_path, *arguments):
    file = tmp_path / "ltdsl-script"
    file.write_text(SCRIPT)
    return [sys.executable, str(file), *map(str, arguments)]


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "recipe.lt"
    path.write_text("epochs = 3; schedule = constant\nstage1: ce\n")
    return path


def imported(process):
    """Waits until the process has begun with imports of ours; what Python does before is not for us to answer for."""
    maps = Path(f"/proc/{process.pid}/maps")
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if "pydantic_core" in maps.read_text():
            return
        time.sleep(0.002)
    raise AssertionError("it has imported nothing")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("pause", [0, 0.02, 0.05, 0.1] if FULL else [0, 0.05])
@pytest.mark.parametrize("times", [1, 3])
def test_ctrl_c_while_it_starts_is_no_traceback(tmp_path, recipe, pause, times):
    process = subprocess.Popen(
        script(tmp_path, "check", recipe, recipe),
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    imported(process)
    time.sleep(pause)
    for _ in range(times):
        process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode in (-signal.SIGINT, 130, 0), errors
    assert "Traceback" not in errors
    assert "KeyboardInterrupt" not in errors


def test_ctrl_c_that_is_ignored_stays_so(tmp_path, recipe):
    code = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    file = tmp_path / "ignoring.py"
    file.write_text(
        code
        + "from ltdsl.__main__ import main\nimport os\n"
        + "os.kill(os.getpid(), signal.SIGINT)\nmain()\n"
    )
    line = [sys.executable, str(file), "check", str(recipe)]
    done = subprocess.run(line, env=environment(), capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def limited(line, tmp_path, **limits):
    """Runs a command line with less than it has: numbers of `resource.RLIMIT_…`."""
    import resource

    def limit():
        for name, value in limits.items():
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (value, value))

    done = subprocess.run(
        line, cwd=tmp_path, env=environment(), preexec_fn=limit, capture_output=True, text=True
    )
    assert "Traceback" not in done.stderr
    assert "a bug in ltdsl" not in done.stderr
    return done


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not limit memory so")
@pytest.mark.parametrize("mib", [64, 300, 600])
def test_a_run_with_too_little_memory_says_so(tmp_path, recipe, mib):
    done = limited(script(tmp_path, "run", recipe, "--out", "run"), tmp_path, AS=mib << 20)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-2:]
    assert last[0] == "error[LT499]: there is too little memory"
    assert last[1].startswith("  = help: ")


def test_little_memory_is_enough_to_check(tmp_path, recipe):
    assert limited(script(tmp_path, "check", recipe), tmp_path, AS=200 << 20).returncode == 0


def test_few_files_are_enough_to_check(tmp_path, recipe):
    assert limited(script(tmp_path, "check", recipe), tmp_path, NOFILE=10).returncode == 0


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device of Linux")  # noqa: PTH110
@pytest.mark.parametrize(
    "words", [["check"], ["plan"], ["plan", "--emit", "plan"], ["fmt", "--diff"]]
)
def test_a_full_disk_for_what_is_printed(tmp_path, recipe, words):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            safe_command(*words, recipe),
            cwd=tmp_path,
            env=environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == 1
    assert "error[LT499]: No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


@contextlib.contextmanager
def full(folder):
    """A time in which no file takes more than some bytes, as on a disk that fills up."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (7, before[1]))
    try:
        yield "File too large"
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextlib.contextmanager
def shut(folder):
    """A time in which all folders are somebody else's, to be read."""
    folders = [folder, *(path for path in folder.rglob("*") if path.is_dir())]
    for each in folders:
        each.chmod(0o555)
    user = os.geteuid()
    if user == 0:  # whom no permissions hold
        os.seteuid(65534)
    try:
        yield "Permission denied"
    finally:
        os.seteuid(user)
        for each in folders:
            each.chmod(0o755)


#: What writes files, and where; the runtime's own writers have tests beside it.
WRITERS = {
    "fmt": ["fmt", "crooked.lt"],
    "fix": ["check", "--fix", "wrong.lt"],
    "new": ["new", "made.lt"],
    "report": ["report", "run"],
    "comparison": ["report", "run", "again", "--out", "page.html"],
    "sweep": ["sweep", "recipe.lt", "--out", "sweep"],
}


@pytest.mark.parametrize("hindered", [full, shut])
@pytest.mark.parametrize("words", WRITERS.values(), ids=WRITERS)
def test_where_nothing_can_be_written(recipe, monkeypatch, hindered, words):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        monkeypatch.chdir(folder)
        shutil.copy(recipe, "recipe.lt")
        Path("crooked.lt").write_text("epochs=4;stage1:ce\n")
        Path("wrong.lt").write_text("epoch = 4; stage1: ce\n")
        if words[0] == "report":
            for run in ("run", "again"):
                make_run(folder / run)
            library()  # in the cache, which has tests of its own
        before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        with hindered(folder) as why:
            done = CliRunner().invoke(make_app(), words)
        after = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        monkeypatch.undo()
    assert isinstance(done.exception, SystemExit), done.exception
    assert done.exit_code in (1, 2)
    assert "error" in done.output
    assert why in done.output
    assert after == before, "half of a file is left, or an old one was touched"


def test_without_a_home_or_a_temporary_folder(tmp_path, recipe):
    bare = {name: environment()[name] for name in ("PATH", "PYTHONPATH")}
    for more in ({}, {"HOME": "/nonexistent", "TMPDIR": "/nonexistent"}):
        done = subprocess.run(
            safe_command("check", recipe), cwd="/", env=bare | more, capture_output=True, text=True
        )
        assert (done.returncode, done.stderr) == (0, "")


def test_a_working_folder_that_is_gone(tmp_path, recipe):
    gone = tmp_path / "gone"
    gone.mkdir()
    line = " ".join(["cd", str(gone), "&&", "rmdir", str(gone), "&&", *safe_command("run", recipe)])
    done = subprocess.run(["sh", "-c", line], env=environment(), capture_output=True, text=True)
    assert done.returncode == 1
    assert "error[LT499]: the folder that this was started in is gone" in done.stderr


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (MemoryError(), "there is too little memory"),
        (ImportError("x.so: failed to map segment from shared object"), "too little memory"),
        (OSError(errno.ENOSPC, "No space left on device", "a/b"), "a/b: No space left"),
        (OSError(errno.EMFILE, "Too many open files"), "Too many open files"),
        (RuntimeError("can't start new thread"), "no further thread"),
        (RuntimeError("\n- \n#umsg#Memory not enough:#umsg#malloc"), "too little memory"),
        (RuntimeError("Allocate memory failed\n- C++ Call Stack"), "too little memory"),
        (PermissionError(errno.EACCES, "Permission denied", "a/b"), "a/b: Permission denied"),
        (OSError(errno.ENAMETOOLONG, "File name too long", "aaa"), "aaa: File name too long"),
        (FileNotFoundError(errno.ENOENT, "No such file"), None),
        (ValueError("x"), None),
        (KeyError("memory"), None),
    ],
)
def test_what_there_is_too_little_of(error, says):
    found = shortage(error)
    assert (found is None) == (says is None)
    assert says is None or says in found[0]


@pytest.mark.parametrize("name", ["check", "runs", "predict"])
def test_a_name_that_is_too_long_is_no_bug(tmp_path, name):
    words = [name, "a" * 300, *(["b.png"] if name == "predict" else [])]
    done = subprocess.run(
        command(*words), cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert "a: File name too long\n" in done.stderr
    assert "bug" not in done.stderr


def test_a_shortage_behind_another_error_is_found():
    try:
        try:
            raise ImportError("libx.so: cannot allocate memory in static TLS block")
        except ImportError as error:
            raise ImportError("Error importing numpy") from error
    except ImportError as error:
        found = shortage(error)
    assert found[0] == "there is too little memory"


def test_what_a_killed_report_left_is_removed_by_the_next(tmp_path):
    run = make_run(tmp_path / "run")
    old, new = (run / f".report.html.{name}" for name in ("aaaaaaaa", "bbbbbbbb"))
    for left in (old, new):
        left.write_text("half")
    os.utime(old, (0, 0))
    write_report([run])
    assert not old.exists()
    assert new.exists()  # perhaps being written


def test_a_clock_that_is_set_back(tmp_path, monkeypatch):
    """A run, a page and a folder of tomorrow are as good as others."""
    monkeypatch.chdir(tmp_path)
    run = make_run(
        tmp_path / "run",
        started="2099-01-01T00:00:00Z",
        continuations=[{"time": "2001-01-01T00:00:00Z", "from_epoch": 3}],
    )
    page, draft = run / "report.html", run / ".report.html.aaaaaaaa"
    write_report([run])
    draft.write_text("half")
    for path in (page, draft, run / "run.json"):
        os.utime(path, (4e9, 4e9))
    write_report([run])
    assert page.stat().st_mtime < 4e9
    assert draft.exists()
    assert read_run(run).facts.continuations[0].time.startswith("2001")
    monkeypatch.setattr(time, "strftime", lambda *_: "20200101-000000")
    folders = [_default_folder(Path("recipe.lt")).name for _ in range(3)]
    assert folders == [f"recipe-20200101-000000{more}" for more in ("", "-2", "-3")]
