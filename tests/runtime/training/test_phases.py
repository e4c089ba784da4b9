"""Stages that train a part of the network, and corrections in evaluation, against NumPy float64."""

from __future__ import annotations

from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pytest
from ltdsl_runtime.errors import RunError
from ltdsl_runtime.graph.evaluation import EvalStep
from ltdsl_runtime.graph.normalise import Normalise
from ltdsl_runtime.models import build_network
from ltdsl_runtime.models.classifiers import use_factors
from ltdsl_runtime.rundir.directory import RunDirectory
from ltdsl_runtime.training.evaluate import Evaluator
from ltdsl_runtime.training.stages import begin_stage, build_stage
from ltdsl_runtime.training.train import Trainer
from ltdsl_runtime.tricks.optimizers import build_optimizer
from ltdsl_runtime.tricks.posthoc import POSTHOC
from ltdsl_runtime.weights import checkpoints
from mindspore import Tensor, ops
from support import training_formulas as formulas
from support.training import (
    PLAIN,
    Watcher,
    assert_same,
    conv_network,
    linear_network,
    normed_network,
    plan,
    read_checkpoint,
    stop_after,
    trainer,
    weights,
)

FRESH = "optimizer = sgd(lr = 0.1)"


def part(values, classifier):
    """The parameters of the classifier, or all others."""
    return {n: v for n, v in values.items() if n.startswith("classifier") == classifier}


def changed(first, second):
    return {name for name in first if np.any(first[name] != second[name])}


# ── what a stage trains ──────────────────────────────────────────────────────────────────────────

RUN = (
    PLAIN
    + """
epochs = 6; batch_size = 16; seed = SEED
one: ce
two: TRICKS @ epoch 2 { optimizer = sgd(lr = 0.1) }
three: ce @ epoch 4 { optimizer = sgd(lr = 0.1) }
"""
)


def run_of(tricks, data, folder, seed=0):
    run = plan(RUN.replace("TRICKS", tricks).replace("SEED", str(seed)))
    network = conv_network()
    if "lws" in tricks:
        use_factors(network, 4)
    made = trainer(run, data, folder, network)
    made()
    return made


@pytest.fixture(
    scope="module", params=["crt + class_balanced", "lws", "crt + input_mixup", "lws + cam_bs"]
)
def alone(request, data, tmp_path_factory):
    """A run whose second stage trains the classifier alone."""
    return request.param, run_of(request.param, data, tmp_path_factory.mktemp("alone") / "run")


def test_everything_before_the_classifier_stays_bit_for_bit(alone):
    """Batch-norm statistics included, in every epoch: an evaluation lies between the two."""
    _, made = alone
    watcher = made.reporter
    frozen = part(watcher.ends[1], classifier=False)
    assert any("moving_mean" in name for name in frozen)
    for later in (watcher.starts["two"], watcher.ends[2], watcher.ends[3], watcher.starts["three"]):
        assert_same(frozen, part(later, classifier=False))


def test_what_may_change_does_in_every_epoch(alone):
    trick, made = alone
    watcher = made.reporter
    allowed = {"classifier.weight", "classifier.bias"}
    if "lws" in trick:
        allowed = {"classifier.factors"}
    assert changed(watcher.starts["two"], watcher.ends[2]) == allowed
    assert changed(watcher.ends[2], watcher.ends[3]) == allowed


def test_the_stage_after_trains_everything_again(alone):
    _, made = alone
    watcher = made.reporter
    for first, second in ((watcher.starts["three"], watcher.ends[4]), watcher.ends[4:6]):
        everything = set(first) - {"classifier.factors"}
        assert changed(first, second) == everything
    statistics = [n for n in watcher.ends[5] if "moving" in n]
    assert statistics
    assert changed(watcher.starts["one"], watcher.ends[1]) >= set(statistics)


def test_a_classifier_is_drawn_anew(data, tmp_path):
    made = [
        run_of("crt + class_balanced", data, tmp_path / str(number), seed)
        for number, seed in enumerate((0, 0, 1))
    ]
    first, again, other = (run.reporter.starts["two"] for run in made)
    before = made[0].reporter
    for old in (before.starts["one"], before.ends[1]):
        assert np.abs(first["classifier.weight"] - old["classifier.weight"]).max() > 0.01
    assert np.all(np.abs(first["classifier.weight"]) <= 1 / np.sqrt(5))
    assert np.all(first["classifier.bias"] == 0)
    assert_same(first, again)
    assert changed(part(first, True), part(other, True)) == {"classifier.weight"}


def test_a_classifier_drawn_anew_has_no_factors_of_the_old_one(data):
    run = plan(
        PLAIN + f"epochs = 3; a: ce; b: lws @ epoch 1 {{ {FRESH} }}; c: crt @ epoch 2 {{ {FRESH} }}"
    )
    network = conv_network()
    use_factors(network, 4)
    network.classifier.factors.set_data(Tensor(np.float32([2, 3, 4, 5])))
    trained = begin_stage(run, run.stages[2], network)
    assert {p.name for p in trained} == {"classifier.weight", "classifier.bias"}
    assert network.classifier.factors.asnumpy().tolist() == [1, 1, 1, 1]


def test_maps_are_those_of_the_classifier_that_was_trained(data, tmp_path):
    """One that is drawn anew knows nothing yet of where a class is."""
    run = plan(RUN.replace("TRICKS", "crt + cam_bs").replace("SEED", "0"))
    made = trainer(run, data, tmp_path / "run", conv_network())
    frozen, train = [], made._train

    def watch(index, stage, *more):
        if stage.step.transform is not None:
            frozen.append(weights(stage.step.transform.network))
        train(index, stage, *more)

    made._train = watch
    made()
    trained = made.reporter.ends[1]
    (maps,) = frozen
    assert_same({name.removeprefix("network."): value for name, value in maps.items()}, trained)
    kept = read_checkpoint(tmp_path / "run" / "checkpoints" / "two-start.ckpt")
    del kept["plan_sha256"], kept["class_names"]
    assert_same(kept, trained)
    assert changed(trained, made.reporter.starts["two"]) == {"classifier.weight", "classifier.bias"}


@pytest.mark.parametrize("tricks", ["crt + cam_bs", "lws + class_balanced"])
@pytest.mark.parametrize("epochs", [2, 3, 4])
def test_a_run_that_was_stopped_goes_on_exactly(data, tmp_path, tricks, epochs):
    """Before, within and after the stage that trains the classifier alone."""
    expected = run_of(tricks, data, tmp_path / "whole")
    run = plan(RUN.replace("TRICKS", tricks).replace("SEED", "0"))

    def begun(folder):
        network = conv_network()
        if "lws" in tricks:
            use_factors(network, 4)
        return trainer(run, data, folder, network)

    stop_after(begun(tmp_path / "run"), epochs)
    resumed = begun(tmp_path / "other")
    resumed.run = RunDirectory(tmp_path / "run", resume=True)
    figures = resumed(resume=True)
    assert_same(resumed.reporter.ends[-1], expected.reporter.ends[-1])
    assert len(resumed.reporter.ends) == 6 - epochs
    assert figures["last"]["epoch"] == 5


@pytest.mark.parametrize("trick", ["crt", "lws"])
def test_a_step_of_the_classifier_alone(data, trick):
    """Features come from the moving statistics; the rest is a linear network's formula."""
    run = plan(PLAIN + f'epochs = 1; init = "x"; batch_size = 16; seed = 2; a: {trick} + cs_ce')
    stage, network, rng = run.stages[0], normed_network(), np.random.default_rng(4)
    use_factors(network, 4)
    norm = network.body[0]
    drawn = [rng.uniform(0.5, 2, 2) for _ in range(4)]
    for parameter, value in zip(
        (norm.gamma, norm.beta, norm.moving_mean, norm.moving_variance), drawn, strict=True
    ):
        parameter.set_data(Tensor(np.float32(value)))
    network.classifier.inner.bias.set_data(Tensor(np.float32([0.5, -1, 0.25, 2])))
    network.classifier.factors.set_data(Tensor(np.float32([1.5, 0.5, 2, 1])))
    trained = begin_stage(run, stage, network)
    optimizer = build_optimizer(stage.optimizer, trained, [0.3] * 9)
    built = build_stage(run, stage, data, network, optimizer)
    built.step.set_train(True)
    image, label = built.source[0]
    values = {name: np.float64(value) for name, value in weights(network).items()}
    x = formulas.normalise(image, data.mean, data.std)
    gamma, beta, mean, variance = (np.float32(v).reshape(1, 2, 1, 1) for v in drawn)
    h = (gamma * (x - mean) / np.sqrt(np.float64(variance) + norm.eps) + beta).reshape(16, -1)
    w, b, f = (values[f"classifier.{name}"] for name in ("weight", "bias", "factors"))
    costs = min(data.counts) / np.float64(data.counts)
    # logits f (W h + b) are those of a linear network with the weights f W and the bias f b
    loss, by_weight, by_bias = formulas.linear_step(
        h, label, f[:, None] * w, f * b, class_weights=costs, by_weight=True
    )
    if trick == "crt":
        names, gradients = ("weight", "bias"), [by_weight, by_bias]
        assert f.tolist() == [1, 1, 1, 1]
    else:
        names, gradients = ("factors",), [(by_weight * w).sum(1) + by_bias * b]
    reference = formulas.SGD(weight_decay=0.0005)
    expected = reference.step([values[f"classifier.{n}"] for n in names], gradients, 0.3)
    assert float(built.step(Tensor(image), Tensor(label)).asnumpy()) == pytest.approx(
        loss, rel=1e-5
    )
    after = weights(network)
    assert changed(values, after) == {f"classifier.{name}" for name in names}
    for name, value in zip(names, expected, strict=True):
        np.testing.assert_allclose(after[f"classifier.{name}"], value, rtol=1e-4, atol=2e-6)


# ── corrections in evaluation ────────────────────────────────────────────────────────────────────


def long_network():
    """Its class weights differ in length."""
    network = linear_network(3)
    lengths = np.float32([[1], [4], [0.5], [2]])
    network.classifier.weight.set_data(Tensor(lengths * network.classifier.weight.asnumpy()))
    network.classifier.bias.set_data(Tensor(np.float32([0.5, -1, 0.25, 2])))
    return network


def logits_of(values, data, images):
    x = formulas.normalise(images, data.mean, data.std).reshape(len(images), -1)
    return x @ np.float64(values["classifier.weight"]).T + np.float64(values["classifier.bias"])


def corrected(name, tau, values, data, images, biased=True):
    z = logits_of(values, data, images)
    if name == "tau_norm":
        w, b = (np.float64(values[f"classifier.{n}"]) for n in ("weight", "bias"))
        x = formulas.normalise(images, data.mean, data.std).reshape(len(images), -1)
        return x @ (w / np.linalg.norm(w, axis=1, keepdims=True) ** tau).T + biased * b
    if name == "posthoc_logit_adjustment":
        return z - tau * np.log(np.array(data.counts) / sum(data.counts))
    return z


CORRECTIONS = [("tau_norm", tau) for tau in (0.0, 1.0, 2.5)]
CORRECTIONS += [("posthoc_logit_adjustment", tau) for tau in (0.0, 1.0, 2.5)]


@pytest.mark.parametrize(("name", "tau"), CORRECTIONS)
def test_corrected_logits(data, name, tau):
    network = long_network()
    entry = plan(PLAIN + f"epochs = 1; a: {name}(tau = {tau})").stages[0].posthoc
    images = data.test.images
    cell = POSTHOC[name](entry, network, data.counts)
    actual = cell(Normalise(data.mean, data.std)(Tensor(images))).asnumpy()
    expected = corrected(name, tau, weights(network), data, images)
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5)
    plain = logits_of(weights(network), data, images)
    assert (np.abs(expected - plain).max() < 1e-12) == (tau == 0)


@pytest.mark.parametrize("tau", [0.0, 1.0, 2.5])
def test_norms_without_a_bias(data, tau):
    network = long_network()
    entry = plan(PLAIN + f"epochs = 1; a: tau_norm(tau = {tau}, bias = dropped)").stages[0].posthoc
    images = data.test.images
    cell = POSTHOC["tau_norm"](entry, network, data.counts)
    actual = cell(Normalise(data.mean, data.std)(Tensor(images))).asnumpy()
    expected = corrected("tau_norm", tau, weights(network), data, images, biased=False)
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5)
    kept = corrected("tau_norm", tau, weights(network), data, images)
    assert (expected.argmax(1) != kept.argmax(1)).any()


@pytest.mark.parametrize("name", ["tau_norm", "posthoc_logit_adjustment"])
def test_a_correction_acts_wherever_the_network_is_judged(data, tmp_path, name):
    """In every epoch: errors with and without it cannot be compared, and the lowest of them chooses the best."""
    tau = 6.0
    run = plan(
        PLAIN
        + "epochs = 4; batch_size = 16; optimizer = sgd(lr = 0.003); "
        + f"a: ce; b: {name}(tau = {tau}) @ epoch 2"
    )
    made = trainer(run, data, tmp_path / "run", long_network())
    figures = made()
    images, labels = data.test.images, data.test.labels

    def errors(values):
        return [
            100 * float(np.mean(corrected(kind, tau, values, data, images).argmax(1) != labels))
            for kind in ("", name)
        ]

    both = [errors(values) for values in made.reporter.ends]
    assert all(plain != other for plain, other in both)  # or nothing could be told apart
    expected = [other for _, other in both]
    measured = [record.top1_error for record in made.reporter.records]
    assert measured == pytest.approx(expected)
    assert figures["last"]["top1_error"] == pytest.approx(expected[-1])
    # weights know nothing of it
    plain = plan(
        PLAIN + "epochs = 4; batch_size = 16; optimizer = sgd(lr = 0.003); a: ce; b: ce @ epoch 2"
    )
    other = trainer(plain, data, tmp_path / "plain", long_network())
    other()
    assert_same(made.reporter.ends[3], other.reporter.ends[3])


# ── time ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("clock", ["run", "stage"])
def test_the_progressive_order_moves_from_frequent_to_balanced(data, clock):
    """Epochs 2, 3 and 4 of five; by the stage's clock they are its first to third of three."""
    counts = np.array(data.counts)
    drawn = np.zeros((3, 4))
    network = linear_network()
    for seed in range(40):
        run = plan(
            PLAIN
            + f"epochs = 5; batch_size = 10; seed = {seed}; "
            + f"a: ce; b: progressive(clock = {clock}) @ epoch 2"
        )
        optimizer = build_optimizer(run.stages[1].optimizer, network.trainable_params(), [0.1])
        source = build_stage(run, run.stages[1], data, network, optimizer).source
        for row, epoch in enumerate((2, 3, 4)):
            drawn[row] += np.bincount(source.labels(epoch).ravel(), minlength=4)
    passed = {"run": [3 / 5, 4 / 5, 1], "stage": [1 / 3, 2 / 3, 1]}[clock]
    for row, t in zip(drawn, passed, strict=True):
        share = (1 - t) * counts / counts.sum() + t / 4
        spread = np.sqrt(row.sum() * share * (1 - share))
        assert np.all(np.abs(row - row.sum() * share) < 4 * spread)
    assert np.all(np.diff(drawn[:, 0]) < 0)
    assert np.all(np.diff(drawn[:, 3]) > 0)


# ── checkpoints ──────────────────────────────────────────────────────────────────────────────────


def test_factors_are_handed_on_and_kept(data, tmp_path):
    run = plan(
        PLAIN
        + "epochs = 5; batch_size = 16; validation = 0.1; a: ce; "
        + "b: lws + class_balanced @ epoch 1 { optimizer = sgd(lr = 0.5) }; "
        + "c: ce @ epoch 4 { optimizer = sgd(lr = 0.01); handoff = best }"
    )
    network = conv_network()
    use_factors(network, 4)
    made = trainer(run, data, tmp_path / "run", network)
    figures = made()
    watcher = made.reporter
    errors = [record.top1_error for record in watcher.records]
    best = 1 + int(np.argmin(errors[1:4]))
    assert_same(watcher.starts["c"], watcher.ends[best])
    factors = watcher.ends[4]["classifier.factors"]
    assert np.all(factors != 1)
    np.testing.assert_array_equal(factors, watcher.ends[best]["classifier.factors"])
    fresh = conv_network(7)
    use_factors(fresh, 4)
    checkpoints.apply(
        checkpoints.load(tmp_path / "run" / "checkpoints" / "last.ckpt"),
        fresh,
        tmp_path / "run" / "checkpoints" / "last.ckpt",
    )
    assert_same(weights(fresh), watcher.ends[4])
    scores = Evaluator(EvalStep(fresh, Normalise(data.mean, data.std)), 4)(data.test)
    assert scores.confusion.report() == figures["last"]["confusion"]


def saved(path, network):
    checkpoints.save(path, network.get_parameters(), epoch=1)
    return weights(network)


def whole(data, folder, text):
    """A trainer with the model that the plan names, from a folder with checkpoints."""
    run = plan(PLAIN + f"epochs = 1; batch_size = 16; {text}")
    place = RunDirectory(Path(mkdtemp(dir=folder)) / "run")
    return Trainer(run, data, place, Watcher(run), root=folder)


def resnet(data, seed=3, factors=False):
    network = build_network("resnet8", {}, 4, 2, seed)
    if factors:
        use_factors(network, 4)
        network.classifier.factors.set_data(Tensor(np.float32([2, 3, 4, 5])))
    return network


DIVE = 'a: dive(teacher = "t.ckpt")'


@pytest.mark.parametrize("text", [DIVE, 'init = "t.ckpt"; a: ce'])
def test_a_checkpoint_that_cannot_be_used(data, tmp_path, text):
    with pytest.raises(RunError, match=r"no checkpoint .*t\.ckpt") as caught:
        whole(data, tmp_path, text)
    assert caught.value.code == "LT411"
    (tmp_path / "t.ckpt").write_bytes(b"not a checkpoint")
    with pytest.raises(RunError) as caught:
        whole(data, tmp_path, text)
    assert caught.value.code == "LT411"
    saved(tmp_path / "t.ckpt", conv_network())
    with pytest.raises(RunError, match="another model") as caught:
        whole(data, tmp_path, text)
    assert caught.value.code == "LT412"


def test_a_teacher_is_what_its_checkpoint_says(data, tmp_path):
    expected = saved(tmp_path / "t.ckpt", resnet(data))
    made = whole(data, tmp_path, DIVE)
    (teacher,) = made.teachers.values()
    assert_same({name.removeprefix("frozen."): v for name, v in weights(teacher).items()}, expected)


@pytest.mark.parametrize("student", ["a: ", 'init = "i.ckpt"; a: lws + '])
def test_a_teacher_keeps_its_factors(data, tmp_path, student):
    """Without them its logits would be those of a model that nobody trained."""
    saved(tmp_path / "t.ckpt", resnet(data, factors=True))
    saved(tmp_path / "i.ckpt", resnet(data, seed=5))
    made = whole(data, tmp_path, student + 'dive(teacher = "t.ckpt")')
    (teacher,) = made.teachers.values()
    images = ops.ones((2, 2, 16, 16))
    original = resnet(data, factors=True)
    original.set_train(False)
    np.testing.assert_array_equal(teacher(images).asnumpy(), original(images).asnumpy())


def test_factors_start_from_one_where_the_first_weights_have_none(data, tmp_path):
    expected = saved(tmp_path / "i.ckpt", resnet(data))
    made = whole(data, tmp_path, 'init = "i.ckpt"; a: lws')
    actual = weights(made.network)
    assert actual.pop("classifier.factors").tolist() == [1, 1, 1, 1]
    assert_same(actual, expected)


@pytest.mark.parametrize("tricks", ["ce", "lws"])
def test_factors_of_the_first_weights_are_kept(data, tmp_path, tricks):
    expected = saved(tmp_path / "i.ckpt", resnet(data, factors=True))
    made = whole(data, tmp_path, f'init = "i.ckpt"; a: {tricks}')
    assert_same(weights(made.network), expected)


def test_norms_of_a_classifier_with_factors_are_not_corrected(data, tmp_path):
    saved(tmp_path / "i.ckpt", resnet(data, factors=True))
    with pytest.raises(RunError, match="tau_norm") as caught:
        whole(data, tmp_path, 'init = "i.ckpt"; a: tau_norm')
    assert caught.value.code == "LT412"


@pytest.mark.parametrize("scale", [None, 30.0])
def test_factors_leave_all_other_names_as_they_are(scale):
    """Checkpoints of a run with and one without them share their names."""
    network = build_network("resnet8", {}, 4, 2, cosine_scale=scale)
    before = [parameter.name for parameter in network.get_parameters()]
    use_factors(network, 4)
    after = [parameter.name for parameter in network.get_parameters()]
    assert sorted(after) == sorted([*before, "classifier.factors"])
    use_factors(network, 4)
    assert [parameter.name for parameter in network.get_parameters()] == after


def test_a_run_writes_factors_with_the_other_weights(data, tmp_path):
    made = run_of("lws", data, tmp_path / "run")
    kept = read_checkpoint(tmp_path / "run" / "checkpoints" / "last.ckpt")
    for name, value in weights(made.network).items():
        np.testing.assert_array_equal(kept[name], value, err_msg=name)


def test_running_statistics_are_the_reference_s_way(data, tmp_path):
    """Batch norms see the stage's images; no weight before the classifier changes all the same."""
    watcher = run_of("crt(statistics = running)", data, tmp_path / "run").reporter
    moved = changed(watcher.starts["two"], watcher.ends[2])
    assert {name for name in moved if "moving" in name}
    weights_moved = {name for name in moved if "moving" not in name}
    assert weights_moved == {"classifier.weight", "classifier.bias"}
