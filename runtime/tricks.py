"""From declared tricks to what implements them: one table a kind.

A test asserts that the tables' names are those of the catalogue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import mindspore as ms
import numpy as np
from mindspore import ops

from ltdsl import catalogue
from runtime import cam, samplers
from runtime.errors import RunError
from runtime.losses.objectives import LOSSES
from runtime.mixers import InputMixup
from runtime.models import freeze

if TYPE_CHECKING:
    from collections.abc import Callable

    from mindspore import nn

    from runtime.data import LoadedData
    from runtime.models import Network

__all__ = ["LOSSES", "MIXERS", "SAMPLERS", "Sampling"]

#: declaration -> cell with ``draw(rng, batch_size)``, whose columns its ``construct(images, labels, …)`` takes
MIXERS: dict[str, Callable[..., nn.Cell]] = {"input_mixup": lambda entry: InputMixup(entry.alpha)}


class Sampling(NamedTuple):
    """What a sampler is made of.

    Attributes:
        order: Labels and a moment to an index order.
        transform: The graph's change of the drawn images, from the columns that ``draw`` makes; or None.
        draw: A generator and the labels of a batch to columns.
    """

    order: samplers.Sampler
    transform: nn.Cell | None = None
    draw: Callable[..., tuple[np.ndarray, ...]] | None = None


def _cam_bs(entry: catalogue.CamBalanced, network: Network, data: LoadedData) -> Sampling:
    frozen = freeze(network)
    _check_maps(frozen, data.train.images.shape[1:])
    keep = np.asarray(entry.keep_shares(data.counts))
    return Sampling(
        samplers.SAMPLERS[entry.sampler.name],
        cam.CamBalance(frozen, entry.threshold),
        lambda rng, labels: cam.draw(rng, labels, keep),
    )


def _check_maps(network: Network, image: tuple[int, ...]) -> None:
    """Refuse a network whose classifier does not weigh its last feature maps one by one."""
    mode = ms.get_context("mode")
    ms.set_context(mode=ms.PYNATIVE_MODE)  # in graph mode, each layer would be compiled for this
    try:
        maps = network.features(ops.zeros((1, *image), ms.float32))
    finally:
        ms.set_context(mode=mode)
    weight = network.classifier.weight
    if maps.ndim != 4 or maps.shape[1] != weight.shape[1]:
        raise RunError(
            "LT431",
            f"`cam_bs` needs a classifier that weighs the last feature maps; this model has maps of "
            f"shape {tuple(maps.shape)} and {weight.shape[1]} weights a class",
            "choose a model with global pooling and one linear layer after its maps",
        )


#: (declaration, network as the stage starts, data) -> sampling
SAMPLERS: dict[str, Callable[..., Sampling]] = {
    **{name: lambda *_, order=order: Sampling(order) for name, order in samplers.SAMPLERS.items()},
    "cam_bs": _cam_bs,
}
