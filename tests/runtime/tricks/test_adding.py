"""A trick that is declared and implemented elsewhere trains like any other."""

from __future__ import annotations

import json

import numpy as np
import pytest
from composition import test_table
from ltdsl_runtime.models import freeze
from ltdsl_runtime.training.stages import begin_stage, build_stage
from ltdsl_runtime.tricks.distillation import Distillation
from ltdsl_runtime.tricks.losses import OffsetCrossEntropy, Reduction
from ltdsl_runtime.tricks.losses.objectives import Objective
from ltdsl_runtime.tricks.mixers import InputMixup
from ltdsl_runtime.tricks.optimizers import build_optimizer
from ltdsl_runtime.tricks.posthoc import LogitAdjustment
from ltdsl_runtime.tricks.registry import TABLES, implement
from mindspore import Tensor, ops
from support.added_tricks import ADDED, Echo, FromNothing, Halves, InverseRoot, PriorShift, added
from support.training import PLAIN, conv_network, hand_made, linear_network, plan, trainer, weights
from typer.testing import CliRunner

from ltdsl import catalogue
from ltdsl.cli import make_app


class Blend(InputMixup):
    """The same share for every batch."""

    def __init__(self, share):
        super().__init__()
        self.kept = share

    def draw(self, rng, batch_size, size):
        del rng, size
        return (np.full(batch_size, self.kept, np.float32),)


def from_nothing(plan, stage, network):
    del plan, stage
    for parameter in network.classifier.get_parameters():
        parameter.set_data(ops.zeros_like(parameter))
    return list(network.classifier.get_parameters())


#: By name; `inverse_root` is all said by its declaration.
BUILDERS = {
    "halves": lambda entry, _: Blend(entry.share),
    "prior_shift": lambda entry, counts: Objective(
        OffsetCrossEntropy(np.asarray(entry.logit_offsets(counts))), Reduction("mean")
    ),
    "from_nothing": from_nothing,
    "echo": lambda entry: Distillation(2.0, entry.alpha, 1.0),
    "count_shift": lambda entry, network, counts: LogitAdjustment(
        network, np.asarray(entry.logit_offsets(counts))
    ),
}


@pytest.fixture(autouse=True)
def _added():
    with added(*ADDED):
        for entry in ADDED:
            if entry.name in BUILDERS:
                implement(entry, BUILDERS[entry.name])
        try:
            yield
        finally:
            for table in TABLES.values():
                for name in BUILDERS:
                    table.pop(name, None)


@pytest.fixture(scope="module")
def data():
    return hand_made()


def steps(data, tricks, count=3):
    """Losses and final weights of a few steps."""
    run = plan(PLAIN + f'init = "i.ckpt"; epochs = 2; batch_size = 8; a: {tricks}')
    (stage,), network = run.stages, conv_network()
    trained = begin_stage(run, stage, network)
    optimizer = build_optimizer(stage.optimizer, trained, [0.1] * 40)
    teacher = freeze(conv_network(9)) if stage.teacher else None
    built = build_stage(run, stage, data, network, optimizer, teacher)
    built.step.set_train(True)
    losses = [float(built.step(*map(Tensor, built.source[i])).asnumpy()) for i in range(count)]
    return losses, weights(network)


def assert_equal(ours, theirs):
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-5)
    for name, value in ours[1].items():
        np.testing.assert_allclose(value, theirs[1][name], rtol=1e-4, atol=1e-6)


def test_a_loss_trains_as_the_one_that_it_equals(data):
    assert_equal(steps(data, "prior_shift(by = 0.5)"), steps(data, "logit_adjustment(tau = 0.5)"))


def test_a_teacher_trains_as_the_one_that_it_equals(data):
    ours = steps(data, 'echo(teacher = "t.ckpt")')
    assert_equal(ours, steps(data, 'dive(teacher = "t.ckpt", alpha = 0.25, temperature = 2.0)'))


def test_a_mixer_mixes(data):
    assert steps(data, "halves")[0] != steps(data, "ce")[0]
    # an image's own share may be almost all of it
    assert_equal(steps(data, "halves(share = 0.999999)"), steps(data, "ce"))


def test_a_classifier_starts_as_it_says(data):
    losses, after = steps(data, "from_nothing")
    assert losses[0] == pytest.approx(np.log(4), rel=1e-6)
    before = weights(conv_network())
    changed = {name for name in after if np.any(after[name] != before[name])}
    assert changed == {"classifier.weight", "classifier.bias"}


def test_a_sampler_needs_its_class_shares_alone(data, tmp_path):
    run = plan(PLAIN + "epochs = 40; batch_size = 10; a: inverse_root")
    stage, network = run.stages[0], linear_network()
    optimizer = build_optimizer(stage.optimizer, network.trainable_params(), [0.1] * 280)
    source = build_stage(run, stage, data, network, optimizer).source
    seen = np.bincount(np.concatenate([source[i][1] for i in range(len(source))]), minlength=4)
    expected = np.array(data.counts) ** -0.5
    expected *= seen.sum() / expected.sum()
    assert ((seen - expected) ** 2 / expected).sum() < 21.11  # 99.99 % of chi-square


def test_a_run_with_all_of_them(data, tmp_path):
    run = plan(
        PLAIN + "epochs = 2; batch_size = 8; a: inverse_root + halves + prior_shift; "
        "b: count_shift + from_nothing @ epoch 1 { optimizer = sgd(lr = 0.01) }"
    )
    figures = trainer(run, data, tmp_path / "run")()
    assert np.isfinite(figures["last"]["top1_error"])


def test_the_command_trains_it(tmp_path):
    (tmp_path / "r.lt").write_text(
        "epochs = 1; schedule = constant; batch_size = 150; a: prior_shift + halves"
    )
    arguments = ["run", str(tmp_path / "r.lt"), "--out", str(tmp_path / "run")]
    done = CliRunner().invoke(make_app(), arguments)
    assert done.exit_code == 0, done.output
    plan = json.loads((tmp_path / "run" / "plan.json").read_text())
    assert plan["stages"][0]["loss"] == {"name": "prior_shift", "arguments": {"by": 1.0}}


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (PriorShift, "the loss `prior_shift` is implemented already"),
        (
            type("Slow", (catalogue.Schedule,), {"name": "slow"}),
            "a schedule is its declaration alone",
        ),
    ],
)
def test_what_cannot_be_implemented(entry, message):
    with pytest.raises(ValueError, match=message):
        implement(entry, None)


def test_a_sampler_that_changes_what_another_draws_gives_a_transformation():
    from ltdsl_runtime.tricks.registry import TRANSFORMS

    class Warped(InverseRoot):
        """It changes images."""

        name = "warped"

        def drawn_by(self):
            return catalogue.ClassBalanced()

    try:
        implement(Warped, lambda *_: None)
        assert "warped" in TRANSFORMS
    finally:
        TRANSFORMS.pop("warped", None)


# ── what a newcomer has to write by hand ─────────────────────────────────────────────────────────


def test_a_new_loss_is_asked_for_its_formula():
    from runtime.tricks import test_losses_formulas

    with pytest.raises(
        AssertionError, match=r"prior_shift.* tests/support/loss_formulas\.py.*python -m pytest"
    ):
        test_losses_formulas.test_every_loss_has_a_formula()
    with pytest.raises(AssertionError, match=r"docs/tricks\.md.*prior_shift.*python -m pytest -s"):
        test_table.test_every_loss_has_its_measured_differences()


def test_a_new_sampler_is_asked_for_its_distribution():
    from runtime.tricks import test_samplers

    with pytest.raises(
        AssertionError, match=r"DISTRIBUTIONS of tests/runtime/tricks/test_samplers\.py.*python"
    ):
        test_samplers.test_every_sampler_has_its_distribution()


@pytest.mark.parametrize("entry", [Halves, FromNothing, Echo], ids=lambda entry: entry.kind)
def test_a_new_trick_is_asked_for_a_test(entry):
    name = "_".join(("nobody", "knows", "it"))  # a test that has it as it stands would be one
    asked = pytest.raises(AssertionError, match=rf"tests/runtime/\w+/test_\w+\.py for `{name}`")
    with added(type("New", (entry,), {"__doc__": "One.", "name": name})), asked:
        test_table.test_every_trick_is_named_by_a_test()
