"""A network in two halves: images to pooled features, and features to logits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mindspore import Tensor, nn

from ltdsl_runtime.graph.called import CalledCell
from ltdsl_runtime.models import Network

if TYPE_CHECKING:
    from ltdsl_runtime.graph.normalise import Normalise


class FeatureStep(CalledCell):
    """Images to the features that the classifier takes, as evaluation computes them.

    Args:
        network: The model.
        normalise: Bytes to network input.
    """

    def __init__(self, network: Network, normalise: Normalise) -> None:
        super().__init__(auto_prefix=False)
        self.network = network
        self.normalise = normalise

    def construct(self, image: Tensor) -> Tensor:
        """uint8 [B, ch, H, W] -> float32 [B, K]."""
        return self.network.until(self.normalise(image), "pool")


class Head(Network):
    """The classifier of a network, which it shares, as a network that takes features for images.

    Args:
        network: Whose classifier it is.
    """

    def __init__(self, network: Network) -> None:
        names = [parameter.name for parameter in network.classifier.get_parameters()]
        super().__init__({"features": nn.Identity()}, nn.Identity(), network.classifier)
        # a cell names what it holds by its place
        for name, parameter in zip(names, network.classifier.get_parameters(), strict=True):
            parameter.name = name
