"""The body of a residual network for small images as one operator, in inference."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import mindspore as ms
from mindspore import Tensor, nn

from ltdsl_runtime.machine.native.kernel import Kernel
from ltdsl_runtime.models.native_cells import NormaliseInInference
from ltdsl_runtime.models.resnet import BasicBlock

if TYPE_CHECKING:
    from collections.abc import Callable

    from ltdsl_runtime.models.network import Network


class Layer(NamedTuple):
    """A convolution, what normalises it, and whether the input of the layer before is added before a ReLU."""

    convolution: Any
    norm: Any
    adds: bool


class Chain(nn.Cell):
    """(images [B, ch, H, W], a network's body) -> its last maps [B, K, h, w]; without gradients.

    An image's numbers depend on nothing else in its batch, not even on how many others there are. They are those of the
    layers one by one but for rounding.

    Args:
        layers: Of the body, which keeps its parameters; see :func:`chained`.
    """

    def __init__(self, layers: list[Layer]) -> None:
        super().__init__()
        strides = [each.convolution.stride[0] for each in layers]
        how = [
            [stride, each.adds, each.norm.eps] for stride, each in zip(strides, layers, strict=True)
        ]
        self.how = Tensor(how, ms.float32)
        channels = layers[-1].convolution.out_channels

        def shape(x: list[int], *_: list[int]) -> list[int]:
            height, width = x[2:]
            for stride in strides:
                height, width = -(-height // stride), -(-width // stride)
            return [x[0], channels, height, width]

        self.forward: Callable[..., Tensor] = Kernel("ltdsl_chain", shape=shape)

    def construct(self, x: Tensor, body: Any) -> Tensor:
        """By the parameters as they are."""
        given = self.given(body[0][0], body[0][1])
        for index in range(1, len(body)):  # a slice would name the parameters anew
            for block in body[index]:
                given = given + self.given(block.conv1, block.bn1)
                given = given + self.given(block.conv2, block.bn2)
        return self.forward(x, self.how, *given)

    def given(self, convolution: Any, norm: Any) -> tuple[Tensor, ...]:
        """What the operator takes of a layer."""
        statistics = (norm.moving_mean, norm.moving_variance)
        return (convolution.weight, norm.gamma, norm.beta, *statistics)


def chained(network: Network) -> Chain | None:
    """The body of a network on native kernels, where it is a 3×3 stem and blocks of two layers without projections."""
    body: Any = network.body
    stem = body[0]
    if (
        not isinstance(stem, nn.SequentialCell)
        or len(stem) != 3
        or type(stem[2]) is not nn.Identity
    ):
        return None
    layers = [Layer(stem[0], stem[1], adds=False)]
    for index in range(1, len(body)):
        if not isinstance(body[index], nn.SequentialCell):
            return None
        for block in body[index]:
            if not isinstance(block, BasicBlock) or type(block.shortcut) is not nn.Identity:
                return None
            layers.append(Layer(block.conv1, block.bn1, adds=False))
            layers.append(Layer(block.conv2, block.bn2, adds=True))
    return Chain(layers) if all(map(_fits, layers)) else None


def _fits(layer: Layer) -> bool:
    convolution, norm = layer.convolution, layer.norm
    return (
        isinstance(convolution, nn.Conv2d)
        and convolution.kernel_size == (3, 3)
        and convolution.stride in ((1, 1), (2, 2))
        and convolution.pad_mode == "pad"
        and convolution.padding in (1, (1, 1, 1, 1))
        and convolution.dilation == (1, 1)
        and convolution.group == 1
        and convolution.bias is None
        and isinstance(norm, nn.BatchNorm2d)
        and isinstance(norm.bn_infer, NormaliseInInference)
        and norm.bn_infer.ceiling == math.inf
    )
