"""Optimizers against formulas in float64, parameter by parameter."""

from __future__ import annotations

import mindspore as ms
import numpy as np
import pytest
from ltdsl_runtime.training.stages import rates_of_steps
from ltdsl_runtime.tricks import optimizers
from ltdsl_runtime.tricks.optimizers import build_optimizer
from mindspore import Parameter, Tensor, nn
from support import training_formulas as formulas
from support.training import PLAIN, plan

from ltdsl import catalogue

#: The rate changes twice within them.
RATES = [0.1] * 3 + [0.01] * 3 + [0.05] * 2

#: MindSpore leaves weight decay out where a name ends in gamma or beta, unless it is told otherwise.
SHAPES = {"conv.weight": (3, 2, 3, 3), "bn.gamma": (3,), "bn.beta": (3,), "fc.bias": (4,)}


class Apply(nn.Cell):
    """An optimizer fed with given gradients."""

    def __init__(self, optimizer):
        super().__init__(auto_prefix=False)
        self.optimizer = optimizer

    def construct(self, *gradients):
        return self.optimizer(gradients)


def follow(entry, reference, rates=RATES):
    """Largest deviation from the formula, relative to the distance gone, over all steps."""
    rng = np.random.default_rng(1)
    start = [rng.normal(1, 1, shape) for shape in SHAPES.values()]
    parameters = [
        Parameter(Tensor(value, ms.float32), name=name)
        for name, value in zip(SHAPES, start, strict=True)
    ]
    apply = Apply(build_optimizer(entry, parameters, rates))
    expected = [np.float64(p.asnumpy()) for p in parameters]
    for rate in rates:
        gradients = [np.float32(rng.normal(size=shape)) for shape in SHAPES.values()]
        apply(*map(Tensor, gradients))
        expected = reference.step(expected, [np.float64(g) for g in gradients], rate)
        for parameter, value in zip(parameters, expected, strict=True):
            np.testing.assert_allclose(
                parameter.asnumpy(), value, rtol=2e-6, atol=2e-6, err_msg=parameter.name
            )


@pytest.mark.parametrize("native", [False, True])
@pytest.mark.parametrize("weight_decay", [0.0, 0.02])
@pytest.mark.parametrize(("momentum", "nesterov"), [(0.9, True), (0.9, False), (0.0, False)])
def test_sgd(monkeypatch, momentum, nesterov, weight_decay, native):
    monkeypatch.setattr(optimizers, "native", lambda: native)
    arguments = {"momentum": momentum, "nesterov": nesterov, "weight_decay": weight_decay}
    follow(catalogue.SGD(**arguments), formulas.SGD(**arguments))


@pytest.mark.parametrize("weight_decay", [0.0, 0.02])
def test_adam(weight_decay):
    arguments = {"beta1": 0.8, "beta2": 0.95, "weight_decay": weight_decay}
    follow(catalogue.Adam(**arguments), formulas.Adam(**arguments))


@pytest.mark.parametrize("weight_decay", [0.0, 0.02, 0.7])
def test_adamw(weight_decay):
    arguments = {"beta1": 0.8, "beta2": 0.95, "weight_decay": weight_decay}
    follow(catalogue.AdamW(**arguments), formulas.AdamW(**arguments))


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW"])
def test_the_body_at_a_rate_of_its_own(name):
    """Each group by the formula alone: decay acts on all of both, with the group's own rate where it is decoupled."""
    rates = {"head": RATES, "body": [rate * (0.1 + step) for step, rate in enumerate(RATES)]}
    rng = np.random.default_rng(3)
    start = {key: np.float32(rng.normal(1, 1, shape)) for key, shape in SHAPES.items()}
    parameters = [Parameter(Tensor(value), name=key) for key, value in start.items()]
    optimizer = build_optimizer(
        getattr(catalogue, name)(weight_decay=0.3),
        parameters,
        optimizers.Rates(rates["head"], rates["body"]),
        ["fc.bias"],
    )
    apply, order = Apply(optimizer), [p.name for p in optimizer.parameters]
    groups = {"head": ["fc.bias"], "body": [key for key in SHAPES if key != "fc.bias"]}
    references = {group: getattr(formulas, name)(weight_decay=0.3) for group in groups}
    expected = {key: np.float64(value) for key, value in start.items()}
    for step in range(len(RATES)):
        gradients = {key: np.float32(rng.normal(size=shape)) for key, shape in SHAPES.items()}
        apply(*(Tensor(gradients[key]) for key in order))
        for group, keys in groups.items():
            values, slopes = [expected[k] for k in keys], [np.float64(gradients[k]) for k in keys]
            found = references[group].step(values, slopes, rates[group][step])
            expected.update(zip(keys, found, strict=True))
        for parameter in parameters:
            np.testing.assert_allclose(
                parameter.asnumpy(), expected[parameter.name], rtol=5e-6, atol=5e-6
            )


def test_a_single_step():
    """A list of one rate must not be taken for anything else."""
    follow(catalogue.SGD(), formulas.SGD(), rates=[0.3])


def test_every_step_has_its_epochs_rate():
    """Also where a running optimizer goes on into a stage with other steps an epoch."""
    run = plan(
        "epochs = 12; optimizer = sgd(lr = 0.4); "
        "schedule = multistep(milestones = [4, 8], gamma = 0.1, warmup = 2); "
        "a: ce; b: cs_ce @ epoch 6 { batch_size = 7 }; "
        "c: ce @ epoch 10 { optimizer = sgd(lr = 0.002) }"
    )
    counts = (40, 17)
    expected = [run.stages[0].rate(e) for e in range(6) for _ in range(57 // 32)]
    expected += [run.stages[1].rate(e) for e in range(6, 10) for _ in range(57 // 7)]
    assert rates_of_steps(run, 0, counts).all == expected
    assert expected[0] == pytest.approx(0.4 / 3)
    assert expected[-1] == pytest.approx(0.004)
    assert rates_of_steps(run, 2, counts).all == [0.002] * 2 * (57 // 32)


def test_the_plan_of_one_constant_rate():
    run = plan(PLAIN + "epochs = 1; optimizer = adam; a: ce")
    assert rates_of_steps(run, 0, (64,)).all == [0.001, 0.001]


@pytest.mark.parametrize(("momentum", "nesterov"), [(0.9, True), (0.0, False)])
def test_native_sgd_keeps_the_state_of_mindspores(monkeypatch, momentum, nesterov):
    """So that a run can go on with either."""
    entry = catalogue.SGD(momentum=momentum, nesterov=nesterov, weight_decay=0.02)
    states = []
    for wanted in (False, True):
        monkeypatch.setattr(optimizers, "native", lambda wanted=wanted: wanted)
        rng = np.random.default_rng(2)
        parameters = [
            Parameter(Tensor(rng.normal(size=shape), ms.float32), name=name)
            for name, shape in SHAPES.items()
        ]
        optimizer = build_optimizer(entry, parameters, RATES)
        assert (type(optimizer) is nn.SGD) != wanted
        apply = Apply(optimizer)
        for _ in RATES[:4]:
            apply(*[Tensor(rng.normal(size=shape), ms.float32) for shape in SHAPES.values()])
        kept = [*optimizer.get_parameters()]
        states.append({each.name: each.asnumpy() for each in [*parameters, *kept]})
    plain, native = states
    assert plain.keys() == native.keys()
    for name, value in plain.items():
        np.testing.assert_allclose(native[name], value, rtol=1e-5, atol=1e-6, err_msg=name)
