"""`simplex_etf`: the frame against its definition, and what a stage that holds it trains."""

from __future__ import annotations

import numpy as np
import pytest
from ltdsl_runtime.errors import RunError
from ltdsl_runtime.models.initial import simplex_frame
from ltdsl_runtime.rundir.directory import RunDirectory
from mindspore import nn
from support.training import (
    PLAIN,
    assert_same,
    conv_network,
    hand_made,
    linear_network,
    plan,
    stop_after,
    trainer,
)

from ltdsl.compiler import compile_recipe
from ltdsl.source import Source

TEXT = (
    PLAIN
    + """
epochs = 5; batch_size = 16; seed = 3; sharpness = sam(rho = 0.1); average = ema(decay = 0.5)
one: ce
two: simplex_etf(length = 2) + balanced_softmax @ epoch 1 { optimizer = sgd(lr = 0.1) }
three: simplex_etf(length = 2) + input_mixup @ epoch 3
four: ce @ epoch 4 { optimizer = sgd(lr = 0.1) }
"""
)


@pytest.mark.parametrize(("classes", "features"), [(2, 1), (4, 3), (4, 5), (10, 64), (100, 128)])
def test_each_two_classes_are_equally_far_apart(classes, features):
    rows = simplex_frame(classes, features, np.random.default_rng(1))
    expected = np.full((classes, classes), -1 / (classes - 1))
    np.fill_diagonal(expected, 1)
    np.testing.assert_allclose(rows @ rows.T, expected, atol=1e-12)
    np.testing.assert_allclose(rows.sum(0), 0, atol=1e-12)
    if features == 1:  # there are but two, one of which is the other turned
        return
    other = simplex_frame(classes, features, np.random.default_rng(2))
    assert np.abs(rows - other).max() > 0.1


@pytest.fixture(scope="module")
def whole(data, tmp_path_factory):
    made = trainer(plan(TEXT), data, tmp_path_factory.mktemp("etf") / "run", conv_network())
    made()
    return made


def differ(first, second):
    return {name for name in first if np.any(first[name] != second[name])}


def test_everything_but_the_classifier_is_trained(whole):
    ends, starts = whole.reporter.ends, whole.reporter.starts
    weight = np.float64(starts["two"]["classifier.weight"])
    expected = np.full((4, 4), -4 / 3)
    np.fill_diagonal(expected, 4)
    np.testing.assert_allclose(weight @ weight.T, expected, atol=1e-5)
    assert not starts["two"]["classifier.bias"].any()
    held = {"classifier.weight", "classifier.bias"}
    for number in (1, 2, 3):  # in the next stage too, whose optimizer goes on
        assert differ(starts["two"], ends[number]) == set(ends[number]) - held
    assert differ(ends[3], ends[4]) == set(ends[4])  # trained on from there


@pytest.mark.parametrize("epochs", [2, 3])
def test_a_run_that_was_stopped_goes_on_exactly(data, tmp_path, whole, epochs):
    stop_after(trainer(plan(TEXT), data, tmp_path / "run", conv_network()), epochs)
    resumed = trainer(plan(TEXT), data, tmp_path / "other", conv_network())
    resumed.run = RunDirectory(tmp_path / "run", resume=True)
    resumed(resume=True)
    assert_same(resumed.reporter.ends[-1], whole.reporter.ends[-1])


def test_too_few_features_for_the_classes(tmp_path):
    run = plan(
        PLAIN
        + "epochs = 2; batch_size = 16; a: ce; b: simplex_etf @ epoch 1 { optimizer = sgd(lr = 1) }"
    )
    data, network = hand_made(9), linear_network()
    network.classifier = nn.Dense(7, 9)
    with pytest.raises(RunError, match="needs 8 features for 9 classes") as caught:
        trainer(run, data, tmp_path / "run", network)()
    assert caught.value.code == "LT431"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a: simplex_etf + tau_norm", "makes them equal"),
        ("constraint = max_norm(threshold = 2); a: simplex_etf", "trains no class weights"),
        ("body = frozen; init = pretrained; a: simplex_etf", "nothing is left to train"),
    ],
)
def test_what_it_leaves_nothing_to_do_is_refused(text, why):
    problems = compile_recipe(Source("recipe.lt", PLAIN + text)).diagnostics
    (found,) = [problem for problem in problems if problem.code == "LT119"]
    assert why in found.message


def test_settings_about_the_body_act():
    run = plan(
        PLAIN
        + "body_lr = 0.1; batch_norm = frozen; a: simplex_etf; b: ce @ 30% { optimizer = sgd(lr = 1) }; "
        + "c: crt @ 50% { optimizer = sgd(lr = 1) }"
    )
    assert [stage.body_lr for stage in run.stages] == [1, 0.1, 1]
    assert [stage.batch_norm for stage in run.stages] == ["frozen", "frozen", "running"]
    assert [stage.body_is_frozen for stage in run.stages] == [False, False, True]
    problems = compile_recipe(Source("r.lt", PLAIN + "body_lr = 0.1; a: simplex_etf")).diagnostics
    (found,) = [problem for problem in problems if problem.code == "LT140"]
    assert (
        "trains all but the classifier" in found.message
    )  # there is nothing that it could stand against
