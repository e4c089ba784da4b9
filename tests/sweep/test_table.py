"""Compiling a table: everything before anything is trained, each problem once."""

from __future__ import annotations

import pytest

from ltdsl.sweep.axes import Axis
from ltdsl.sweep.grid import grid
from ltdsl.sweep.table import compile_table

SHORT = (
    "epochs = 10; schedule = constant(warmup = 0)\nstage1: ce\nstage2: class_balanced @ epoch 5\n"
)


@pytest.fixture
def recipe(tmp_path):
    def write(text=SHORT, name="recipe.lt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    return write


def table(recipes, *axes, seeds=None):
    made, problems = compile_table(grid(recipes, [Axis(*axis) for axis in axes], seeds, False))
    return made, problems


def test_rows(recipe):
    made, problems = table([recipe()], ("dataset.imbalance", ("10", "50")), seeds=2)
    assert problems == []
    assert [row.name for row in made.rows] == [
        "imbalance=10,seed=0",
        "imbalance=10,seed=1",
        "imbalance=50,seed=0",
        "imbalance=50,seed=1",
    ]
    assert [row.plan.dataset.imbalance for row in made.rows] == [10, 10, 50, 50]
    assert [row.plan.seed for row in made.rows] == [0, 1, 0, 1]
    assert all(row.digest == row.plan.digest() for row in made.rows)
    for row in made.rows[:2]:
        assert row.choice.changes[0] == ("dataset.imbalance", "10")
    assert made.rows[0].texts == {"recipe.lt": SHORT}
    assert made.addresses == ("dataset.imbalance", "seed")


def test_tricks_and_starts_are_values_too(recipe):
    chains = ("class_balanced", "cam_bs + ce")
    made, _ = table([recipe()], ("stage2.tricks", chains), ("stage2.at", ("50%", "epoch 8")))
    got = [(str(row.plan.stages[1].sampler), row.plan.stages[1].start) for row in made.rows]
    assert [start for _, start in got] == [5, 8, 5, 8]
    assert [sampler.split("(")[0] for sampler, _ in got] == ["class_balanced"] * 2 + ["cam_bs"] * 2


def test_what_means_the_same_is_one_row(recipe):
    made, _ = table([recipe()], ("dataset.imbalance", ("10", "10.0", "1e1", "20")))
    assert [row.choice.changes[0][1] for row in made.rows] == ["10", "20"]
    assert made.combinations == 4
    same = recipe(SHORT.replace("stage2", "late"), "other.lt")
    made, _ = table([recipe(), same])
    assert [row.name for row in made.rows] == ["recipe"]


def test_the_same_words_in_another_folder_are_other_weights(recipe):
    text = 'init = "weights.ckpt"; epochs = 1; schedule = constant(warmup = 0); a: ce'
    made, _ = table([recipe(text, "a/x.lt"), recipe(text, "b/x.lt")])
    assert [row.name for row in made.rows] == ["a-x", "b-x"]


def test_a_problem_is_told_once_with_who_has_it(recipe):
    made, problems = table(
        [recipe()], ("epochs", ("3", "10")), ("dataset.imbalance", ("10", "50")), seeds=3
    )
    assert made is None
    assert [(problem.code, problem.note) for problem in problems if problem.code == "LT304"] == [
        ("LT304", "in 6 of 12 combinations: those with epochs=3")
    ]


def test_a_label_that_no_run_uses(recipe):
    text = "epochs = 10\nstage1: ce { optimizer = sgd(lr = 0.05); schedule = constant }"
    made, problems = table([recipe(text)], ("optimizer.lr", ("0.1", "0.5")))
    assert made is None
    assert {(problem.code, problem.severity.value) for problem in problems} == {("LT140", "error")}
    made, problems = table([recipe(text)], ("stage1.optimizer.lr", ("0.1", "0.5")))
    assert len(made.rows) == 2
    assert not problems


def test_a_problem_of_certain_pairs(recipe):
    made, problems = table(
        [recipe()], ("epochs", ("4", "10")), ("stage2.at", ("epoch 3", "epoch 8"))
    )
    assert made is None
    notes = [problem.note for problem in problems if problem.code == "LT304"]
    assert notes == ["in 1 of 4 combinations: those with epochs=4, stage2.at=epoch 8"]


def test_a_problem_of_all_has_no_note(recipe):
    made, problems = table([recipe("stage1: input_mixpu")], ("epochs", ("3", "10")))
    assert made is None
    assert [(problem.code, problem.note) for problem in problems] == [("LT102", "")]


def test_a_problem_of_one_recipe(recipe):
    wrong = recipe("stage1: input_mixpu", "wrong.lt")
    made, problems = table([recipe(), wrong, recipe().parent / "none.lt"], seeds=2)
    assert made is None
    unknown, missing = sorted(problems, key=lambda problem: problem.span is None)
    assert (unknown.code, unknown.note) == ("LT102", f"in 2 of 6 combinations: those with {wrong}")
    assert "none.lt" in missing.message
    assert missing.note.startswith("in 2 of 6 combinations: those with ")
