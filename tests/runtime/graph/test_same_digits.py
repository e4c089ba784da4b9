"""A step from one state comes to the same digits, however often its graph has run: or no run could go on exactly.

MindSpore tries out in a graph's first steps how many threads an operator is worth, and runs its first step otherwise
than those that follow. So the shapes here divide into no threads' shares evenly.
"""

from __future__ import annotations

import pytest
from ltdsl_runtime.training.stages import begin_stage, build_stage, optimizer_of
from mindspore import Tensor
from support.training import PLAIN, conv_network, plan, trainer

from ltdsl.catalogue import LOSSES

STEPS = 20
FIRST = PLAIN + "batch_size = 13; validation = 0.1; epochs = 4; one: "

#: Losses that have a setting without a default, or one that adds operators.
WRITTEN = {"seql": "seql(lambda = 0.05)", "gcl": "gcl(focus = 1.5)"}

STAGES = {
    **{name: WRITTEN.get(name, name) for name in LOSSES},
    "sam": "ce { sharpness = sam }",
    "an average": "ce { average = ema(decay = 0.9) }",
    "a limit": "ce { constraint = max_norm(threshold = 0.5) }",
    "adam": "ce { optimizer = adam(lr = 0.01) }",
    "adamw": "ce { optimizer = adamw(lr = 0.01) }",
    "manifold_mixup": "manifold_mixup + focal",
    "remix": "remix + influence_balanced",
}


@pytest.mark.parametrize("name", STAGES)
def test_steps_from_one_state_are_the_same(name, data):
    made, network = plan(FIRST + STAGES[name]), conv_network()
    (stage,) = made.stages
    optimizer = optimizer_of(made, 0, data, network, begin_stage(made, stage, network))
    begun = build_stage(made, stage, data, network, optimizer)
    begun.step.set_train(True)
    row = [Tensor(column) for column in begun.source[0]]
    cells = (network, begun.step.update, *filter(None, (begun.step.average,)))
    parameters = {p.name: p for cell in cells for p in cell.get_parameters()}
    start = {name: p.asnumpy().copy() for name, p in parameters.items()}

    def step() -> dict[str, bytes]:
        for key, parameter in parameters.items():
            parameter.set_data(Tensor(start[key]))
        loss = begun.step(*row)
        after = {key: parameter.asnumpy().tobytes() for key, parameter in parameters.items()}
        return after | {"loss": loss.asnumpy().tobytes()}

    first = step()
    for _ in range(STEPS):
        assert step() == first


@pytest.mark.parametrize("tau", [0.3, 0.5, 1.3, 3])
def test_so_are_evaluations(tau, data, tmp_path):
    recipe = plan(FIRST + f"ce + tau_norm(tau = {tau})")
    made = trainer(recipe, data, tmp_path, conv_network())
    confidences = {made.evaluate(data.test).observed.confidence.tobytes() for _ in range(STEPS)}
    assert len(confidences) == 1
