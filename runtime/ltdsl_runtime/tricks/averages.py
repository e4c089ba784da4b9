"""Weights that follow those that are trained."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import mindspore as ms
from mindspore import Parameter, ParameterTuple, Tensor, nn, ops

from ltdsl_runtime.weights.averages import PREFIX, STEPS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ltdsl_runtime.models import Network


def _approach(share: Tensor, average: Parameter, weight: Parameter) -> Tensor:
    # not decay · a + (1 − decay) · w: what is equal stays as it is, bit for bit
    return ops.assign_add(average, share * (weight - average))


class Average(nn.Cell):
    """An exponential average of all that a network has, moving statistics included.

    Args:
        network: As it is when the average begins.
        decay: Share of the average kept in a step, below 1; less in the first steps.
    """

    def __init__(self, network: Network, decay: float) -> None:
        super().__init__(auto_prefix=False)
        weights = list(network.get_parameters())
        self.weights = ParameterTuple(weights)
        self.averages = ParameterTuple(
            [
                Parameter(Tensor(p.asnumpy().copy()), name=f"{PREFIX}{p.name}", requires_grad=False)
                for p in weights
            ]
        )
        self.steps = Parameter(Tensor(0.0, ms.float32), name=STEPS, requires_grad=False)
        self.decay = Tensor(decay, ms.float32)
        self.each = ops.HyperMap()

    def construct(self) -> Tensor:
        """Follows the weights by a step; gives how many steps it has followed."""
        steps = ops.assign_add(self.steps, Tensor(1.0, ms.float32))
        share = 1 - ops.minimum(self.decay, (1 + steps) / (10 + steps))
        self.each(ops.partial(_approach, share), self.averages, self.weights)
        return steps

    def begin(self) -> None:
        """Forget what it has followed, and start at the weights as they are."""
        for average, weight in zip(self.averages, self.weights, strict=True):
            ops.assign(average, weight)
        ops.assign(self.steps, Tensor(0.0, ms.float32))

    def go_on_from(self, other: Average) -> None:
        """Take up what another average of the same network has come to."""
        for mine, its in zip(self.averages, other.averages, strict=True):
            ops.assign(mine, its)
        ops.assign(self.steps, other.steps)

    @property
    def statistics(self) -> list[Parameter]:
        """The averages of what batch norms move."""
        return [p for p in self.averages if p.name.rpartition(".")[2].startswith("moving_")]

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """Have the averages in the network, and the trained weights where the averages are."""
        self._exchange()
        try:
            yield
        finally:
            self._exchange()

    def _exchange(self) -> None:
        for weight, average in zip(self.weights, self.averages, strict=True):
            trained = Tensor(weight.asnumpy().copy())
            # set_data would make both share one memory
            ops.assign(weight, average)
            ops.assign(average, trained)
