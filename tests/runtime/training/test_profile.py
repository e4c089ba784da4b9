"""Where a run's time goes: parts that add up, threads beside them, and a file that says so."""

from __future__ import annotations

import threading
import time

import pytest
from ltdsl_runtime import clock
from ltdsl_runtime.clock import Clock, now_at, profiled, running, spent_on
from support.training import PLAIN, conv_network, plan, trainer

from ltdsl.display.profile import profile_table
from ltdsl.runs import read_run
from ltdsl.runs.profile import BESIDE, PARTS, Lap, Profile


@pytest.fixture
def ticks(monkeypatch):
    """A clock of the world that is set by hand."""
    now = [100.0]
    monkeypatch.setattr(clock.time, "perf_counter", lambda: now[0])

    def wait(seconds):
        now[0] += seconds

    return wait


def test_parts_add_up_and_what_is_inside_counts_once(ticks):
    kept = Clock()
    kept.at("step")
    ticks(3)
    with kept.spent_on("checkpoint"):
        ticks(2)
        with kept.spent_on("records"):
            ticks(1)
        ticks(4)
    ticks(5)
    assert kept.lap() == ({"other": 0.0, "step": 8.0, "checkpoint": 6.0, "records": 1.0}, {})
    ticks(7)
    assert kept.lap() == ({"step": 7.0}, {})


def test_what_threads_do_is_beside(ticks):
    kept = Clock()

    def work():
        with kept.spent_on("decode"):
            ticks(2)

    for _ in range(2):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    parts, beside = kept.lap()
    assert beside == {"decode": 4.0}
    assert parts == {"other": 4.0}


def test_nothing_is_looked_at_while_nobody_asks(monkeypatch):
    monkeypatch.setattr(clock.time, "perf_counter", lambda: pytest.fail("looked at"))
    with profiled(False):
        assert running() is None
        with spent_on("decode"):
            now_at("step")


def test_a_run_says_where_its_time_went(data, tmp_path):
    recipe = PLAIN + "epochs = 3; batch_size = 16; validation = 0.1\none: input_mixup\n"
    began = time.perf_counter()
    with profiled(True):
        trainer(plan(recipe), data, tmp_path / "run", conv_network())()
        wall = time.perf_counter() - began
    profile = read_run(tmp_path / "run").profile
    assert [lap.epoch for lap in profile.laps] == [0, 1, 2, None]
    assert sum(lap.seconds for lap in profile.laps) == pytest.approx(wall, rel=0.02)
    first, second, third, _ = profile.laps
    assert {"compile", "step", "wait", "checkpoint", "records"} <= first.parts.keys()
    for lap in (second, third):  # compiled by then
        assert lap.parts.get("compile", 0) == 0
        assert lap.parts["step"] > 0 < lap.parts["evaluate"]
    for lap in profile.laps:
        assert lap.parts.keys() <= PARTS.keys()
        assert lap.beside.keys() <= BESIDE.keys()


def test_one_that_was_not_asked_has_no_file(data, tmp_path):
    recipe = PLAIN + "epochs = 1; batch_size = 16\none: ce\n"
    trainer(plan(recipe), data, tmp_path / "run", conv_network())()
    assert not (tmp_path / "run" / "profile.json").exists()
    assert read_run(tmp_path / "run").profile is None


def test_the_table_adds_up():
    laps = (
        Lap(epoch=0, parts={"compile": 3.0, "step": 1.0}, beside={"decode": 2.0}),
        Lap(epoch=1, parts={"step": 5.0}, beside={"decode": 2.0}),
        Lap(parts={"records": 1.0}, beside={}),
    )
    table = profile_table(Profile(laps=laps))
    columns = [list(column.cells) for column in table.columns]
    rows = dict(zip(columns[0], zip(*columns[1:], strict=True), strict=True))
    assert rows["training steps"] == ("6.00 s", "60.0 %", "3.000 s")
    assert rows["wall time"] == ("10.00 s", "100.0 %", "4.500 s")
    assert rows["meanwhile, in threads: reading and decoding image files"][0] == "4.00 s"
