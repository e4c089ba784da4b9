"""Fine-tuning: a frozen body, one that learns more slowly, and batch norms that stay, against NumPy float64."""

from __future__ import annotations

from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pytest
from ltdsl_runtime.models import Network
from ltdsl_runtime.models.initial import initialise
from ltdsl_runtime.rundir.directory import RunDirectory
from ltdsl_runtime.training.stages import begin_stage, build_stage, optimizer_of
from mindspore import nn
from support import training_formulas as formulas
from support.training import (
    PLAIN,
    assert_same,
    conv_network,
    count_compilations,
    normed_network,
    plan,
    stop_after,
    trainer,
    weights,
)

HEAD = ("classifier.weight", "classifier.bias")


def two_layers(seed: int = 0) -> Network:
    """Logits V·(W·x + b) + c of 2×4×3 pixels: the body's gradients can be written down too."""
    body = {"stem": nn.SequentialCell(nn.Flatten(), nn.Dense(24, 5))}
    network = Network(body, nn.Identity(), nn.Dense(5, 4))
    initialise(network, seed)
    return network


def of_two_layers(x, label, body_w, body_b, head_w, head_b):
    """Mean cross entropy's gradients, in the order of the arguments."""
    hidden = x @ body_w.T + body_b
    logits = hidden @ head_w.T + head_b
    p = np.exp(logits - logits.max(1, keepdims=True))
    g = (p / p.sum(1, keepdims=True) - np.eye(4)[label]) / len(x)
    back = g @ head_w
    return back.T @ x, back.sum(0), g.T @ hidden, g.sum(0)


def replayed(run, data, make):
    """Each epoch's rate, factor of the body, and batches, as a run of the plan sees them."""
    for index, stage in enumerate(run.stages):
        network = make()
        optimizer = optimizer_of(run, index, data, network, begin_stage(run, stage, network))
        source = build_stage(run, stage, data, network, optimizer).source
        for epoch in range(stage.start, stage.end):
            first = (epoch - stage.start) * source.steps
            yield stage, stage.rate(epoch), [source[first + n] for n in range(source.steps)]


@pytest.mark.parametrize(
    "text",
    [
        "epochs = 3; body_lr = 0.1; a: ce",
        "epochs = 4; a: ce { body_lr = 0.3 }; b: ce @ epoch 2 { body_lr = 2 }",
        "epochs = 4; body = frozen; a: ce; b: ce @ epoch 2 { body = trained; body_lr = 0.1 }",
        "epochs = 4; body_lr = 0.5; a: ce { body = frozen }; b: ce @ epoch 2 { body = trained }",
        "epochs = 3; a: ce; b: ce @ epoch 2 { body = frozen }",
    ],
)
def test_each_step_is_the_formulas(data, tmp_path, text):
    """One optimizer all along: what joins it later begins there, and what was in it goes on."""
    run = plan(PLAIN + f"batch_size = 16; optimizer = sgd(lr = 0.1, weight_decay = 0.02); {text}")
    assert not any(stage.fresh_optimizer for stage in run.stages[1:])
    made = trainer(run, data, tmp_path / "run", two_layers())
    expected = {name: np.float64(value) for name, value in weights(made.network).items()}
    names = [*[n for n in expected if n not in HEAD], *HEAD]
    made()
    of_part = {"body": formulas.SGD(weight_decay=0.02), "head": formulas.SGD(weight_decay=0.02)}
    epochs = zip(made.reporter.ends, replayed(run, data, two_layers), strict=True)
    for found, (stage, rate, batches) in epochs:
        for image, label in batches:
            x = formulas.normalise(image, data.mean, data.std).reshape(len(image), -1)
            gradients = of_two_layers(x, label, *(expected[name] for name in names))
            by_name = dict(zip(names, gradients, strict=True))
            for part, reference in of_part.items():
                mine = [n for n in names if (n in HEAD) == (part == "head")]
                if part == "body" and stage.body == "frozen":
                    continue
                values = reference.step(
                    [expected[n] for n in mine],
                    [by_name[n] for n in mine],
                    rate * (stage.body_lr if part == "body" else 1),
                )
                expected |= dict(zip(mine, values, strict=True))
        for name in names:
            np.testing.assert_allclose(found[name], expected[name], rtol=2e-5, atol=2e-6)


def test_adam_takes_the_factor_too(data, tmp_path):
    """After one step each weight has moved by its rate, whatever its gradient."""
    run = plan(
        PLAIN + "epochs = 1; batch_size = 64; optimizer = adam(lr = 0.01); body_lr = 0.1; a: ce"
    )
    made = trainer(run, data, tmp_path / "run", two_layers())
    before = weights(made.network)
    made()
    for name, value in made.reporter.ends[0].items():
        moved = np.abs(value - before[name])
        expected = 0.01 if name in HEAD else 0.001
        assert np.quantile(moved, 0.5) == pytest.approx(expected, rel=0.02), name


#: Frozen for two epochs, then trained more slowly than the classifier, then with frozen batch norms.
THREE = PLAIN + (
    "epochs = 6; batch_size = 16; optimizer = sgd(lr = 0.05); a: ce { body = frozen }; "
    "b: ce @ epoch 2 { body_lr = 0.1 }; c: cs_ce @ epoch 4 { body_lr = 0.5; batch_norm = frozen }"
)


@pytest.fixture(scope="module")
def three(data, tmp_path_factory):
    made = trainer(plan(THREE), data, tmp_path_factory.mktemp("three") / "run", conv_network())
    with count_compilations() as compiled:
        made()
    return made, compiled


def test_what_is_frozen_stays_bit_for_bit(three):
    made, compiled = three
    start, ends = made.reporter.starts["a"], made.reporter.ends
    body = {name for name in start if name not in HEAD}
    moving = {name for name in body if "moving_" in name}
    assert len(moving) == 2
    for end in ends[:2]:
        assert_same({n: end[n] for n in body}, {n: start[n] for n in body})
        assert (end[HEAD[0]] != start[HEAD[0]]).any()
    for name in body:
        assert (ends[3][name] != ends[1][name]).any(), name
    assert_same({n: ends[5][n] for n in moving}, {n: ends[3][n] for n in moving})
    for name in body - moving:
        assert (ends[5][name] != ends[3][name]).any(), name
    assert compiled.count("TrainStep") == 3  # one a stage
    assert compiled.count("EvalStep") == 2  # of features under the frozen body, then of images


@pytest.mark.parametrize("epochs", [1, 2, 3, 4])
def test_interrupted_runs_go_on_as_if_they_had_not_been(data, tmp_path, three, epochs):
    folder = tmp_path / "run"
    stop_after(trainer(plan(THREE), data, folder, conv_network()), epochs)
    made = trainer(plan(THREE), data, Path(mkdtemp(dir=tmp_path)) / "unused", conv_network(9))
    made.run = RunDirectory(folder, resume=True)
    made(resume=True)
    assert_same(made.reporter.ends[-1], three[0].reporter.ends[-1])


@pytest.mark.parametrize("kernels", [False, True])
def test_batch_norms_that_stay_have_the_gradients_of_what_they_compute(data, tmp_path, kernels):
    """γ·(x − m)/√(v + ε) + β with m and v given: γ, β and the classifier learn."""
    from ltdsl_runtime.machine.device import native
    from ltdsl_runtime.models.native_cells import use_native

    if kernels and not native():
        pytest.skip("the kernels are not compiled here")
    run = plan(PLAIN + "epochs = 2; batch_size = 16; batch_norm = frozen; a: ce")

    def make():
        network = normed_network()
        if kernels:
            use_native(network)
        return network

    made = trainer(run, data, tmp_path / "run", make())
    before = weights(made.network)
    gamma, beta, mean, variance = (
        next(n for n in before if n.endswith(end))
        for end in ("gamma", "beta", "moving_mean", "moving_variance")
    )
    names = [gamma, beta, *HEAD]
    made()
    expected = [np.float64(before[name]) for name in names]
    decay = run.stages[0].optimizer.weight_decay
    reference = formulas.SGD(weight_decay=decay)
    epsilon = next(c for c in made.network.body.cells() if isinstance(c, nn.BatchNorm2d)).eps
    by = (1, -1, 1, 1)
    for _, rate, batches in replayed(run, data, make):
        for image, label in batches:
            images = formulas.normalise(image, data.mean, data.std)
            kept = np.float64(before[mean]), np.float64(before[variance])
            plain = (images - kept[0].reshape(by)) / np.sqrt(kept[1].reshape(by) + epsilon)
            g, b, w, c = expected
            x = (plain * g.reshape(by) + b.reshape(by)).reshape(len(image), -1)
            logits = x @ w.T + c
            p = np.exp(logits - logits.max(1, keepdims=True))
            d = (p / p.sum(1, keepdims=True) - np.eye(4)[label]) / len(image)
            back = (d @ w).reshape(images.shape)
            gradients = (back * plain).sum((0, 2, 3)), back.sum((0, 2, 3)), d.T @ x, d.sum(0)
            expected = reference.step(expected, gradients, rate)
    found = made.reporter.ends[-1]
    assert_same({n: found[n] for n in (mean, variance)}, {n: before[n] for n in (mean, variance)})
    for name, value in zip(names, expected, strict=True):
        np.testing.assert_allclose(found[name], value, rtol=2e-5, atol=2e-6, err_msg=name)


def test_an_epoch_shows_one_of_an_images_views(data):
    """The same in every epoch of its number, whatever the order; another one in others."""
    run = plan(
        "schedule = constant(warmup = 0); augment = [random_crop(padding = 1), random_horizontal_flip]; "
        "epochs = 5; batch_size = 16; body = frozen; views = 2; seed = 3; a: ce"
    )
    network = conv_network()
    stage = run.stages[0]
    optimizer = optimizer_of(run, 0, data, network, begin_stage(run, stage, network))
    source = build_stage(run, stage, data, network, optimizer).source
    seen = []
    for epoch in range(5):
        order = source.order(epoch)[: source.steps * 16].reshape(-1, 16)
        shown = {}
        for step, indices in enumerate(order):
            image = source[epoch * source.steps + step][0]
            shown |= {int(index): pixels for index, pixels in zip(indices, image, strict=True)}
        seen.append(shown)
    for first, second in ((0, 2), (0, 4), (1, 3)):
        both = seen[first].keys() & seen[second].keys()
        assert len(both) > 40
        assert all((seen[first][n] == seen[second][n]).all() for n in both)
    both = seen[0].keys() & seen[1].keys()
    assert sum((seen[0][n] != seen[1][n]).any() for n in both) > len(both) / 2
