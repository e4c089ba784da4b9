"""Steps with gradients of our own, and with the native kernels, against the same steps without."""

from __future__ import annotations

from collections.abc import Callable
from unittest import mock

from ltdsl_runtime import models
from ltdsl_runtime.graph.evaluation import EvalStep
from ltdsl_runtime.graph.normalise import Normalise
from ltdsl_runtime.models import resnet
from ltdsl_runtime.training.evaluate import Evaluator
from mindspore import Tensor, nn

from benchmarks.common import Row, cifar_like, compare, first_stage, take_turns


def measure(quick: bool = False) -> list[Row]:
    data, rounds = cifar_like(), 4 if quick else 12

    def step() -> Callable[[], object]:
        stage = first_stage("dataset = cifar10_lt; augment = []; stage1: ce", data)
        batch = [Tensor(column) for column in stage.source[0]]
        return lambda: stage.step(*batch).asnumpy()

    def evaluation() -> Callable[[], object]:
        network = models.build_network("resnet32", {}, 10, 3)
        evaluate = Evaluator(EvalStep(network, Normalise(data.mean, data.std)), 10)
        return lambda: evaluate(data.test)

    def native(build: Callable, kernels: bool) -> Callable[[], object]:
        with mock.patch.object(models, "native", return_value=kernels):  # whatever --device says
            return build()

    rows = []
    ours = native(step, False)
    with mock.patch.object(resnet, "Convolution", plain):
        times = take_turns(ours, native(step, False), rounds)
    rows.append(compare("floor: step, own gradients", "nn.Conv2d", times))
    for what, build in (("step", step), ("evaluation", evaluation)):
        times = take_turns(native(build, True), native(build, False), rounds)
        rows.append(compare(f"floor: {what}, native kernels", "without", times))
    return rows


def plain(inputs: int, outputs: int, kernel: int) -> nn.Conv2d:
    """The cell that the runtime's derives from."""
    return nn.Conv2d(inputs, outputs, kernel, pad_mode="pad", padding=kernel // 2, has_bias=False)
