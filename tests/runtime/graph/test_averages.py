"""Weights that follow the trained ones, against NumPy float64, and what a run does with them."""

from __future__ import annotations

import numpy as np
import pytest
from ltdsl_runtime.training.stages import begin_stage, build_stage
from ltdsl_runtime.tricks.optimizers import build_optimizer
from ltdsl_runtime.weights.averages import PREFIX, as_trained, as_used
from mindspore import Tensor
from support.training import (
    PLAIN,
    assert_same,
    linear_network,
    normed_network,
    plan,
    read_checkpoint,
    stop_after,
    trainer,
    weights,
)

STEPS = 10
HEAD = PLAIN + "epochs = 3; batch_size = 16; optimizer = sgd(lr = 0.3); "


def averages(average):
    return {
        name.removeprefix(PREFIX): value
        for name, value in weights(average).items()
        if name.startswith(PREFIX)
    }


@pytest.mark.parametrize(
    "more", ["", "accumulate = 2; ", "sharpness = sam(rho = 0.2); ", "precision = fp16; "]
)
@pytest.mark.parametrize("decay", [0.15, 0.999])
def test_ten_steps(data, more, decay):
    """The smaller decay acts from the first steps on, the larger one never within ten."""
    run = plan(HEAD.replace("16", "8") + more + f"average = ema(decay = {decay}); a: ce")
    network = normed_network()
    expected = {name: np.float64(value) for name, value in weights(network).items()}
    optimizer = build_optimizer(
        run.stages[0].optimizer, begin_stage(run, run.stages[0], network), [0.3] * STEPS
    )
    stage = build_stage(run, run.stages[0], data, network, optimizer)
    stage.step.set_train(True)
    assert stage.step.average is not None
    for number in range(STEPS):
        stage.step(*map(Tensor, stage.source[number % len(stage.source)]))
        steps = number + 1
        kept = min(decay, (1 + steps) / (10 + steps))
        for name, value in weights(network).items():
            expected[name] = kept * expected[name] + (1 - kept) * value
        found = averages(stage.step.average)
        assert found.pop("steps") == steps
        assert found.keys() == expected.keys()
        for name, value in found.items():
            np.testing.assert_allclose(value, expected[name], rtol=1e-5, atol=1e-6)


def test_no_decay_is_no_average(data):
    run = plan(HEAD + "average = ema(decay = 0); a: ce")
    network = linear_network()
    optimizer = build_optimizer(
        run.stages[0].optimizer, begin_stage(run, run.stages[0], network), [0.3]
    )
    assert build_stage(run, run.stages[0], data, network, optimizer).step.average is None


TEXT = (
    PLAIN
    + """
epochs = 7; batch_size = 16; validation = 0.1; optimizer = sgd(lr = 0.3); average = ema(decay = 0.4)
one: ce
two: cs_ce @ epoch 2 { average = ema(decay = 0.8) }
three: crt + class_balanced @ epoch 4 { optimizer = sgd(lr = 0.1); handoff = best }
"""
)


@pytest.fixture(scope="module")
def whole(data, tmp_path_factory):
    made = trainer(plan(TEXT), data, tmp_path_factory.mktemp("average") / "run", normed_network())
    measured = []
    real = made.evaluate

    def evaluate(part, logits=False):
        measured.append(weights(made.network))
        return real(part, logits)

    made.evaluate = evaluate
    return made, made(), measured


def test_averages_are_evaluated_and_kept_beside_the_trained_weights(whole):
    made, figures, measured = whole
    saved = read_checkpoint(made.run.checkpoint("last"))
    ends = made.reporter.ends
    assert_same({name: as_trained(saved)[name] for name in ends[-1]}, ends[-1])
    assert_same({name: as_used(saved)[name] for name in ends[-1]}, measured[6])
    assert any(np.any(measured[6][name] != ends[-1][name]) for name in ends[-1])
    assert figures["last"]["weights"] == figures["best"]["weights"] == "averaged"
    # last of all, the kept ones: last on the test part
    assert_same(measured[7], measured[6])


def test_an_average_goes_on_with_the_optimizer_and_begins_with_it(whole):
    made, _, measured = whole
    saved = read_checkpoint(made.run.checkpoint("last"))
    assert saved["average.steps"] == 3 * (70 // 16)  # since the third stage began
    starts = made.reporter.starts
    # the best epoch of stage two was chosen by averages: they are handed on
    best = max(made.reporter.records[2:4], key=lambda each: each.macro_recall).epoch
    for name, value in starts["three"].items():
        if not name.startswith("classifier."):  # which is drawn anew
            np.testing.assert_array_equal(value, measured[best][name])


@pytest.mark.parametrize("epochs", [1, 2, 3, 5])
def test_a_run_that_goes_on_has_the_same_averages(whole, data, tmp_path, epochs):
    made, figures, _ = whole
    text = plan(TEXT)
    stop_after(trainer(text, data, tmp_path / "run", normed_network()), epochs)
    again = trainer_again(text, data, tmp_path / "run")
    assert again(resume=True) == figures
    first, second = (read_checkpoint(each.run.checkpoint("last")) for each in (made, again))
    assert first.keys() == second.keys()
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name], err_msg=name)


def trainer_again(text, data, folder):
    from ltdsl_runtime.rundir.directory import RunDirectory
    from ltdsl_runtime.training.train import Trainer
    from support.training import Watcher

    watcher = Watcher(text)
    made = Trainer(text, data, RunDirectory(folder, resume=True), watcher)
    made.network = normed_network(seed=3)
    made.evaluate = made._evaluator("softmax")
    watcher.trainer = made
    return made
