"""Work that several processes share: what comes back is as if one had done it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from support.processes import ROOT, command, environment

from ltdsl.system import forks
from ltdsl.system.forks import spread

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="nothing is forked")


@pytest.fixture(autouse=True)
def three_processors(monkeypatch):
    monkeypatch.setattr(forks, "processor_count", lambda: 3)


def who(item: int) -> tuple[int, int]:
    return item, os.getpid()


def test_each_item_comes_back_in_its_place():
    found = spread(who, range(1000), 100)
    assert [item for item, _ in found] == list(range(1000))
    processes = {process for _, process in found}
    assert len(processes) > 1
    assert os.getpid() not in processes


@pytest.mark.parametrize("items", [0, 1, 199])
def test_few_items_are_worth_no_process(items):
    assert {process for _, process in spread(who, range(items), 100)} <= {os.getpid()}


def test_beside_other_threads_nothing_is_forked():
    end = threading.Event()
    thread = threading.Thread(target=end.wait)
    thread.start()
    try:
        assert {process for _, process in spread(who, range(1000), 100)} == {os.getpid()}
    finally:
        end.set()
        thread.join()


def test_what_a_killed_process_leaves_is_done_again():
    here = os.getpid()

    def dies(item: int) -> int:
        if item == 500 and os.getpid() != here:
            os.kill(os.getpid(), signal.SIGKILL)
        return item

    assert spread(dies, range(1000), 100) == list(range(1000))


def test_an_error_is_the_error():
    def fails(item: int) -> int:
        return 1 // (item - 500)

    with pytest.raises(ZeroDivisionError):
        spread(fails, range(1000), 100)


def test_a_check_of_many_says_the_same_on_one_processor(tmp_path):
    (tmp_path / "base.lt").write_text("epochs = 3\nbatch_size = 32\nnobody = 1\n")
    for number in range(400):
        kind = number % 4
        text = (
            'use "base.lt"\nstage1: ce',
            "stage1: cse",
            "stage1: ce + cs_ce",
            f"seed = {number}\nstage1: ce",
        )[kind]
        (tmp_path / f"{number:03}.lt").write_text(text + "\n")
    answers = []
    for processors in (None, {min(os.sched_getaffinity(0))}):
        done = subprocess.run(
            command("check", str(tmp_path)),
            env=environment(),
            capture_output=True,
            text=True,
            preexec_fn=processors and (lambda: os.sched_setaffinity(0, processors)),  # noqa: B023
        )
        answers.append((done.returncode, done.stdout, done.stderr))
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


SLOW = """
import sys, time
sys.path[:0] = sys.argv[1:]
from ltdsl.system import forks

forks.processor_count = lambda: 3


def slow(item):
    time.sleep(0.01)
    return item


print("begins", flush=True)
forks.spread(slow, range(3000), 100)
"""


def test_nothing_outlives_who_is_killed():
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW, str(ROOT)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begins\n"
    time.sleep(1)
    process.kill()
    process.wait()
    assert process.stdout.read() == ""  # ends only when nobody holds the other end
    process.stdout.close()
