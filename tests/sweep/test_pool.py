"""How a machine is divided between runs, and what is said of processes that die."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ltdsl.options import Origin, RunOptions
from ltdsl.sweep import process
from ltdsl.sweep.pool import LocalPool, environment, processors, visible_devices
from ltdsl.sweep.process import Job, StoppedError, run_job
from ltdsl.system import children

needs_affinity = pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity"), reason="the system has no affinity"
)


@needs_affinity
def test_every_processor_has_one_owner(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {8, 1, 2, 3, 4, 5, 6})
    shares = [processors(slot, 3) for slot in range(3)]
    assert shares == [{1, 2}, {3, 4}, {5, 6, 8}]
    assert processors(0, 1) == frozenset()  # one run has the whole machine
    assert [len(processors(slot, 7)) for slot in range(7)] == [1] * 7
    assert [len(processors(slot, 9)) for slot in range(9)] == [0] * 9  # too few to divide


def test_devices_are_dealt_out(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2, 5")
    monkeypatch.setenv("ASCEND_RT_VISIBLE_DEVICES", "7")
    dealt = [environment(slot, 3, "gpu")["CUDA_VISIBLE_DEVICES"] for slot in range(3)]
    assert dealt == ["2", "5", "2"]
    assert "ASCEND_RT_VISIBLE_DEVICES" not in environment(0, 2, "gpu")
    assert environment(1, 2, "ascend")["ASCEND_RT_VISIBLE_DEVICES"] == "7"
    assert environment(1, 2, "auto").keys() >= {
        "CUDA_VISIBLE_DEVICES",
        "ASCEND_RT_VISIBLE_DEVICES",
    }
    assert not environment(1, 2, "cpu").keys() & {
        "CUDA_VISIBLE_DEVICES",
        "ASCEND_RT_VISIBLE_DEVICES",
    }
    assert environment(0, 1, "gpu") == {}


def test_devices_that_nobody_names_are_those_of_the_system(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert visible_devices("CUDA_VISIBLE_DEVICES", "no-such-device") == []


def test_threads_are_divided_unless_the_user_has_said(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert environment(0, 3, "cpu") == {"OMP_NUM_THREADS": "2"}
    assert environment(0, 20, "cpu") == {"OMP_NUM_THREADS": "1"}
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    assert environment(0, 3, "cpu") == {}


@pytest.fixture
def job(tmp_path):
    origin = Origin(root=tmp_path)
    return Job(tmp_path / "run", tmp_path / "log.txt", "{}", origin, RunOptions("cpu"))


POPEN = subprocess.Popen


def instead(monkeypatch, code):
    """Lets a job be another program."""

    def popen(arguments, **options):
        assert arguments == children.command("ltdsl.cli.job")
        return POPEN([sys.executable, "-c", code], **options)

    monkeypatch.setattr(subprocess, "Popen", popen)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "SIGKILL; perhaps memory"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "SIGSEGV; see"),
        ("raise SystemExit(7)", "exit code 7"),
    ],
)
def test_a_process_that_dies(job, monkeypatch, code, words):
    instead(monkeypatch, code)
    said = run_job(job, {}, lambda: False)
    assert said.startswith("LT465: ")
    assert words in said


def test_what_a_run_says_is_passed_on_and_only_what_it_said_now(job, monkeypatch):
    instead(monkeypatch, "import sys; sys.exit('error[LT404]: too few images\\n  = help: more')")
    assert run_job(job, {}, lambda: False) == "LT404: too few images"
    instead(monkeypatch, "import sys; sys.exit('error: OSError: odd')")
    assert run_job(job, {}, lambda: False) == "OSError: odd"
    instead(monkeypatch, "raise SystemExit(3)")
    assert "exit code 3" in run_job(job, {}, lambda: False)
    instead(monkeypatch, "print('fine')")
    assert run_job(job, {}, lambda: False) == ""


def test_a_process_is_told_to_stop_by_the_end_of_its_input(job, monkeypatch):
    instead(monkeypatch, "import sys; sys.stdin.read(); sys.exit('error[LT499]: interrupted')")
    calls = iter([False, False, True])
    with pytest.raises(StoppedError):
        run_job(job, {}, lambda: next(calls))
    with pytest.raises(StoppedError):  # and none is started after that
        run_job(job, {}, lambda: True)


def test_a_process_that_does_not_listen_is_killed(job, monkeypatch):
    instead(monkeypatch, "import time; time.sleep(1000)")
    monkeypatch.setattr(process, "GRACE", 0.1)
    calls = iter([False, False, True])
    with pytest.raises(StoppedError):
        run_job(job, {}, lambda: next(calls))


def test_a_folder_that_another_process_is_just_leaving_is_waited_for(job, monkeypatch, tmp_path):
    flag = tmp_path / "flag"
    code = (
        f"import pathlib, sys; flag = pathlib.Path({str(flag)!r})\n"
        "if flag.exists(): sys.exit(0)\n"
        "flag.touch(); sys.exit('error[LT423]: in use')"
    )
    instead(monkeypatch, code)
    assert run_job(job, {}, lambda: False) == ""
    flag.unlink()
    monkeypatch.setattr(process, "GRACE", 0)
    assert run_job(job, {}, lambda: False) == "LT423: in use"


@needs_affinity
def test_a_pool_confines_its_processes(job, monkeypatch):
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        pytest.skip("there is one processor")
    instead(monkeypatch, "import os; print(sorted(os.sched_getaffinity(0)))")
    pool = LocalPool(2, "cpu")
    try:
        assert pool.submit(job).result(20) == ""
    finally:
        pool.stop()
    half = len(cores) // 2
    said = Path(job.log).read_text().strip()
    assert said in (str(cores[:half]), str(cores[half:]))
    assert sorted(os.sched_getaffinity(0)) == cores  # ours is as it was
