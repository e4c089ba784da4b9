"""TensorBoard reads what a run wrote: each epoch once, resumed or not."""

from __future__ import annotations

import sys
import time

import pytest
from ltdsl_runtime.errors import RunError
from ltdsl_runtime.training import tensorboard
from ltdsl_runtime.training.tensorboard import Events
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from ltdsl.runs.metrics import Epoch

START = "2026-01-31T12:00:00Z"


def line(epoch):
    return Epoch(
        epoch=epoch,
        stage="a",
        loss=1 / (epoch + 1),
        lr=0.1,
        top1_error=50.0 - epoch,
        macro_recall=40.0 + epoch,
        measured_on="validation",
        seconds=2.5,
    )


def read(run):
    """(step, value, time) of each event, by tag; a step that is there twice is there twice."""
    events = EventAccumulator(str(run / "tensorboard"), purge_orphaned_data=False)
    events.Reload()
    return {
        tag: [(event.step, event.value, event.wall_time) for event in events.Scalars(tag)]
        for tag in events.Tags()["scalars"]
    }


def test_every_epoch_is_read_back(tmp_path):
    events = Events(tmp_path, START)
    for epoch in range(4):
        events.add(line(epoch))
    events.close()
    found = read(tmp_path)
    figures = {"top1_error/validation", "macro_recall/validation"}
    assert set(found) == {"loss/train", "learning_rate", *figures}
    steps, values, times = zip(*found["loss/train"], strict=True)
    assert steps == (0, 1, 2, 3)
    assert values == pytest.approx([1, 1 / 2, 1 / 3, 1 / 4])
    assert times[0] == 1769860802.5
    assert times[3] - times[0] == 7.5


def test_a_resumed_run_has_the_same_events(tmp_path):
    for run in ("whole", "broken"):
        (tmp_path / run).mkdir()
        events = Events(tmp_path / run, START)
        for epoch in range(4):
            events.add(line(epoch))
        events.close()
    # killed before the checkpoint of the last epochs
    events = Events(tmp_path / "broken", START, [line(0), line(1)])
    for epoch in (2, 3, 4):
        events.add(line(epoch))
    events.close()
    whole, broken = read(tmp_path / "whole"), read(tmp_path / "broken")
    assert {tag: events[:-1] for tag, events in broken.items()} == whole


def test_events_are_there_while_the_run_goes_on(tmp_path):
    events = Events(tmp_path, START)
    for epoch in range(3):
        events.add(line(epoch))
    for _ in range(100):  # a thread writes them
        if len(read(tmp_path).get("loss/train", ())) == 3:
            break
        time.sleep(0.1)
    else:
        pytest.fail("nothing was written before the end")
    events.close()


def test_a_missing_package_is_said_before_anything_starts(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(RunError, match="tensorboardX") as caught:
        tensorboard.must_be_there()
    assert caught.value.code == "LT430"
