"""Optimizers: MindSpore's own, or what computes the same by native kernels.

The learning rate of every step is laid down in advance.

The rate is looked up by the optimizer's own step counter, which is part of its state: no callback sets it, and a
continued run cannot miss a change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mindspore import nn

from ltdsl import catalogue
from ltdsl_runtime.machine.device import native

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, TypeAlias

    from mindspore import Parameter

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


OPTIMIZERS: dict[str, Callable[..., nn.Optimizer]] = {"sgd": _sgd, "adam": _adam}


def build_optimizer(
    entry: catalogue.Optimizer, parameters: Sequence[Parameter], rates: Sequence[float]
) -> nn.Optimizer:
    """An optimizer in its initial state.

    Args:
        entry: Its declaration and arguments.
        parameters: What it updates.
        rates: The learning rate of each step that it will make.
    """
    # as a group, weight decay acts on every parameter; otherwise MindSpore leaves out batch norms
    group = [{"params": list(parameters), "weight_decay": entry.weight_decay}]
    return OPTIMIZERS[entry.name](entry, group, list(rates))
