"""A run that ends where no epoch is better for a while."""

from __future__ import annotations

import json

import numpy as np
import pytest
from ltdsl_runtime.rundir.directory import RunDirectory
from ltdsl_runtime.training.evaluate import Confusion, Scores
from ltdsl_runtime.training.stopping import ends_early
from support.training import PLAIN, linear_network, plan, stop_after, trainer

from ltdsl.compiler import compile_recipe
from ltdsl.runs.metrics import Epoch
from ltdsl.source import Source

TEXT = (
    PLAIN + "epochs = 12; batch_size = 16; validation = 0.1; early_stopping = 3; BY"
    "a: ce; b: cs_ce @ epoch 4"
)

#: Of 100 images of one class, those that are wrong after each epoch.
WRONG = [50, 1, 60, 70, 40, 35, 35, 36, 50, 30, 20, 10]


def records(run, wrong, every=1):
    return [
        Epoch(
            epoch=i, stage=run.stage_at(i).name, loss=1.0, lr=0.1, seconds=1.0,
            **({"top1_error": w, "macro_recall": 100 - w, "measured_on": "validation"}
               if (i + 1) % every == 0 else {}),
        )
        for i, w in enumerate(map(float, wrong))
    ]  # fmt: skip


@pytest.mark.parametrize("by", ["", "best_by = top1_error; "])
@pytest.mark.parametrize(
    ("wrong", "ended"),
    [
        # the first stage's epochs end nothing, however good; of equal ones the first counts
        (WRONG, 8),
        # none is better than the last stage's first one
        ([50, 1, 60, 70, 9, 9, 9, 9, 9, 9, 9, 9], 7),
        # always better, and better just in time
        ([9, 9, 9, 9, 8, 7, 6, 5, 4, 3, 2, 1], None),
        ([9, 9, 9, 9, 8, 9, 9, 7, 9, 9, 6, 9], None),
        # with the last epoch it ends anyway
        ([9, 9, 9, 9, 9, 8, 7, 6, 5, 6, 6, 6], None),
    ],
)
def test_when_it_ends(by, wrong, ended):
    run = plan(TEXT.replace("BY", by))
    lines = records(run, wrong)
    found = [i for i in range(len(lines)) if ends_early(run, lines[: i + 1])]
    assert found[:1] == ([] if ended is None else [ended])
    never = plan(TEXT.replace("BY", by).replace("early_stopping = 3;", ""))
    assert not any(ends_early(never, lines[: i + 1]) for i in range(len(lines)))


def test_only_an_evaluation_can_tell():
    run = plan(TEXT.replace("BY", "evaluate_every = 2; "))
    lines = records(run, [50, 1, 60, 70, 40, 35, 35, 36, 50, 40, 40, 40], every=2)
    # evaluated after epochs 5, 7 and 9: the first of them is the best, and three epochs later none is
    assert [i for i in range(12) if ends_early(run, lines[: i + 1])] == [9]


@pytest.fixture
def begun(data, tmp_path):
    def make(name, resume=False):
        folder = tmp_path / (f"{name}-again" if resume else name)
        made = trainer(plan(TEXT.replace("BY", "")), data, folder, linear_network())
        if resume:
            made.run = RunDirectory(tmp_path / name, resume=True)
        real = made.evaluate

        def judge(part, logits=False):
            if logits:
                return real(part, logits)
            wrong = WRONG[len(made.metrics)]
            predictions = np.repeat([0, 1], [100 - wrong, wrong])
            return Scores(
                Confusion.of(4, np.zeros(100, np.int32), predictions), real(part).calibration
            )

        made.evaluate = judge
        return made

    return make


def test_a_run_says_where_it_ended_and_goes_on_to_the_same_end(begun, tmp_path):
    whole = begun("whole")
    figures = whole()
    lines = (tmp_path / "whole" / "metrics.jsonl").read_text().splitlines()
    assert len(lines) == 9
    assert [json.loads(line).get("ends") for line in lines] == [None] * 8 + ["early_stopping"]
    assert (figures["last"]["epoch"], figures["best"]["epoch"]) == (8, 1)  # that of the run
    for epochs in (3, 7, 9):  # the last has ended, and was not evaluated
        name = f"broken{epochs}"
        stop_after(begun(name), epochs)
        assert begun(name, resume=True)(resume=True) == figures
        again = (tmp_path / name / "metrics.jsonl").read_text().splitlines()
        timeless = [[{**json.loads(x), "seconds": 0} for x in each] for each in (lines, again)]
        assert timeless[0] == timeless[1]


@pytest.mark.parametrize("more", ["", "validation = 0.1; best_on = test; "])
def test_it_is_judged_on_the_validation_part_alone(more):
    text = PLAIN + f"early_stopping = 3; {more}a: ce"
    found = [p for p in compile_recipe(Source("recipe.lt", text)).diagnostics if p.code == "LT129"]
    assert len(found) == 1
