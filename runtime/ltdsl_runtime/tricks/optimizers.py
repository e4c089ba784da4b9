"""Optimizers: MindSpore's own where it has them, or what computes the same by native kernels.

The learning rate of every step is laid down in advance.

The rate is looked up by the optimizer's own step counter, which is part of its state: no callback sets it, and a
continued run cannot miss a change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from mindspore import Tensor, nn

from ltdsl import catalogue
from ltdsl_runtime.machine.device import native
from ltdsl_runtime.tricks.adamw import AdamW

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from typing import Any, TypeAlias

    from mindspore import Parameter
    from numpy.typing import NDArray

    Groups: TypeAlias = list[dict[str, Any]]


def _sgd(entry: catalogue.SGD, parameters: Groups, rates: list[float]) -> nn.Optimizer:
    # not nn.Momentum: on a CPU its kernel ignores `use_nesterov` and says nothing (MindSpore 2.10)
    nesterov = entry.nesterov and entry.momentum > 0  # without momentum, both are the same
    if native() and len(parameters) == 1:  # one rate and one decay for all
        from ltdsl_runtime.tricks.native_sgd import NativeSGD

        return NativeSGD(parameters, rates, entry.momentum, nesterov)
    return nn.SGD(parameters, rates, entry.momentum, nesterov=nesterov)


def _adam(entry: catalogue.Adam, parameters: Groups, rates: list[float]) -> nn.Optimizer:
    return nn.Adam(parameters, rates, entry.beta1, entry.beta2)


def _adamw(entry: catalogue.AdamW, parameters: Groups, rates: list[float]) -> nn.Optimizer:
    undecayed = [{**group, "weight_decay": 0.0} for group in parameters]  # through the gradient
    return AdamW(undecayed, rates, entry.beta1, entry.beta2, entry.weight_decay)


#: What MindSpore's optimizers call what they keep of their rates.
RATE = "learning_rate"

OPTIMIZERS: dict[str, Callable[..., nn.Optimizer]] = {
    "sgd": _sgd,
    "adam": _adam,
    "adamw": _adamw,
}


class Rates(NamedTuple):
    """The learning rate of each step that an optimizer will make.

    Attributes:
        all: Of what has none of its own.
        body: Of all before the classifier; None where that has none of its own.
    """

    all: Sequence[float]
    body: Sequence[float] | None = None

    def saved(self) -> dict[str, Sequence[float]]:
        """What an optimizer may save of them, by name."""
        if self.body is None:
            return {RATE: self.all}
        return {RATE: self.all, f"{RATE}_group_0": self.all, f"{RATE}_group_1": self.body}


def build_optimizer(
    entry: catalogue.Optimizer,
    parameters: Sequence[Parameter],
    rates: Rates | Sequence[float],
    head: Collection[str] = (),
) -> nn.Optimizer:
    """An optimizer in its initial state.

    Args:
        entry: Its declaration and arguments.
        parameters: What it updates.
        rates: The learning rate of each step that it will make.
        head: Names of the classifier's parameters, where those before it have rates of their own.
    """
    rates = rates if isinstance(rates, Rates) else Rates(rates)
    # as a group, weight decay acts on every parameter; otherwise MindSpore leaves out batch norms
    decay = {"weight_decay": entry.weight_decay}
    groups: Groups = [{"params": list(parameters), **decay}]
    body = [p for p in parameters if p.name not in head]
    if rates.body is not None and body:
        ours = [p for p in parameters if p.name in head]
        groups = [
            {"params": ours, "lr": list(rates.all), **decay},
            {"params": body, "lr": list(rates.body), **decay},
        ]
    return OPTIMIZERS[entry.name](entry, groups, list(rates.all))


def go_on(state: Mapping[str, NDArray[Any] | str], optimizer: nn.Optimizer) -> None:
    """Let an optimizer go on with the state of one that has updated more of the weights, or fewer.

    What it begins to update is as at its first step.

    Args:
        state: What the other one keeps, by name.
        optimizer: In its initial state.
    """
    weights = {p.name for p in optimizer.parameters}
    for parameter in optimizer.get_parameters():
        value = state.get(parameter.name)
        own = parameter.name not in weights and not parameter.name.startswith(RATE)
        if own and isinstance(value, np.ndarray):
            parameter.set_data(Tensor(value))
