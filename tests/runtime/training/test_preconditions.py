"""What a later stage needs is asked before the first is trained."""

from __future__ import annotations

import pytest
from ltdsl_runtime.errors import RunError
from ltdsl_runtime.models.initial import initialise
from ltdsl_runtime.models.network import Network
from ltdsl_runtime.training import preconditions
from mindspore import nn
from support.training import PLAIN, conv_network, plan, trainer

RECIPE = f"{PLAIN}\nepochs = 2; batch_size = 16\none: ce\ntwo: cam_bs @ epoch 1"


def refused(made) -> str:
    with pytest.raises(RunError) as caught:
        made()
    assert made.reporter.records == []
    assert not list(made.run.checkpoints.iterdir())
    return f"{caught.value.code}: {caught.value.message}"


class _Hidden(nn.Cell):
    """A pool with a hidden layer behind it, as MobileNetV3 has one."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Dense(5, 7)

    def construct(self, maps):
        return self.hidden(maps.mean((2, 3)))


def test_a_model_that_a_later_sampler_cannot_use(data, tmp_path):
    stem = conv_network().body.stem
    network = Network({"stem": stem}, _Hidden(), nn.Dense(7, 4))
    initialise(network, 0)
    assert refused(trainer(plan(RECIPE), data, tmp_path / "run", network)).startswith("LT431")


def test_a_later_stage_without_a_batch(data, tmp_path):
    made = trainer(plan(RECIPE), data, tmp_path / "run", conv_network())
    large = made.plan.stages[1].model_copy(update={"batch_size": 10_000})
    made.plan = made.plan.model_copy(update={"stages": (made.plan.stages[0], large)})
    assert refused(made).startswith("LT404: an epoch of stage `two`")


def test_no_room_for_checkpoints(data, tmp_path, monkeypatch):
    made = trainer(plan(RECIPE), data, tmp_path / "run", conv_network())
    weights = sum(parameter.asnumpy().nbytes for parameter in made.network.get_parameters())
    usage = preconditions.shutil.disk_usage(tmp_path)
    # last, previous and the start of `two`, and one beside the one that it replaces
    for free, fits in ((4 * weights - 1, False), (4 * weights, True)):
        monkeypatch.setattr(
            preconditions.shutil, "disk_usage", lambda _, free=free: usage._replace(free=free)
        )
        if not fits:
            assert refused(made).startswith("LT424")
        else:
            preconditions.must_be_possible(made.plan, data, made.network, made.run)
