"""Work that several processes share: what comes back is as if one had done it.

Each test is a process of its own: beside other threads nothing is forked, and those who run tests have some.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest
from support.processes import ROOT, command, environment

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="nothing is forked")

HEAD = """
import os, signal, sys, threading, time
sys.path.insert(0, sys.argv[1])
from ltdsl.system import forks
from ltdsl.system.forks import spread

forks.processor_count = lambda: 3


def who(item):
    return item, os.getpid()


"""


def begun(script: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", HEAD + script, str(ROOT)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def done(script: str) -> None:
    process = begun(script)
    out, error = process.communicate(timeout=60)
    assert (process.returncode, out, error) == (0, "", ""), out + error


def test_each_item_comes_back_in_its_place():
    done("""
found = spread(who, range(1000), 100)
assert [item for item, _ in found] == list(range(1000))
processes = {process for _, process in found}
assert len(processes) > 1
assert os.getpid() not in processes
""")


def test_few_items_are_worth_no_process():
    done("""
for items in (0, 1, 199):
    assert {process for _, process in spread(who, range(items), 100)} <= {os.getpid()}
""")


def test_beside_other_threads_nothing_is_forked():
    done("""
end = threading.Event()
thread = threading.Thread(target=end.wait)
thread.start()
found = spread(who, range(1000), 100)
end.set()
thread.join()
assert {process for _, process in found} == {os.getpid()}
""")


def test_what_a_killed_process_leaves_is_done_again():
    done("""
here = os.getpid()


def dies(item):
    if item == 500 and os.getpid() != here:
        os.kill(os.getpid(), signal.SIGKILL)
    return item


assert spread(dies, range(1000), 100) == list(range(1000))
""")


def test_an_error_is_the_error():
    done("""
try:
    spread(lambda item: 1 // (item - 500), range(1000), 100)
except ZeroDivisionError:
    sys.exit()
sys.exit(1)
""")


def test_nothing_outlives_who_is_killed():
    process = begun("""
print("begins", flush=True)
spread(lambda item: time.sleep(0.01), range(3000), 100)
""")
    assert process.stdout is not None
    assert process.stdout.readline() == "begins\n"
    time.sleep(1)
    process.kill()
    out, error = process.communicate(timeout=20)  # ends only when nobody holds the other end
    assert (out, error) == ("", "")


def test_a_check_of_many_says_the_same_on_one_processor(tmp_path):
    (tmp_path / "base.lt").write_text("epochs = 3\nbatch_size = 32\nnobody = 1\n")
    kinds = ('use "base.lt"\nstage1: ce', "stage1: cse", "stage1: ce + cs_ce", "stage1: ce")
    for number in range(400):
        (tmp_path / f"{number:03}.lt").write_text(f"{kinds[number % 4]}\n")
    answers = []
    for processors in (None, {min(os.sched_getaffinity(0))}):
        check = subprocess.run(
            command("check", str(tmp_path)),
            env=environment(),
            capture_output=True,
            text=True,
            preexec_fn=processors and (lambda: os.sched_setaffinity(0, processors)),  # noqa: B023
        )
        answers.append((check.returncode, check.stdout, check.stderr))
    assert answers[0] == answers[1]
    assert answers[0][0] == 1
    assert answers[0][1].count("cse") >= 100


def test_ctrl_c_ends_all_of_them_without_a_word(tmp_path):
    for number in range(3000):
        (tmp_path / f"{number:04}.lt").write_text(f"seed = {number}\nstage1: ce\n")
    process = subprocess.Popen(
        command("check", str(tmp_path)),
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        process.wait(0.8)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGINT)
    out, error = process.communicate(timeout=60)
    assert "Traceback" not in out + error
    assert process.returncode in (0, 130, -signal.SIGINT)
