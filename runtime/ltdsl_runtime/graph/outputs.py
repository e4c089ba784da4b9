"""What a training step asks of the network: logits, and what else its loss takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import mindspore as ms
from mindspore import Tensor, nn, ops

from ltdsl_runtime.parallel.cluster import ALONE
from ltdsl_runtime.parallel.collectives import GatherRows

if TYPE_CHECKING:
    from ltdsl_runtime.models import Network
    from ltdsl_runtime.parallel.cluster import Workers
    from ltdsl_runtime.tricks.mixers import Mixer


class Outputs(nn.Cell):
    """Images to logits.

    Args:
        network: The model.
        needs_features: True where the loss takes the pooled features too.
    """

    def __init__(self, network: Network, needs_features: bool = False) -> None:
        super().__init__(auto_prefix=False)
        self.network = network
        self.needs_features = needs_features

    def construct(self, images: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Asks the network.

        Args:
            images: float32 [B, ch, H, W].

        Returns:
            Logits float32 [B, C], and a tuple of what else the loss takes, decided when the graph is compiled.
        """
        if self.needs_features:
            features = self.network.until(images, "pool")
            return _full(self.network.after(features, "pool")), (_full(features),)
        return _full(self.network(images)), ()


class MixedOutputs(nn.Cell):
    """Images to logits, with a hidden layer mixed on the way.

    Args:
        network: The model.
        mixer: Mixes the layer that it names.
        needs_features: True where the loss takes the pooled features too.
        workers: Who shares the batch; images are mixed with those of all.
    """

    def __init__(
        self,
        network: Network,
        mixer: Mixer,
        needs_features: bool = False,
        workers: Workers = ALONE,
    ) -> None:
        super().__init__(auto_prefix=False)
        self.shared = workers.size > 1
        if self.shared:
            self.gather = GatherRows(workers.rank)
        self.network = network
        self.mixer = mixer
        self.needs_features = needs_features
        self.at_logits = mixer.layer == "fc"
        self.before = "pool" if mixer.layer is None or self.at_logits else mixer.layer

    def construct(
        self, images: Tensor, label: Tensor, other_label: Tensor, partner: Tensor, *mix: Tensor
    ) -> tuple[Tensor, tuple[Tensor, ...], Tensor]:
        """Asks the network.

        Args:
            images: float32 [B, ch, H, W].
            label: int32 [B].
            other_label: Labels of the images that are mixed in, int32 [B].
            partner: Their places in the batch, int32 [B].
            *mix: The mixer's further columns.

        Returns:
            As :class:`Outputs`, and each own label's share, float32 [B].
        """
        hidden = features = self.network.until(images, self.before)
        if self.at_logits:
            hidden = self.network.after(hidden, "pool")
        everyone = self.gather(hidden) if self.shared else hidden
        other = ops.gather(everyone, partner, 0)
        hidden, share = self.mixer(hidden, label, other, other_label, *mix)
        logits = hidden
        if not self.at_logits:
            features = self.network.between(hidden, self.before, "pool")
            logits = self.network.after(features, "pool")
        extra = (_full(features),) if self.needs_features else ()
        return _full(logits), extra, share


def _full(outputs: Tensor) -> Tensor:
    """As float32, whatever the network computes in: losses are computed in no other format."""
    return ops.cast(outputs, ms.float32)
