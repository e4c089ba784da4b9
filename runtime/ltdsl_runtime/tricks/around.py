"""What surrounds the update of a step: the climb to where the loss is higher, and limits on the weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import mindspore as ms
from mindspore import Parameter, ParameterTuple, Tensor, nn, ops

from ltdsl_runtime.parallel.collectives import AllGradients

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ltdsl_runtime.models import Network

#: Added to a gradient's length, as in the authors' code.
EPSILON = 1e-12


def _copy(kept: Parameter, parameter: Parameter) -> Tensor:
    return ops.assign(kept, parameter)


def _put_back(after: tuple[Tensor, ...], parameter: Parameter, kept: Parameter) -> Tensor:
    return ops.assign(parameter, ops.depend(kept, after))


def _move(factor: Tensor, parameter: Parameter, gradient: Tensor) -> Tensor:
    return ops.assign_add(parameter, factor * gradient)


def _kept(parameters: Sequence[Parameter]) -> ParameterTuple:
    """Room for the values of parameters, which neither trains nor is saved."""
    return ParameterTuple(
        [
            Parameter(ops.zeros_like(p), name=f"kept.{p.name}", requires_grad=False)
            for p in parameters
        ]
    )


class Climb(nn.Cell):
    """Moves weights by rho along the gradient, and back (Foret et al., 2021).

    What is kept is put back as it was, bit for bit: the weights, and the statistics that batch norms move in the pass
    between.

    Args:
        network: Its batch norms.
        parameters: The weights that are trained.
        rho: How far, above 0.
        own: Which of the gradients are of own classes, where several workers split them.
    """

    def __init__(
        self,
        network: Network,
        parameters: Sequence[Parameter],
        rho: float,
        own: Sequence[bool] = (),
    ) -> None:
        super().__init__(auto_prefix=False)
        self.rho = rho
        self.weights = ParameterTuple(parameters)
        self.kept_weights = _kept(parameters)
        moved = [
            p for p in network.get_parameters() if p.name.rpartition(".")[2].startswith("moving_")
        ]
        self.has_statistics = bool(moved)
        if moved:
            self.statistics, self.kept_statistics = ParameterTuple(moved), _kept(moved)
        self.length = AllGradients(own) if any(own) else Length()
        self.each = ops.HyperMap()

    def construct(self, gradients: tuple[Tensor, ...]) -> Tensor:
        """Up along gradients of any common scale; gives their length."""
        length = self.length.length(gradients)
        self.each(_copy, self.kept_weights, self.weights)
        if self.has_statistics:
            self.each(_copy, self.kept_statistics, self.statistics)
        factor = self.rho / (length + EPSILON)
        self.each(ops.partial(_move, factor), self.weights, gradients)
        return length

    def back(self, gradients: tuple[Tensor, ...]) -> None:
        """Down again, after the second pass, which has gradients.

        Not before all of them are there: the weights are read on the way to them, and to MindSpore an order of what is
        written is no order of what is read.
        """
        self.each(ops.partial(_put_back, gradients), self.weights, self.kept_weights)
        if self.has_statistics:
            self.each(ops.partial(_put_back, gradients), self.statistics, self.kept_statistics)


def _squares(gradient: Tensor) -> Tensor:
    return ops.square(gradient).sum()


class Length(nn.Cell):
    """Of gradients that are alike on all workers."""

    def __init__(self) -> None:
        super().__init__(auto_prefix=False)
        self.each = ops.HyperMap()

    def length(self, gradients: tuple[Tensor, ...]) -> Tensor:
        """Their Euclidean length as one vector, a float32 scalar."""
        return ops.sqrt(ops.stack(self.each(_squares, gradients)).sum())


class MaxNorm(nn.Cell):
    """Shortens class weights that are longer than a limit to it (Alshammari et al., 2022).

    Args:
        weight: Class weights, [C, K].
        threshold: The limit, above 0.
    """

    def __init__(self, weight: Parameter, threshold: float) -> None:
        super().__init__(auto_prefix=False)
        self.weight = weight
        self.threshold = Tensor(threshold, ms.float32)

    def construct(self) -> Tensor:
        """Changes the weights, and gives their new values."""
        length = ops.sqrt((self.weight * self.weight).sum(-1, keepdims=True))
        factor = self.threshold / ops.maximum(length, self.threshold)
        return ops.assign(self.weight, self.weight * factor)
