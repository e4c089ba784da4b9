"""What a person sees while a run goes on."""

from __future__ import annotations

import io

import pytest
from ltdsl_runtime.training.progress import LiveReporter, Reporter, reporter
from support.training import plan

from ltdsl.display.console import Console
from ltdsl.runs.metrics import Epoch

#: A stage's name is a plain name, but a reporter is to survive any.
NAMES = ["stage1", "100 % done", "[red]", "[/bold]", "%s %d {0} {loss}", "a[b]c\\[x]"]


def record(stage, epoch=1):
    return Epoch(
        epoch=epoch,
        stage=stage,
        loss=1.23456,
        lr=0.0125,
        top1_error=37.5,
        macro_recall=61.25,
        measured_on="validation",
        seconds=2.25,
    )


@pytest.fixture
def run():
    return plan("epochs = 40; a: ce")


def screen(**options):
    return Console(file=io.StringIO(), width=110, **options)


@pytest.mark.parametrize("name", NAMES)
def test_plain_lines(run, name):
    console = screen()
    with reporter(console, run) as told:
        assert type(told) is Reporter
        told.stage(name)
        for step in range(5):
            told.step(step / 5, lambda: pytest.fail("nobody sees a step's loss"))
        told.epoch(record(name))
        told.epoch(record(name, epoch=2))
    lines = console.file.getvalue().splitlines()
    assert lines == [
        f"{name}: compiling its graph",
        f"epoch 1 (2/40)  {name}  loss 1.2346  lr 0.0125  validation error 37.50 %  2.2 s",
        f"epoch 2 (3/40)  {name}  loss 1.2346  lr 0.0125  validation error 37.50 %  2.2 s",
    ]


def test_lines_show_what_chooses_the_best_epoch():
    console = screen()
    Reporter(console, plan("epochs = 40; validation = 0.1; a: ce")).epoch(record("a"))
    by_error = plan("epochs = 40; validation = 0.1; best_by = top1_error; a: ce")
    Reporter(console, by_error).epoch(record("a"))
    first, second = console.file.getvalue().splitlines()
    assert "validation error 37.50 %  macro recall 61.25 %  2.2 s" in first
    assert "macro recall" not in second


def test_an_epoch_that_is_not_evaluated_has_no_figures(run):
    known = record("a").model_dump(exclude={"top1_error", "macro_recall", "measured_on"})
    console = screen()
    Reporter(console, run).epoch(Epoch.model_validate(known))
    assert console.file.getvalue() == (
        "epoch 1 (2/40)  a  loss 1.2346  lr 0.0125  not evaluated  2.2 s\n"
    )
    live = screen(force_terminal=True, color_system=None)
    with reporter(live, run) as told:
        told.epoch(record("a"))
        told.epoch(Epoch.model_validate(known | {"epoch": 2}))
    last = live.file.getvalue().split("\r")[-1]
    assert "3/40" in last
    assert "error 37.50 %" in last  # of the last epoch that was


def test_a_line_is_never_broken(run):
    console = Console(file=io.StringIO(), width=20)
    Reporter(console, run).epoch(record("stage1"))
    assert console.file.getvalue().count("\n") == 1


@pytest.mark.parametrize("name", NAMES)
def test_the_live_line(run, name):
    # colours off, so that the text can be read back; the line is redrawn in place
    console = screen(force_terminal=True, color_system=None)
    with reporter(console, run) as told:
        assert type(told) is LiveReporter
        told.stage(name)
        told._bar.refresh()
        assert "compiling" in console.file.getvalue()
        told.step(0.5, lambda: 2.5)
        told._bar.refresh()
        assert "loss 2.5000" in console.file.getvalue()
        told.epoch(record(name))
    last = console.file.getvalue().split("\r")[-1]
    for words in (name, "2/40", "loss 1.2346", "lr 0.0125", "error 37.50 %", "left"):
        assert words in last, words


def test_a_steps_loss_is_fetched_at_most_once_a_second(run, monkeypatch):
    clock = iter([100.0, 100.4, 100.9, 101.1, 101.2])
    told = LiveReporter(screen(force_terminal=True), run)
    monkeypatch.setattr("ltdsl_runtime.training.progress.time.monotonic", lambda: next(clock))
    fetched = []
    for step in range(5):
        told.step(step / 5, lambda step=step: fetched.append(step) or 1.0)
    assert fetched == [0, 3]


def test_the_live_line_counts_whole_epochs(run):
    console = screen(force_terminal=True, color_system=None)
    with reporter(console, run) as told:
        told.stage("a")
        told.step(3.9, lambda: 1.0)
    assert "3/40" in console.file.getvalue().split("\r")[-1]


def test_the_live_line_shows_the_rate_of_the_epoch_that_runs():
    run = plan(
        "epochs = 4; optimizer = sgd(lr = 0.5); schedule = multistep(milestones = [1], warmup = 0)\n"
        "a: ce\nb: ce @ epoch 2 { optimizer = sgd(lr = 0.002) }"
    )
    for done, rate in ((0.5, "0.5"), (1.25, "0.05"), (2.75, "0.002")):
        console = screen(force_terminal=True, color_system=None)
        with reporter(console, run) as told:
            told.step(done, lambda: 1.0)
        assert f"lr {rate} " in console.file.getvalue().split("\r")[-1]
