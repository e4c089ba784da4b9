"""A step whose convolutions have gradients of their own against the same step with nn.Conv2d."""

from __future__ import annotations

from collections.abc import Callable
from unittest import mock

from mindspore import Tensor, nn

from benchmarks.common import Row, cifar_like, compare, first_stage, take_turns
from runtime.models import resnet


def measure(quick: bool = False) -> list[Row]:
    data = cifar_like()

    def step() -> Callable[[], object]:
        stage = first_stage("dataset = cifar10_lt; augment = []; stage1: ce", data)
        batch = [Tensor(column) for column in stage.source[0]]
        return lambda: stage.step(*batch).asnumpy()

    ours = step()
    with mock.patch.object(resnet, "Convolution", plain):
        other = step()
    times = take_turns(ours, other, rounds=4 if quick else 12)
    return [compare("floor: step, own gradients", "nn.Conv2d", times)]


def plain(inputs: int, outputs: int, kernel: int) -> nn.Conv2d:
    """The cell that the runtime's derives from."""
    return nn.Conv2d(inputs, outputs, kernel, pad_mode="pad", padding=kernel // 2, has_bias=False)
