"""What every model looks like to the runtime: named layers, then a pool and a classifier."""

from __future__ import annotations

import copy
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from mindspore import Tensor, nn, ops

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeAlias

    from typing_extensions import Self

    from ltdsl_runtime.models.cosine import CosineClassifier
    from ltdsl_runtime.models.scaled import ScaledClassifier
    from ltdsl_runtime.parallel.collectives import GatherRows
    from ltdsl_runtime.parallel.part import ClassPart

    Classifier: TypeAlias = nn.Dense | CosineClassifier | ScaledClassifier


#: Layers with statistics of what they have seen.
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)


class GlobalPool(nn.Cell):
    """Mean over all positions: [B, K, h, w] -> [B, K]."""

    def __init__(self) -> None:
        super().__init__()
        self.mean: Any = ops.ReduceMean(keep_dims=False)

    def construct(self, maps: Tensor) -> Tensor:
        """Averages."""
        means: Tensor = self.mean(maps, (2, 3))
        return means


class Network(nn.Cell):
    """A model as a chain of named layers; its methods may be called inside a compiled graph.

    Args:
        body: Layers up to the last feature maps, in order, by name.
        pool: From maps [B, K, h, w] to features [B, K].
        classifier: From features to logits [B, C]; has ``weight``, [C, K], and ``bias``, [C] or None. May be replaced
            by assigning to the attribute of the same name.

    Attributes:
        layer_names: Names of the layers in order; the last two are ``pool`` and ``fc``.
        plain_names: Names of parameters where the model was published, for those that have another one here.
        part: Which classes the classifier has, where several workers split them; None where it has all.
        body_is_frozen: Set where the classifier is trained alone: all before it then stays in inference mode.
        chain: (images, body) -> the last feature maps, all at once; taken in inference, where no gradient goes. None
            where the body runs layer by layer there too.
        dropouts_left_out: How many places there are where its authors' drops something at random, and this does not.
        norms_are_frozen: Set where batch norms of a body that is trained keep their statistics, and normalise by them.
    """

    def __init__(self, body: Mapping[str, nn.Cell], pool: nn.Cell, classifier: Classifier) -> None:
        super().__init__()
        self.layer_names = (*body, "pool", "fc")
        self.plain_names: dict[str, str] = {}
        self.dropouts_left_out = 0
        self.body_is_frozen = False
        self.norms_are_frozen = False
        self.body = nn.SequentialCell(OrderedDict(body))
        self.pool = pool
        self.classifier = classifier
        self.chain: Callable[[Tensor, nn.Cell], Tensor] | None = None
        self.part: ClassPart | None = None
        # of other workers' features, where the classes are split
        self.gather: nn.Identity | GatherRows = nn.Identity()

    def construct(self, x: Tensor) -> Tensor:
        """Images [B, ch, H, W] -> logits [B, C]."""
        return self.classify(self.features(x))

    def features(self, x: Tensor) -> Tensor:
        """Images [B, ch, H, W] -> the last feature maps [B, K, h, w]."""
        return self._run(x, 0, len(self.layer_names) - 2)

    def classify(self, maps: Tensor) -> Tensor:
        """Feature maps [B, K, h, w] -> logits [B, C]."""
        return self.classifier(self.gather(self.pool(maps)))

    def until(self, x: Tensor, layer: str) -> Tensor:
        """Images -> the output of ``layer``, one of ``layer_names``."""
        return self._run(x, 0, self.layer_names.index(layer) + 1)

    def after(self, hidden: Tensor, layer: str) -> Tensor:
        """The output of ``layer`` -> logits: ``after(until(x, layer), layer)`` is the model."""
        return self._run(hidden, self.layer_names.index(layer) + 1, len(self.layer_names))

    def between(self, hidden: Tensor, after: str, layer: str) -> Tensor:
        """The output of layer ``after`` -> the output of ``layer``, which is the same or a later one."""
        first, last = self.layer_names.index(after) + 1, self.layer_names.index(layer) + 1
        return self._run(hidden, first, last)

    def add_flags_recursive(self, **flags: bool) -> Self:
        """Sets flags, as every cell does, with ``training`` off for the body where that is frozen."""
        super().add_flags_recursive(**flags)
        if self.body_is_frozen and "training" in flags:
            for cell in (self.body, self.pool):
                cell.add_flags_recursive(training=False)
        if self.norms_are_frozen and "training" in flags:
            for _, cell in self.body.cells_and_names():
                if isinstance(cell, NORMS):
                    cell.add_flags_recursive(training=False)
        return self

    def _run(self, x: Tensor, start: int, stop: int) -> Tensor:
        maps = len(self.layer_names) - 2
        if self.chain is not None and not self.training and start == 0 and stop >= maps:
            x, start = self.chain(x, self.body), maps
        for index in range(start, stop):  # constants: unrolled by the compiler
            if index == len(self.layer_names) - 1:
                x = self.classifier(self.gather(x))
            elif index == maps:
                x = self.pool(x)
            else:
                x = self.body[index](x)
        return x


class Frozen(Network):
    """An inference copy of a network that stays in inference mode whatever encloses it.

    ``Model.train`` switches everything inside the training step to training mode; this cell passes
    every flag on to its children but that one, so batch norms keep using their moving statistics
    and dropouts stay inactive. No parameter requires a gradient.

    Args:
        network: The network to copy; it is left as it is and shares nothing with the copy.
    """

    def __init__(self, network: Network) -> None:
        names = [parameter.name for parameter in network.get_parameters()]
        twin = copy.deepcopy(network)
        super().__init__(twin.body.name_cells(), twin.pool, twin.classifier)
        self.chain = twin.chain
        for name, parameter in zip(names, twin.get_parameters(), strict=True):
            # one graph holds both networks, and names must differ there
            parameter.name = f"frozen.{name}"
            parameter.requires_grad = False
        self.set_train(False)

    def add_flags_recursive(self, **flags: bool) -> Self:
        """Sets flags, as every cell does, with ``training`` always off."""
        if "training" in flags:
            flags["training"] = False
        return super().add_flags_recursive(**flags)


def freeze(network: Network) -> Frozen:
    """Copies a network for inference inside a training graph; see :class:`Frozen`."""
    return Frozen(network)


def copy_weights(source: nn.Cell, target: nn.Cell) -> None:
    """Copies all parameters, moving statistics included, between cells of the same structure.

    The copy happens on the device. Graphs compiled with ``target`` see the new values and are not
    compiled again.
    """
    pairs = zip(source.get_parameters(), target.get_parameters(), strict=True)
    for from_parameter, to_parameter in pairs:
        # set_data would make both share one memory, and training would move both
        ops.assign(to_parameter, from_parameter)
