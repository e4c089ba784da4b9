"""The classifier split over its classes: each worker holds some rows of it, and of what an optimizer keeps for them.

Features of all workers' images are gathered before the classifier, which gives the logits of own classes for all of
them. On disk, everything is whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from mindspore import Parameter, Tensor, nn, ops

from ltdsl_runtime.parallel.collectives import GatherRows

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from ltdsl_runtime.models import Network
    from ltdsl_runtime.parallel.part import ClassPart

#: Bytes that workers send at once when parts become whole: no device has more of the others' parts.
MESSAGE = 16 << 20


def split_network(network: Network, part: ClassPart) -> None:
    """Leaves a network's classifier the classes of a part, in place.

    Every parameter of a classifier has one row a class: weights, biases, factors. All keep their names.

    Args:
        network: Its classifier is whole.
        part: This worker's classes.
    """
    for parameter in network.classifier.get_parameters():
        own = Tensor(part.of(parameter.asnumpy()))
        parameter.set_data(own, slice_shape=True)
    network.part = part
    network.gather = GatherRows(part.rank)


class Split:
    """What is split of a network and of what trains it, and how that is read and written whole.

    Args:
        network: Whole, or with a part of the classes. Where it is whole, nothing is done by any method.
    """

    def __init__(self, network: Network) -> None:
        self._part = network.part
        held = network.classifier.get_parameters() if self._part is not None else ()
        self._names = frozenset(parameter.name for parameter in held)

    def has(self, name: str) -> bool:
        """True for a parameter with own classes only, and for an optimizer's state of one."""
        # an optimizer puts one word before the name: `accum`, `moment1`
        return name in self._names or name.partition(".")[2] in self._names

    def flags(self, parameters: Iterable[Parameter]) -> tuple[bool, ...]:
        """:meth:`has` of each."""
        return tuple(self.has(parameter.name) for parameter in parameters)

    def own(self, name: str, value: NDArray[Any]) -> NDArray[Any]:
        """What this worker holds of an array of a checkpoint."""
        part = self._part
        if part is None or not self.has(name) or value.shape[:1] != (part.classes,):
            return value
        return part.of(value).copy()  # so that nobody keeps the whole one

    def whole(self, parameters: Iterable[Parameter]) -> list[Parameter]:
        """The parameters as one worker alone would have them; all workers call this at the same place.

        Returns:
            For the first worker. The others get theirs back.
        """
        part = self._part
        if part is None:
            return list(parameters)
        return [_gathered(p, part) if self.has(p.name) else p for p in parameters]


def _gathered(parameter: Parameter, part: ClassPart) -> Parameter:
    """A parameter with all classes, for the first worker."""
    own = parameter.asnumpy()
    parts, rest = part.all(), own.shape[1:]
    rows = max(1, MESSAGE // (part.workers * own[:1].nbytes))
    most = max(map(len, parts))
    whole = np.empty((part.classes, *rest), own.dtype) if part.rank == 0 else None
    for start in range(0, most, rows):
        message = np.zeros((min(rows, most - start), *rest), own.dtype)
        piece = own[start : start + len(message)]
        message[: len(piece)] = piece  # the last row of a smaller part is missing
        gathered = ops.AllGather()(Tensor(message)).asnumpy()
        if whole is None:
            continue
        for each, got in zip(parts, np.split(gathered, part.workers), strict=True):
            first = each.first + start
            count = min(len(got), each.end - first)
            whole[first : first + count] = got[:count]
    if whole is None:
        return parameter
    return Parameter(Tensor.from_numpy(whole), name=parameter.name, requires_grad=False)


def shard_classifier(classifier: nn.Dense, data_parallel: int, class_parallel: int) -> nn.Dense:
    """Splits images and classes of a dense layer over devices, for MindSpore's semi-automatic parallel mode.

    Goes with :meth:`ltdsl_runtime.tricks.losses.LossCell.shard`, which takes the same numbers: what the layer gives is
    split as the loss expects it. Class weights and biases are split as the classes are, and no device has all of them.
    Ascend and GPU only; on a CPU, MindSpore has no such mode.

    Args:
        classifier: From features to logits.
        data_parallel: Number of slices of the images.
        class_parallel: Number of slices of the classes.

    Returns:
        The layer.
    """
    classifier.matmul.shard(((data_parallel, 1), (class_parallel, 1)))
    if classifier.bias is not None:
        classifier.bias_add.shard(((data_parallel, class_parallel), (class_parallel,)))
    return classifier
