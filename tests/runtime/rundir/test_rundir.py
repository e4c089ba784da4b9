"""The run directory: one process at a time, and whatever somebody else may have put into it."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys

import pytest
from ltdsl_runtime.errors import RunError
from ltdsl_runtime.rundir.directory import RunDirectory, must_be_free
from ltdsl_runtime.rundir.ended import keep_logs, settle
from ltdsl_runtime.rundir.lock import Lock
from ltdsl_runtime.training.run import terminable
from support.processes import environment
from support.training import given, plan

#: Opens a run directory, forks a child that lives on, and says so.
HOLDER = """
import os, sys, time
from pathlib import Path
from ltdsl_runtime.rundir.directory import RunDirectory
run = RunDirectory(Path(sys.argv[1]))
child = os.fork()
if child:
    print(os.getpid(), child, flush=True)
time.sleep(60)
"""


@pytest.fixture
def begun(tmp_path):
    with RunDirectory(tmp_path / "run") as run:
        run.begin(plan("epochs = 3; one: ce; two: cs_ce @ epoch 1"), {"recipe.lt": "…"}, **given())
    return tmp_path / "run"


def refused(path, **how):
    with pytest.raises(RunError) as caught:
        RunDirectory(path, **how).plan()
    return caught.value


def test_a_folder_is_one_process_s_until_that_is_killed(begun, tmp_path):
    facts = (begun / "run.json").read_text()
    begun.rename(tmp_path / "other")
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, tmp_path / "run"],
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    pid, child = map(int, process.stdout.readline().split())
    try:
        (tmp_path / "run" / "run.json").write_text(facts)
        for how in ({}, {"resume": True}):
            error = refused(tmp_path / "run", **how)
            assert error.code == "LT423"
            assert f"process {pid} on {socket.gethostname()}" in error.message
        os.kill(pid, signal.SIGKILL)
        process.wait()
        os.kill(child, 0)  # what it started lives on, and holds nothing
        error = refused(tmp_path / "run")
        assert error.code == "LT421"
        assert f"ltdsl run --resume {tmp_path / 'run'}" in error.hint
        RunDirectory(tmp_path / "run", resume=True).close()
    finally:
        os.kill(child, signal.SIGKILL)


def test_a_file_system_without_locks(tmp_path, monkeypatch):
    def none(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "lockf", none)
    with RunDirectory(tmp_path / "run"):
        assert (tmp_path / "run" / "checkpoints").is_dir()


def test_a_lock_follows_no_link(tmp_path):
    (tmp_path / "precious").write_text("mine")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".lock").symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match="symbolic"):
        Lock(tmp_path / "run")
    assert (tmp_path / "precious").read_text() == "mine"


@pytest.mark.parametrize(
    "name", ["run.json", "checkpoints", "checkpoints/last.ckpt", "metrics.jsonl"]
)
def test_links_out_of_the_folder(begun, tmp_path, name):
    (tmp_path / "elsewhere").mkdir()
    entry = begun / name
    if entry.is_dir():
        entry.rmdir()
    else:
        entry.unlink(missing_ok=True)
    entry.symlink_to(tmp_path / "elsewhere")
    error = refused(begun, resume=True)
    assert error.code in ("LT422", "LT426")


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b"{}", b"\xff\xfe", b"[" * 100_000, b'{"status"']
)
@pytest.mark.parametrize("name", ["run.json", "plan.json"])
def test_damaged_files(begun, name, content):
    (begun / name).write_bytes(content)
    assert refused(begun, resume=True).code == "LT426"


def test_a_plan_that_was_edited(begun):
    given = json.loads((begun / "plan.json").read_text())
    for change in (
        {"seed": 5},
        {"stages": [{**given["stages"][0], "name": "uno"}, given["stages"][1]]},
    ):
        (begun / "plan.json").write_text(json.dumps(given | change))
        assert "not the plan" in refused(begun, resume=True).message
    (begun / "plan.json").write_text(json.dumps(given))
    assert [stage.name for stage in RunDirectory(begun, resume=True).plan().stages] == [
        "one",
        "two",
    ]


def test_stage_names_are_no_paths(begun):
    given = json.loads((begun / "plan.json").read_text())
    given["stages"][0]["name"] = "../../x"
    (begun / "plan.json").write_text(json.dumps(given))
    facts = json.loads((begun / "run.json").read_text())
    (begun / "run.json").write_text(json.dumps(facts | {"stages": ["../../x", "two"]}))
    assert refused(begun, resume=True).code == "LT426"


@pytest.mark.parametrize(
    "change",
    [
        {"status": 5},
        {"recipe_folder": 5},
        {"recipe_folder": "a\0b"},
        {"data_folder": ["x"]},
        {"data_folder": "x" * 100_000},
        {"unreadable": 5},
        {"unreadable": [5]},
        {"started": "yesterday"},
        {"warnings": "none"},
    ],
)
def test_facts_that_are_something_else(begun, change):
    facts = json.loads((begun / "run.json").read_text())
    (begun / "run.json").write_text(json.dumps(facts | change))
    assert refused(begun, resume=True).code == "LT426"


@pytest.mark.parametrize(
    "change", [{}, {"epoch": "0"}, {"top1_error": "12.5"}, {"macro_recall": True}, {"loss": None}]
)
def test_lines_of_metrics_that_are_something_else(begun, change):
    line = {
        "epoch": 0,
        "stage": "one",
        "loss": 1.5,
        "lr": 0.1,
        "top1_error": 37.5,
        "macro_recall": 62.5,
        "measured_on": "test",
        "seconds": 2.0,
    }
    (begun / "metrics.jsonl").write_text(json.dumps(line | change) + "\n")
    with RunDirectory(begun, resume=True) as run:
        assert [each.as_data() for each in run.metrics()] == ([] if change else [line])


def test_a_run_that_was_killed_before_it_began_is_begun_in_its_folder(tmp_path, monkeypatch):
    folder = tmp_path / "run"
    wanted = plan("epochs = 3; one: ce")

    def killed(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, RunDirectory(folder) as run:
        patch.setattr(RunDirectory, "note", killed)
        with pytest.raises(KeyboardInterrupt):
            run.begin(wanted, {"old.lt": "…"}, **given())
    (folder / ".run.json.ab12").write_text("half")
    assert refused(folder, resume=True).code == "LT422"
    with RunDirectory(folder) as run:
        run.begin(wanted, {"new.lt": "…"}, **given())
    assert {path.name for path in folder.rglob("*") if path.is_file()} == {
        "new.lt",
        "plan.json",
        "run.json",
        ".lock",
    }
    assert refused(folder).code == "LT421"


@pytest.mark.parametrize("name", ["plan.json", "recipe/mine.lt", "checkpoints/mine.ckpt"])
def test_a_folder_of_somebody_s_own_is_left_alone(tmp_path, name):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("mine")
    assert refused(tmp_path).code == "LT421"
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [(tmp_path / name).name]


def test_what_a_killed_process_was_writing_is_removed(begun):
    for name in (
        *(".run.json.ab12", ".metrics.jsonl.x", "checkpoints/.last.partial.tmp"),
        *("cam/.stage3.json.ab12", "cam/.stage3.png.ab12"),
    ):
        (begun / name).parent.mkdir(exist_ok=True)
        (begun / name).write_text("half")
    RunDirectory(begun, resume=True).close()
    left = {path.name for path in begun.rglob("*") if path.is_file()}
    assert left == {"recipe.lt", "plan.json", "run.json", ".lock"}


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM, signal.SIGINT])
def test_signals_stop_once(number):
    before = signal.getsignal(number)

    def stopped():
        with terminable():
            try:
                os.kill(os.getpid(), number)
            finally:
                for _ in range(3):  # while the status is written
                    os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert signal.getsignal(number) is before


def test_what_nohup_ignores_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with terminable():
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("status", ["finished", "failed", "interrupted"])
def test_a_folder_where_a_run_has_ended_is_refused_before_data_are_read(begun, status):
    with RunDirectory(begun, resume=True) as run:
        run.note(status=status)
    assert (begun / ".lock").exists()
    with pytest.raises(RunError, match="holds files already"):
        must_be_free(begun)


def test_whether_a_run_is_at_work_is_told_by_its_lock(begun):
    must_be_free(begun)


def test_each_time_that_a_run_is_gone_on_with_is_recorded(begun, monkeypatch):
    from ltdsl_runtime.rundir import directory

    began = json.loads((begun / "run.json").read_text())
    now = dict(began["versions"])
    monkeypatch.setattr(directory, "versions", lambda: now)
    with RunDirectory(begun, resume=True) as run:
        assert run.go_on(device="cpu", kernels="mindspore", workers=None) == ""
        run.note(status="interrupted")  # before it knew where it goes on
    now["numpy"] = "0.9"
    with RunDirectory(begun, resume=True) as run:
        numpy = f"numpy 0.9 instead of {began['versions']['numpy']}"
        said = f"{numpy}, native-avx2 kernels instead of mindspore, 2 workers instead of 1"
        assert run.go_on(device="cpu", kernels="native-avx2", workers=2) == said
        run.go_on_after([])
    with RunDirectory(begun, resume=True) as run:
        assert run.facts.last_leg.kernels == "native-avx2"
        assert run.go_on(device="cpu", kernels="native-avx2") == "1 worker instead of 2"
    facts = json.loads((begun / "run.json").read_text())
    legs = facts.pop("continuations")
    assert [leg.get("from_epoch") for leg in legs] == [None, 0, None]
    assert [leg.get("workers") for leg in legs] == [None, 2, None]
    assert [leg["kernels"] for leg in legs] == ["mindspore", "native-avx2", "native-avx2"]
    assert [leg["versions"]["numpy"] for leg in legs] == [began["versions"]["numpy"], "0.9", "0.9"]
    assert facts == began  # what it was begun with stays


def test_a_run_of_version_0_1_takes_the_form_of_this_one_when_it_goes_on(begun):
    facts = json.loads((begun / "run.json").read_text())
    assert facts.pop("format") == 1
    (begun / "run.json").write_text(json.dumps(facts))
    with RunDirectory(begun, resume=True) as run:
        assert run.facts.format == 0
        run.go_on(device="cpu")
    assert json.loads((begun / "run.json").read_text())["format"] == 1


def test_a_run_whose_process_is_gone_is_settled_from_outside(begun, tmp_path):
    (tmp_path / "worker_0.log").write_text("its last words")
    assert keep_logs(tmp_path, [tmp_path / "worker_0.log"]) is None
    assert keep_logs(begun, [tmp_path / "worker_0.log"]) == begun / "logs"
    assert (begun / "logs" / "worker_0.log").read_text() == "its last words"
    before = json.loads((begun / "run.json").read_text())
    settle(begun, "failed", "LT470: it was killed")
    after = json.loads((begun / "run.json").read_text())
    assert after == before | {"status": "failed", "error": "LT470: it was killed"}
    settle(begun, "interrupted")  # it has ended already
    assert json.loads((begun / "run.json").read_text()) == after
    (begun / "run.json").write_text("{")
    settle(begun, "interrupted")
    assert (begun / "run.json").read_text() == "{"
