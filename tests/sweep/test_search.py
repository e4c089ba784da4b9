"""Searching: what is tried next, who goes on, and what a search costs."""

from __future__ import annotations

import json
import math
import random
import shutil
from concurrent.futures import Future

import pytest
from support.report import line, make_run, plan_of
from typer.testing import CliRunner

from ltdsl.cli import make_app
from ltdsl.options import RunOptions
from ltdsl.plan import Plan
from ltdsl.runs.errors import UnreadableError
from ltdsl.runs.metrics import Epoch
from ltdsl.sweep.axes import read_axes
from ltdsl.sweep.folder import SweepFolder
from ltdsl.sweep.halving import Halving, epochs_of, rungs
from ltdsl.sweep.search import Search, score_of
from ltdsl.sweep.space import Range, SpaceError, Tried, range_of, read_space
from ltdsl.sweep.table import compile_table

RECIPE = "epochs = 18; validation = 0.1; batch_size = 16; schedule = constant(warmup = 0); one: ce"
GRID = ("optimizer.lr=0.01,0.02,0.05,0.1,0.2,0.5", "batch_size=8,16,32")


def axis(text):
    (found,) = read_axes([text], lambda problem: pytest.fail(problem.message))
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("optimizer.lr=0.001..0.1:log", Range("optimizer.lr", 0.001, 0.1, True, False)),
        ("a.b = 1e-4 .. 1e-2 : log", Range("a.b", 1e-4, 1e-2, True, False)),
        ("batch_size=16..128", Range("batch_size", 16, 128, False, True)),
        ("two.start=60%..90%", Range("two.start", 60, 90, False, True, "%")),
        ("seed=1,2", None),
        ("seed=1", None),
    ],
)
def test_ranges_are_read(text, expected):
    assert range_of(axis(text)) == expected


@pytest.mark.parametrize("text", ["a=2..1", "a=1..1", "a=0..1:log", "a=1..50%", "a=1..1e999"])
def test_what_is_no_range_is_refused(text):
    with pytest.raises(SpaceError):
        range_of(axis(text))


def test_numbers_are_written_within_their_range():
    found = Range("a", 0.12354, 0.2, False, False)
    assert found.written(0.12354) == "0.12354"
    assert found.written(0.198765) == "0.1988"
    assert Range("a", 1, 9, False, True, "%").written(4.2) == "4%"


def space(*texts, seed=0, recipes=("r.lt",)):
    return read_space(recipes, [axis(text) for text in texts], seed)


def test_a_grid_that_is_tried_whole_comes_in_an_order_of_its_seed():
    def order(seed):
        tried = []
        while (choice := space(*GRID, seed=seed).next(tried, 18)) is not None:
            tried.append(Tried(choice, (), False))
        return [each.choice.changes for each in tried]

    assert len(set(order(0))) == 18
    assert order(0) == order(0) != order(1)


def test_a_part_is_chosen_by_what_is_known():
    """Points near the best come more often than by chance, and the same history gives the same point."""
    pytest.importorskip("optuna")
    own = space("optimizer.lr=0.0001..1:log", "tricks=ce,cs_ce")
    tried = []
    for _ in range(40):
        choice = own.next(tried, 40)
        assert choice == own.next(tried, 40)
        values = dict(choice.changes)
        assert 0.0001 <= float(values["optimizer.lr"]) <= 1
        off = abs(math.log10(float(values["optimizer.lr"]) / 0.03))
        tried.append(Tried(choice, (off + (values["tricks"] == "ce"),), True))
    late = [each.scores[0] for each in tried[20:]]
    assert sum(score < 0.5 for score in late) >= 7  # by chance 2.5
    assert len({each.choice for each in tried}) == 40


@pytest.mark.parametrize(
    ("epochs", "every", "expected"),
    [
        (200, 1, (23, 67, 200)),
        (9, 1, (1, 3, 9)),
        (2, 1, (1, 2)),
        (1, 1, (1,)),
        (20, 5, (5, 10, 20)),
    ],
)
def test_rungs_are_a_ninth_and_a_third(epochs, every, expected):
    assert rungs(epochs, every) == expected


def halved(values, at_once, noise=0.0, seed=0):
    """Winner and epochs of a search whose trials come to a value, with noise at the lower rungs."""
    rng, search, levels, spent = random.Random(seed), Halving(len(values), at_once), (1, 3, 9), 0
    while (step := search.next()) is not None:
        search.begin(step)
        spent += levels[step.rung] - (levels[step.rung - 1] if step.rung else 0)
        search.end(step, values[step.trial] + noise * rng.gauss(0, 1) / (1 + step.rung) ** 2)
    return search.winner(), spent


@pytest.mark.parametrize("at_once", [True, False])
def test_the_best_wins_at_a_part_of_the_epochs(at_once):
    spent = []
    for seed in range(30):
        values = random.Random(seed).sample(range(100), 27)
        winner, epochs = halved(values, at_once)
        assert values[winner] == min(values)
        spent.append(epochs / (9 * 27))
    mean = sum(spent) / len(spent)
    assert mean == pytest.approx(0.366, abs=0.001) if at_once else mean < 0.45
    assert epochs_of(27, (1, 3, 9)) == 27 + 13 * 2 + 6 * 6


def test_nobody_is_trained_to_the_end_before_all_have_gone_as_far():
    """One job at a time: the first of a rung is not the best of it for being alone there."""
    assert halved([float(value) for value in range(9)], at_once=True) == (0, 9 + 4 * 2 + 2 * 6)


def test_who_was_stopped_goes_on_when_others_turn_out_worse():
    search = Halving(3, at_once=True)
    for value in (1.0, 2.0, math.inf):
        step = search.next()
        search.begin(step)
        search.end(step, value)
    step = search.next()
    assert step == (0, 1)
    search.begin(step)
    search.end(step, math.inf)  # it failed
    assert search.next() is None
    assert search.winner() is None


class Pool:
    """Trains at once, in this process: every epoch of a learning rate and a batch size comes to the same."""

    def __init__(self, stop_before=math.inf):
        self.slots, self.jobs, self.stop_before = 1, [], stop_before

    def submit(self, job):
        if len(self.jobs) == self.stop_before:
            raise KeyboardInterrupt
        plan = Plan.model_validate_json(job.plan)
        done = job.options.stop_after or plan.epochs
        there = job.out / "metrics.jsonl"
        before = len(there.read_text().splitlines()) if there.exists() else 0
        self.jobs.append((job.out.name, before, done))
        shutil.rmtree(job.out, ignore_errors=True)
        status = "finished" if done == plan.epochs else "interrupted"
        make_run(job.out, plan=plan, done=done, status=status)
        lines = [line(plan, epoch, random.Random(0), better(plan)) for epoch in range(done)]
        there.write_text("".join(json.dumps(each) + "\n" for each in lines))
        future = Future()
        future.set_result("")
        return future

    def stop(self):
        pass


def better(plan):
    stage = plan.stages[0]
    return 5 - abs(math.log(stage.optimizer.lr / 0.05)) - stage.batch_size / 100


@pytest.fixture
def searching(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "r.lt").write_text(RECIPE)

    def compiled(choice):
        table, _ = compile_table([choice])
        return table and table.rows[0]

    def make(folder, *texts, trials=18, seed=0):
        own = space(*(texts or GRID), seed=seed, recipes=(tmp_path / "r.lt",))
        return Search(
            own, trials, SweepFolder(tmp_path / folder), RunOptions(), compiled, lambda line: None
        )

    return make


def test_a_search_finds_the_best_and_keeps_what_it_did(searching, tmp_path):
    work, pool = searching("out"), Pool()
    work.drive(pool, 1)
    assert work.chosen.place.name == "lr=0.05,batch_size=8"
    assert work.epochs() == (2 * 18 + 4 * 9 + 12 * 4, 18 * 18)
    found = json.loads((tmp_path / "out" / "search.json").read_text())
    assert found["chosen"] == "lr=0.05,batch_size=8"
    assert [len(each["scores"]) for each in found["trials"]].count(3) == 4
    assert len(json.loads((tmp_path / "out" / "sweep.json").read_text())["runs"]) == 18

    again, none = searching("out"), Pool()
    again.drive(none, 1)
    assert none.jobs == []
    assert again.chosen.place == work.chosen.place


def test_a_search_that_is_stopped_goes_on_as_if_it_had_not(searching):
    whole = Pool()
    searching("whole").drive(whole, 1)
    done = []
    for stop in (5, 16, math.inf):
        pool = Pool(stop - len(done))
        work = searching("stopped")
        if stop < math.inf:
            with pytest.raises(KeyboardInterrupt):
                work.drive(pool, 1)
        else:
            work.drive(pool, 1)
        done += pool.jobs
    assert done == whole.jobs


def test_another_search_is_not_gone_on_with(searching):
    searching("out").drive(Pool(), 1)
    with pytest.raises(UnreadableError, match="another space"):
        searching("out", "batch_size=8,16")


def test_what_fails_or_makes_no_plan_is_no_end(searching):
    work = searching("out", "optimizer.lr=0.05,0.1", "milestone=1,2")
    work.folder.path.mkdir()
    work.drive(Pool(), 1)
    assert work.chosen is None
    assert [each.row for each in work.attempts] == [None] * 4


def test_a_score_is_that_of_the_best_epoch_so_far_on_validation_images():
    plan = plan_of(RECIPE)
    known = [line(plan, epoch, random.Random(0), 0.0) for epoch in range(4)]
    known[1]["macro_recall"] = 70.0
    known[3] |= {"macro_recall": 99.0, "measured_on": "test"}
    metrics = tuple(map(Epoch.model_validate, known))
    assert score_of(metrics, 1, plan) == 100 - known[0]["macro_recall"]
    assert score_of(metrics, 4, plan) == 30.0
    by_error = plan.model_copy(update={"best_by": "top1_error"})
    assert score_of(metrics, 3, by_error) == min(each["top1_error"] for each in known[:3])
    assert score_of((), 3, plan) == math.inf


@pytest.fixture
def called(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "r.lt").write_text(RECIPE)
    (tmp_path / "without.lt").write_text("epochs = 9; one: ce")

    def call(*arguments):
        return CliRunner().invoke(make_app(["sweep", "runs"]), ["sweep", *arguments])

    return call


def test_what_a_search_will_cost_is_said(called):
    done = called("r.lt", "--search", "18", *(f"--set={each}" for each in GRID), "--dry-run")
    assert done.exit_code == 0, done.output
    assert "after 2, 6 of 18 epochs the better half goes on" in done.stdout
    assert "about 120 epochs to train instead of 324 (37 %)" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["r.lt", "--set=optimizer.lr=0.1..1"], "say with --search how many"),
        (["r.lt", "--search=5"], "nothing to choose from"),
        (["r.lt", "--search=5", "--seeds=2", "--set=batch_size=8,16"], "without --seeds"),
        (["without.lt", "--search=5", "--set=batch_size=8,16"], "chooses by validation images"),
        (["r.lt", "--search=5", "--set=seed=1,2"], "runs of one `seed`"),
    ],
)
def test_what_cannot_be_searched_is_said(called, arguments, said):
    done = called(*arguments, "--dry-run")
    assert done.exit_code == 2, done.output
    assert said in done.output
