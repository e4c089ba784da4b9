"""What workers say to each other inside of a graph, each with the gradient that it has here.

The loss of a run is the sum of what its workers compute: each adds the terms of its own images. Where all workers
compute the same number from the same tensors instead (the loss of classes that are split), it counts once. The
gradients that MindSpore would derive know nothing of this, and on a CPU it has no ReduceScatter to derive them with, so
they are written down.

On a CPU, MindSpore 2.10 has AllReduce of sums (float32), AllGather (float32, int32) and Broadcast. Nothing here needs
more.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import mindspore as ms
from mindspore import Parameter, ParameterTuple, Tensor, nn, ops

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runtime.parallel.cluster import Workers


class SumShares(nn.Cell):
    """Σ over workers of each one's share of a number that all of them go on with alike.

    The gradient of a share is that of the sum: what follows is one computation, which every worker repeats.
    """

    def __init__(self) -> None:
        super().__init__()
        self.all_reduce = ops.AllReduce()

    def construct(self, share: Tensor) -> Tensor:
        """Shares, float32 of any shape with an axis -> their sum, the same on all workers."""
        return self.all_reduce(share)

    def bprop(self, share: Tensor, out: Tensor, dout: Tensor) -> tuple[Tensor]:
        """The gradient of a share."""
        return (dout,)


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


class SumGradients(nn.Cell):
    """Adds up all workers' losses and gradients.

    On a CPU in one message: each costs a third of a millisecond, and a network has a hundred gradients. Elsewhere as
    MindSpore does it, in a few fused ones that are sent while others are still computed.

    Args:
        parameters: Whose gradients they are.
    """

    def __init__(self, parameters: Sequence[Parameter]) -> None:
        super().__init__(auto_prefix=False)
        self.all_reduce = ops.AllReduce()
        self.in_one = ms.get_context("device_target") == "CPU"
        self.shapes = tuple(parameter.shape for parameter in parameters)
        self.sizes = tuple(math.prod(shape) for shape in self.shapes)
        if not self.in_one:
            self.reduce = nn.DistributedGradReducer(parameters, mean=False)

    def construct(
        self, loss: Tensor, gradients: tuple[Tensor, ...]
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Each worker's, float32 -> their sums, the same bit for bit on all workers."""
        if not self.in_one:
            return self.all_reduce(loss), self.reduce(gradients)
        parts = (loss.reshape((1,)),)
        for gradient in gradients:
            parts = parts + (gradient.reshape((-1,)),)  # noqa: RUF005 - graph mode
        parts = ops.split(self.all_reduce(ops.concat(parts)), (1, *self.sizes))
        sums = ()
        for part, shape in zip(parts[1:], self.shapes):  # noqa: B905 - graph mode
            sums = sums + (part.reshape(shape),)  # noqa: RUF005 - graph mode
        return parts[0].reshape(()), sums


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
        self.all_reduce = ops.AllReduce()

    def construct(self) -> bool:
        """Changes the parameters."""
        for parameter in self.parameters:
            ops.assign(parameter, self.all_reduce(parameter) / self.workers)
        return True


def shared_statistics(network: nn.Cell, workers: Workers) -> AverageParameters | None:
    """What makes the moving statistics of batch norms the same on all workers, each of which sees its own images.

    Args:
        network: Its statistics are its untrained parameters that batch norms call moving ones.
        workers: Who train it.

    Returns:
        None where there is nothing to do.
    """
    found = [p for p in network.get_parameters() if p.name.rpartition(".")[2].startswith("moving_")]
    return AverageParameters(found, workers.size) if found and workers.size > 1 else None
