"""What workers say to each other inside of a graph, each with the gradient that it has here.

The loss of a run is the sum of what its workers compute: each adds the terms of its own images. Where all workers
compute the same number from the same tensors instead (the loss of classes that are split), it counts once. The
gradients that MindSpore would derive know nothing of this, and on a CPU it has no ReduceScatter to derive them with, so
they are written down.

On a CPU, MindSpore 2.10 has AllReduce of sums (float32), AllGather (float32, int32) and Broadcast. Nothing here needs
more.
"""

from __future__ import annotations

from mindspore import Tensor, nn, ops


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
