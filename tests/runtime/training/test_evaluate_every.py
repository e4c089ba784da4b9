"""Epochs that are not evaluated: what is known of them, and that nothing else changes."""

from __future__ import annotations

import io
import json
from pathlib import Path
from tempfile import mkdtemp

import pytest
from ltdsl_runtime.rundir.directory import RunDirectory
from support.training import PLAIN, conv_network, plan, read_checkpoint, stop_after, trainer

RECIPE = (
    PLAIN
    + """
epochs = 8; batch_size = 16; validation = 0.1; evaluate_every = EVERY
one: input_mixup
two: cs_ce @ epoch 5 { optimizer = sgd(lr = 0.02); handoff = best }
"""
)
FIGURES = {"top1_error", "macro_recall", "measured_on"}

#: After 3 and 6 epochs of the run, and at the end of both stages.
EVALUATED = [2, 4, 5, 7]


def lines(folder):
    found = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    for line in found:
        del line["seconds"]
    return found


def epoch_of(folder, name):
    return int(read_checkpoint(folder / "checkpoints" / f"{name}.ckpt")["epoch"])


def made(data, folder, every=3):
    return trainer(plan(RECIPE.replace("EVERY", str(every))), data, folder, conv_network())


@pytest.fixture(scope="module")
def runs(data, tmp_path_factory):
    """One that evaluates after each epoch, and one that does after some."""
    folder = tmp_path_factory.mktemp("every")
    often, seldom = folder / "often", folder / "seldom"
    made(data, often, every=1)()
    run = made(data, seldom)
    asked, real = [], run.evaluate

    def evaluate(part, **wanted):
        if not wanted:  # the final evaluations want more
            asked.append(part is data.validation)
        return real(part, **wanted)

    run.evaluate = evaluate
    run()
    assert asked == [True] * len(EVALUATED)
    return often, seldom


def test_figures_are_those_of_the_epochs_that_are_evaluated(runs):
    often, seldom = map(lines, runs)
    assert [line["epoch"] for line in seldom if line.keys() >= FIGURES] == EVALUATED
    assert not any(FIGURES & line.keys() for line in seldom if line["epoch"] not in EVALUATED)
    # stage one's weights do not depend on it
    for before, after in zip(often[:5], seldom[:5], strict=True):
        assert {name: before[name] for name in after} == after


def test_the_best_epoch_is_one_that_was_evaluated(runs):
    _, seldom = runs
    recalls = {line["epoch"]: line.get("macro_recall", -1.0) for line in lines(seldom)}
    assert epoch_of(seldom, "best") == max(recalls, key=lambda epoch: recalls[epoch])
    assert epoch_of(seldom, "one-best") == max((2, 4), key=lambda epoch: recalls[epoch])
    assert epoch_of(seldom, "last") == 7


@pytest.mark.parametrize("epochs", [1, 4, 7])
def test_it_goes_on_as_if_it_had_not_been_broken_off(data, runs, tmp_path, epochs):
    _, whole = runs
    folder = tmp_path / "run"
    stop_after(made(data, folder), epochs)
    again = made(data, Path(mkdtemp(dir=tmp_path)) / "unused")
    again.run = RunDirectory(folder, resume=True)
    again.reporter.console.file = told = io.StringIO()
    again(resume=True)
    assert "warning" not in told.getvalue()  # no best epoch is lost where none was evaluated
    assert lines(folder) == lines(whole)
    assert (folder / "evaluation.json").read_text() == (whole / "evaluation.json").read_text()
    for name in ("last", "best", "one-best"):
        states = [read_checkpoint(run / "checkpoints" / f"{name}.ckpt") for run in (folder, whole)]
        assert str(states[0]) == str(states[1])
