"""What begins alike is trained once."""

from __future__ import annotations

import json
from concurrent.futures import Future
from pathlib import Path

import pytest

from ltdsl.options import RunOptions
from ltdsl.sweep import drive
from ltdsl.sweep.drive import Sweep
from ltdsl.sweep.folder import SweepFolder
from ltdsl.sweep.grid import Choice
from ltdsl.sweep.shared import Share, count, evaluated_by_others, points, shares
from ltdsl.sweep.table import compile_table

FIRST = "validation = 0.1; batch_size = 16; "


@pytest.fixture
def rows(tmp_path):
    """Makes the rows of some recipes, named by their numbers."""

    def make(*texts):
        paths = [tmp_path / f"{number}.lt" for number in range(len(texts))]
        for path, text in zip(paths, texts, strict=True):
            path.write_text(FIRST + text)
        table, problems = compile_table([Choice(path, ()) for path in paths])
        assert table is not None, [problem.message for problem in problems]
        return table

    return make


def found(table, most=None):
    """Of each run that takes something: from which one, and how much."""
    numbers = {row: number for number, row in enumerate(table.rows)}
    return {
        numbers[row]: (numbers[share.leader], share.epochs)
        for row, share in shares(table.rows, most).items()
    }


EIGHT = [
    f"epochs = 100; one: input_mixup; two: {tricks} @ 80%"
    for tricks in (
        "ce", "cs_ce", "focal", "class_balanced + ce", "square_root + ce", "progressive + ce",
        "balanced_softmax", "cmo + ce",
    )
]  # fmt: skip


def test_eight_recipes_that_share_four_fifths_take_three_tenths_of_the_epochs(rows):
    table = rows(*EIGHT)
    taken = shares(table.rows)
    assert found(table) == dict.fromkeys(range(1, 8), (0, 80))
    epochs = count(table.rows, taken)
    assert (epochs.alone, epochs.shared) == (800, 240)
    assert epochs.shared == 0.30 * epochs.alone
    assert points(taken) == {table.rows[0]: ()}  # it is a stage's end


def test_a_tree_of_beginnings(rows):
    table = rows(
        "epochs = 30; one: ce; two: cs_ce @ epoch 10; three: ce @ epoch 20",
        "epochs = 30; one: ce; two: focal @ epoch 10",
        "epochs = 30; one: ce; two: cs_ce @ epoch 10; three: focal @ epoch 20",
        "epochs = 30; a: ce; b: focal @ epoch 10; c: ce @ epoch 25",
        "epochs = 30; seed = 1; one: ce",
        "epochs = 12; one: ce",
        "epochs = 30; one: ce; two: tau_norm + focal @ epoch 10",
    )
    assert found(table) == {1: (0, 10), 2: (0, 20), 3: (1, 25), 5: (0, 10), 6: (1, 30)}
    assert count(table.rows, shares(table.rows)).shared == 30 + 20 + 10 + 5 + 30 + 2


def test_runs_part_within_a_stage(rows):
    rates = "epochs = 30; schedule = multistep(milestones = [10, {}], warmup = 0); one: ce"
    table = rows(
        *(rates.format(last) for last in (20, 25, 28)), "epochs = 15; " + rates[13:].format(14)
    )
    assert found(table) == {1: (0, 20), 2: (1, 25), 3: (0, 14)}
    assert points(shares(table.rows)) == {table.rows[0]: (14, 20), table.rows[1]: (25,)}


def test_a_shorter_run_may_be_all_of_what_a_longer_one_begins_with(rows):
    table = rows(
        "epochs = 10; schedule = constant; one: ce",
        "epochs = 20; schedule = constant; one: ce",
        "epochs = 20; schedule = constant; one: ce; two: cs_ce @ epoch 10",
    )
    assert found(table) == {1: (0, 10), 2: (0, 10)}


def test_as_much_as_a_run_can_take(rows):
    table = rows(*EIGHT)
    assert found(table, lambda row: 5) == dict.fromkeys(range(1, 8), (0, 5))
    assert found(table, lambda row: 0) == {}


class Pool:
    """Does a job when it is told to."""

    def __init__(self):
        self.submitted = {}

    def submit(self, job):
        future = Future()
        self.submitted[job] = future
        return future

    def stop(self):
        pass


class Story:
    """A watcher that tells what happens while time passes: a step each time that it looks."""

    def __init__(self, *steps):
        self.steps = list(steps)

    def ended(self, record):
        pass

    def look(self):
        self.steps.pop(0)()


@pytest.fixture
def sweep(rows, tmp_path, monkeypatch):
    monkeypatch.delenv("LTDSL_NO_CACHE", raising=False)
    monkeypatch.setattr(drive, "INTERVAL", 0.01)
    (tmp_path / "out").mkdir()
    return Sweep(rows(*EIGHT[:3]), SweepFolder(tmp_path / "out"), RunOptions())


def write_epochs(folder: Path, epochs: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    figures = {"loss": 1.0, "lr": 0.1, "top1_error": 5.0, "macro_recall": 5.0, "seconds": 1.0}
    line = {"stage": "one", "measured_on": "test", **figures}
    lines = [json.dumps({"epoch": epoch, **line}) + "\n" for epoch in range(epochs)]
    (folder / "metrics.jsonl").write_text("".join(lines))


def test_runs_wait_for_what_they_share(sweep):
    pool, seen = Pool(), []
    jobs = {row: str(number) for number, row in enumerate(sweep.table.rows)}
    leader = sweep.places[sweep.table.rows[0]]

    def step(action):
        def act():
            seen.append(sorted(pool.submitted))
            action()

        return act

    def end(*names):
        for name in names:
            if not pool.submitted[name].done():
                pool.submitted[name].set_result("")

    story = Story(
        step(lambda: write_epochs(leader, 80)),  # trained, and perhaps not yet kept
        step(lambda: write_epochs(leader, 81)),
        step(lambda: end("0", "1", "2") if len(pool.submitted) == 3 else None),
        *[step(lambda: end("0", "1", "2"))] * 3,
    )
    sweep.drive(jobs, pool, story)
    assert seen[:3] == [["0"], ["0"], ["0", "1", "2"]]


def test_nobody_waits_for_a_run_that_has_ended(sweep):
    pool = Pool()
    jobs = {row: str(number) for number, row in enumerate(sweep.table.rows)}
    story = Story(
        lambda: pool.submitted["0"].set_result("LT410: not finite"),
        lambda: None,
        lambda: [pool.submitted[name].set_result("") for name in ("1", "2")],
        *[lambda: None] * 5,
    )
    sweep.drive(jobs, pool, story)
    assert sorted(pool.submitted) == ["0", "1", "2"]


def test_nothing_is_shared_where_nothing_is_kept(rows, tmp_path, monkeypatch):
    table, folder = rows(*EIGHT), SweepFolder(tmp_path / "out")
    monkeypatch.delenv("LTDSL_NO_CACHE", raising=False)
    assert len(Sweep(table, folder, RunOptions()).shared) == 7
    assert Sweep(table, folder, RunOptions(no_cache=True)).shared == {}
    monkeypatch.setenv("LTDSL_NO_CACHE", "1")
    assert Sweep(table, folder, RunOptions()).shared == {}


def test_the_leader_is_told_what_to_keep(rows, tmp_path, monkeypatch):
    monkeypatch.delenv("LTDSL_NO_CACHE", raising=False)
    rates = "epochs = 30; schedule = multistep(milestones = [10, {}], warmup = 0); one: ce"
    table = rows(rates.format(20), rates.format(25))
    sweep = Sweep(table, SweepFolder(tmp_path / "out"), RunOptions())
    assert [sweep.job(row).options.cache_at for row in table.rows] == [(20,), ()]
    assert sweep.shared == {table.rows[1]: Share(table.rows[0], 20)}


#: Runs that train the same weights, and correct them otherwise; and some that do not.
CORRECTED = (
    "epochs = 4; one: ce",
    "epochs = 4; one: ce + tau_norm",
    "epochs = 4; one: cs_ce + tau_norm",
    "epochs = 5; schedule = constant; one: ce + tau_norm",
    "epochs = 4; one: ce + posthoc_logit_adjustment",
    "epochs = 4; best_on = test; one: ce + tau_norm",  # evaluated otherwise too
    "epochs = 9; schedule = constant; early_stopping = 3; one: ce",
    "epochs = 9; schedule = constant; early_stopping = 3; one: ce + tau_norm",  # may end elsewhere
)


def test_runs_that_differ_in_a_correction_train_once(rows):
    table = rows(*CORRECTED)
    taken = shares(table.rows)
    leaders = {table.rows.index(row): table.rows.index(taken[row].leader) for row in taken}
    assert {row: leaders[row] for row in (1, 4, 5)} == {1: 0, 4: 0, 5: 0}
    assert all(taken[table.rows[row]] == Share(table.rows[0], 4, True) for row in (1, 4, 5))
    assert leaders.get(7) != 6
    assert table.rows[0] in evaluated_by_others(taken)
    same = rows(CORRECTED[0], CORRECTED[1], CORRECTED[4], CORRECTED[5])
    assert count(same.rows, shares(same.rows)).shared == 4


def test_one_of_them_trains_again_where_the_first_one_ended_before(rows):
    """It may have kept no weights to evaluate again."""
    table = rows(*(CORRECTED[number] for number in (0, 1, 4, 5)))
    first, second, *others = table.rows
    assert shares(table.rows, finished=[first]) == dict.fromkeys(others, Share(second, 4, True))
    assert shares(table.rows, finished=[first, second, others[0]]) == {}


def test_weights_are_shared_where_all_that_are_evaluated_are_kept(rows):
    every, second = "epochs = 4; ", "epochs = 4; evaluate_every = 2; "
    table = rows(second + "one: ce", every + "one: ce", every + "one: ce + tau_norm")
    assert shares(table.rows) == {table.rows[2]: Share(table.rows[1], 4, True)}
    other_way = rows(every + "one: ce", second + "one: ce + tau_norm")
    assert shares(other_way.rows) == {other_way.rows[1]: Share(other_way.rows[0], 4, True)}


STEPS = "epochs = 20; one: ce; two: {} @ epoch 15"


def test_records_are_taken_where_as_many_epochs_have_the_same_ones(rows):
    """That needs no weights of evaluations, which may find no room."""
    table = rows(*map(STEPS.format, ("cs_ce", "focal + tau_norm", "cb_focal + tau_norm")))
    first, second, third = table.rows
    taken = {second: Share(first, 15, True), third: Share(second, 15)}
    assert shares(table.rows) == taken
    assert count(table.rows, taken).shared == 20 + 5 + 5
    assert shares(table.rows, finished=[first]) == {third: Share(second, 15)}


def test_who_keeps_weights_has_them_from_the_first_epoch_on(rows):
    table = rows(*map(STEPS.format, ("cs_ce", "focal", "focal + tau_norm")))
    first, second, third = table.rows
    taken = shares(table.rows)
    assert taken == {second: Share(first, 15), third: Share(second, 20, True)}
    assert evaluated_by_others(taken) == {first, second}
    # of a run of another day, nobody may have kept them
    assert shares(table.rows, finished=[first]) == {third: Share(second, 20, True)}


def test_nobody_waits_for_what_a_run_that_failed_may_have_kept(rows):
    table = rows(*(STEPS.format(tricks) for tricks in ("cs_ce", "focal", "focal + tau_norm", "ce")))
    failed, second, third, fourth = table.rows
    taken = shares(table.rows, failed=[failed])
    assert taken == {
        failed: Share(second, 15),
        third: Share(second, 20, True),
        fourth: Share(second, 15),
    }


def test_few_runs_at_once_keep_weights_that_others_are_still_to_evaluate(
    rows, tmp_path, monkeypatch
):
    monkeypatch.delenv("LTDSL_NO_CACHE", raising=False)
    monkeypatch.setattr(drive, "INTERVAL", 0.01)
    (tmp_path / "out").mkdir()
    texts = [f"epochs = 2; seed = {s}; one: ce{c}" for c in ("", " + tau_norm") for s in range(4)]
    sweep = Sweep(rows(*texts), SweepFolder(tmp_path / "out"), RunOptions())
    pool, most = Pool(), 0
    jobs = {row: number for number, row in enumerate(sweep.table.rows)}  # 4 to 7 evaluate again

    def step():
        nonlocal most
        done = {number for number, future in pool.submitted.items() if future.done()}
        most = max(most, sum(number < 4 and number + 4 not in done for number in pool.submitted))
        for number in sorted(pool.submitted.keys() - done)[:1]:
            pool.submitted[number].set_result("")

    sweep.drive(jobs, pool, Story(*[step] * 50))
    assert len(pool.submitted) == 8
    assert most == 2


def test_who_trains_them_keeps_their_weights(rows, tmp_path, monkeypatch):
    monkeypatch.delenv("LTDSL_NO_CACHE", raising=False)
    table = rows(CORRECTED[0], CORRECTED[1])
    sweep = Sweep(table, SweepFolder(tmp_path / "out"), RunOptions())
    assert [sweep.job(row).options.cache_evaluated for row in table.rows] == [True, False]
