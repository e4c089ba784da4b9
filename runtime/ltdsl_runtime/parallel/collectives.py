"""What workers say to each other inside of a graph, each with the gradient that it has here.

The loss of a run is the sum of what its workers compute: each adds the terms of its own images, and the gradient of
what a worker gives to others is the sum of what all have for it. On a CPU, MindSpore has no ReduceScatter to derive
these gradients with, so they are written down.

Workers must send in the same order, and MindSpore sends in the order that the graph's operators happen to have. So
all workers need the same graph, up to constants: no operator may depend on the rank, not even by what the compiler
makes of it. It drops the addition of 0, and a sum over an axis of length 1.

On a CPU, MindSpore 2.10 has AllReduce of sums (float32), AllGather (float32, int32) and Broadcast. Nothing here needs
more.
"""

from __future__ import annotations

import math
from itertools import accumulate
from typing import TYPE_CHECKING

import mindspore as ms
from mindspore import Parameter, ParameterTuple, Tensor, nn, ops

from ltdsl_runtime.machine.device import on_cpu
from ltdsl_runtime.machine.native.kernel import Kernel
from ltdsl_runtime.parallel.exchange import SUM, sharing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ltdsl_runtime.parallel.cluster import Workers


class SumOverWorkers(nn.Cell):
    """Σ over workers of each one's share of a number that all of them go on with."""

    def __init__(self) -> None:
        super().__init__()
        self.all_reduce = ops.AllReduce()

    def construct(self, share: Tensor) -> Tensor:
        """Shares, float32 of any shape with an axis -> their sum, the same on all workers."""
        return self.all_reduce(share)

    def bprop(self, share: Tensor, out: Tensor, dout: Tensor) -> tuple[Tensor]:
        """The gradient of a share: the sum of those that all workers have for the sum."""
        return (self.all_reduce(dout),)


class GatherRows(nn.Cell):
    """All workers' rows, in the order of their ranks; every worker has equally many.

    Args:
        rank: This worker's.

    The gradient of a worker's rows is the sum of those that all workers have for them.
    """

    def __init__(self, rank: int) -> None:
        super().__init__()
        self.rank = rank
        self.all_gather = ops.AllGather()
        self.all_reduce = ops.AllReduce()

    def construct(self, rows: Tensor) -> Tensor:
        """[b, …] -> [workers · b, …]."""
        return self.all_gather(rows)

    def bprop(self, rows: Tensor, out: Tensor, dout: Tensor) -> tuple[Tensor]:
        """The gradient of this worker's rows."""
        first = self.rank * rows.shape[0]
        return (self.all_reduce(dout)[first : first + rows.shape[0]],)


class MaxOverWorkers(nn.Cell):
    """The largest of all workers' values, elementwise; carries no gradient."""

    def __init__(self) -> None:
        super().__init__()
        self.all_gather = ops.AllGather()  # of maxima, a CPU has no AllReduce

    def construct(self, values: Tensor) -> Tensor:
        """Float32 [n, …] -> the same shape."""
        gathered = self.all_gather(values)
        return gathered.reshape((-1, *values.shape)).max(0)

    def bprop(self, values: Tensor, out: Tensor, dout: Tensor) -> tuple[Tensor]:
        """No gradient: a maximum that is subtracted cancels."""
        return (ops.zeros_like(values),)


# A loop in graph mode nests a few calls for each of its turns, and no graph goes deeper than a thousand. What is done
# to each of a network's gradients is mapped instead.


def _flat(gradient: Tensor) -> Tensor:
    return gradient.reshape((-1,))


def _part(sums: Tensor, start: int, like: Tensor) -> Tensor:
    return ops.slice(sums, (start,), (like.size,)).reshape(like.shape)


def _squares(gradient: Tensor) -> Tensor:
    return ops.square(gradient).sum()


def _average(workers: int, parameter: Parameter) -> Tensor:
    return ops.assign(parameter, ops.AllReduce()(parameter) / workers)


def _run(own: tuple[bool, ...]) -> tuple[int, int]:
    """Where own classes' gradients begin and end: a classifier's parameters stand together."""
    places = [index for index, each in enumerate(own) if each]
    if not places:
        return 0, 0
    if places != list(range(places[0], places[-1] + 1)):
        raise ValueError("parameters of own classes stand between others")
    return places[0], places[-1] + 1


class SumGradients(nn.Cell):
    """Adds up all workers' losses and gradients; those of classes that only one worker has are complete where they are.

    On a CPU in one message: each costs a third of a millisecond, and a network has a hundred gradients. Between workers
    of one machine it goes through memory that they share (:mod:`ltdsl_runtime.parallel.exchange`). Elsewhere as
    MindSpore does it, in a few fused messages that are sent while others are still computed.

    Args:
        parameters: Whose gradients they are.
        own: For each, whether it is of own classes; none is, unless it is said.
    """

    def __init__(self, parameters: Sequence[Parameter], own: Sequence[bool] = ()) -> None:
        super().__init__(auto_prefix=False)
        self.start, self.end = _run(tuple(own))
        shared = [*parameters[: self.start], *parameters[self.end :]]
        self.all_reduce = ops.AllReduce()
        self.in_one = on_cpu()
        sizes = [math.prod(parameter.shape) for parameter in shared]
        self.starts = tuple(accumulate([1, *sizes[:-1]]))  # the loss comes first
        self.each = ops.HyperMap()
        self.some_shared = bool(shared)
        self.in_memory = sharing()
        if self.in_memory:
            self.add: Callable[..., tuple[Tensor, ...]] = Kernel(SUM, lambda *each: each)
        if not self.in_one and shared:
            self.reduce = nn.DistributedGradReducer(shared, mean=False)

    def construct(
        self, loss: Tensor, gradients: tuple[Tensor, ...]
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Each worker's, float32 -> their sums, the same bit for bit on all workers."""
        if self.start == self.end:
            return self._sums(loss, gradients)
        own = gradients[self.start : self.end]
        loss, sums = self._sums(loss, gradients[: self.start] + gradients[self.end :])
        return loss, sums[: self.start] + own + sums[self.start :]

    def _sums(
        self, loss: Tensor, gradients: tuple[Tensor, ...]
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        if not self.in_one:
            reduced = self.reduce(gradients) if self.some_shared else ()
            return self.all_reduce(loss), reduced
        if not self.some_shared:
            return self.all_reduce(loss.reshape((1,))).reshape(()), ()
        if self.in_memory:
            added = self.add(loss.reshape((1,)), *gradients)
            return added[0].reshape(()), added[1:]
        parts = (loss.reshape((1,)),) + self.each(_flat, gradients)  # noqa: RUF005 - graph mode
        sums = self.all_reduce(ops.concat(parts))
        return sums[0], self.each(ops.partial(_part, sums), self.starts, gradients)


class AllGradients(nn.Cell):
    """What is asked of all gradients together, where some are of own classes and the others are alike on all workers.

    Args:
        own: For each gradient, whether it is of own classes.
    """

    def __init__(self, own: Sequence[bool]) -> None:
        super().__init__(auto_prefix=False)
        self.start, self.end = _run(tuple(own))
        self.each = ops.HyperMap()
        self.all_reduce = ops.AllReduce()
        self.zero = Tensor([0.0], ms.float32)

    def length(self, gradients: tuple[Tensor, ...]) -> Tensor:
        """Their Euclidean length as one vector, a float32 scalar."""
        shared, split = self.zero, self.zero
        others = gradients[: self.start] + gradients[self.end :]
        if len(others) > 0:
            shared = ops.stack(self.each(_squares, others)).sum().reshape((1,))
        if self.start < self.end:
            own = gradients[self.start : self.end]
            split = ops.stack(self.each(_squares, own)).sum().reshape((1,))
        return ops.sqrt(shared + self.all_reduce(split)).reshape(())

    def everywhere(self, here: Tensor) -> Tensor:
        """True where something is true on all workers, bool scalars."""
        elsewhere = self.all_reduce(1.0 - here.astype(ms.float32).reshape((1,)))
        return (elsewhere < 0.5).reshape(())


class AverageParameters(nn.Cell):
    """Sets parameters to the mean of what workers have in them.

    Args:
        parameters: At least one.
        workers: How many there are.
    """

    def __init__(self, parameters: Sequence[Parameter], workers: int) -> None:
        super().__init__(auto_prefix=False)
        self.parameters = ParameterTuple(parameters)
        self.workers = workers
        self.each = ops.HyperMap()

    def construct(self) -> tuple[Tensor, ...]:
        """Changes the parameters, and gives their new values."""
        return self.each(ops.partial(_average, self.workers), self.parameters)


def shared_statistics(
    network: nn.Cell, workers: Workers, more: Sequence[Parameter] = ()
) -> AverageParameters | None:
    """What makes the moving statistics of batch norms the same on all workers, each of which sees its own images.

    Args:
        network: Its statistics are its untrained parameters that batch norms call moving ones.
        workers: Who train it.
        more: Other parameters that are to be the same.

    Returns:
        None where there is nothing to do.
    """
    found = [p for p in network.get_parameters() if p.name.rpartition(".")[2].startswith("moving_")]
    found += more
    return AverageParameters(found, workers.size) if found and workers.size > 1 else None
