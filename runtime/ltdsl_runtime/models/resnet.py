"""Residual networks: for small images (option A shortcuts) and for ImageNet-sized ones.

He et al., "Deep Residual Learning for Image Recognition" (2016).
"""

from __future__ import annotations

from mindspore import Tensor, nn, ops

from ltdsl_runtime.models.convolution import Convolution
from ltdsl_runtime.models.network import GlobalPool, Network
from ltdsl_runtime.models.norm import NormRelu


def _convolution(inputs: int, outputs: int, kernel: int, stride: int) -> nn.Conv2d:
    if stride == 1 and kernel > 1:
        return Convolution(inputs, outputs, kernel)
    return nn.Conv2d(
        inputs, outputs, kernel, stride, pad_mode="pad", padding=kernel // 2, has_bias=False
    )


class PadShortcut(nn.Cell):
    """Option A, without parameters: every ``stride``-th pixel, zeros for the new channels.

    The zeros are split evenly before and after the old channels. Pooling with kernel 1 is the
    same as a strided slice, whose gradient fails outside of graph mode.

    Args:
        inputs: Channels of the input.
        outputs: Channels of the output; the difference is even.
        stride: Step between the pixels kept.
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.subsample = nn.MaxPool2d(kernel_size=1, stride=stride)
        side = (outputs - inputs) // 2
        self.pad = ops.Pad(((0, 0), (side, side), (0, 0), (0, 0)))

    def construct(self, x: Tensor) -> Tensor:
        """[B, inputs, H, W] -> [B, outputs, ⌈H/stride⌉, ⌈W/stride⌉]."""
        return self.pad(self.subsample(x))


class BasicBlock(nn.Cell):
    """Two 3×3 convolutions and a shortcut.

    Args:
        inputs: Channels of the input.
        outputs: Channels of the output.
        stride: Stride of the first convolution and of the shortcut.
        option: Shortcut where the shape changes: ``A`` pads with zeros, ``B`` projects by 1×1.
    """

    def __init__(self, inputs: int, outputs: int, stride: int, option: str) -> None:
        super().__init__()
        self.conv1 = _convolution(inputs, outputs, 3, stride)
        self.bn1 = NormRelu(outputs)
        self.conv2 = _convolution(outputs, outputs, 3, 1)
        self.bn2 = NormRelu(outputs)
        self.shortcut: nn.Cell
        if stride == 1 and inputs == outputs:
            self.shortcut = nn.Identity()
        elif option == "A":
            self.shortcut = PadShortcut(inputs, outputs, stride)
        else:
            self.shortcut = nn.SequentialCell(
                _convolution(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs)
            )

    def construct(self, x: Tensor) -> Tensor:
        """[B, inputs, H, W] -> [B, outputs, ⌈H/stride⌉, ⌈W/stride⌉]."""
        out = self.conv2(self.bn1(self.conv1(x)))
        return self.bn2(out, self.shortcut(x))


class Bottleneck(nn.Cell):
    """A 1×1, a 3×3 and a 1×1 convolution to four times the channels, and a projecting shortcut where the shape changes.

    Args:
        inputs: Channels of the input.
        width: Channels of the 3×3 convolution; the output has four times as many.
        stride: Stride of the 3×3 convolution and of the shortcut.
    """

    EXPANSION = 4

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        outputs = width * self.EXPANSION
        self.conv1 = _convolution(inputs, width, 1, 1)
        self.bn1 = NormRelu(width)
        self.conv2 = _convolution(width, width, 3, stride)
        self.bn2 = NormRelu(width)
        self.conv3 = _convolution(width, outputs, 1, 1)
        self.bn3 = NormRelu(outputs)
        self.shortcut: nn.Cell
        if stride == 1 and inputs == outputs:
            self.shortcut = nn.Identity()
        else:
            self.shortcut = nn.SequentialCell(
                _convolution(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs)
            )

    def construct(self, x: Tensor) -> Tensor:
        """[B, inputs, H, W] -> [B, 4·width, ⌈H/stride⌉, ⌈W/stride⌉]."""
        out = self.bn2(self.conv2(self.bn1(self.conv1(x))))
        return self.bn3(self.conv3(out), self.shortcut(x))


def _groups(inputs: int, widths: tuple[int, ...], blocks: int, option: str) -> dict[str, nn.Cell]:
    groups: dict[str, nn.Cell] = {}
    for index, width in enumerate(widths):
        cells = []
        for block in range(blocks):
            stride = 2 if index > 0 and block == 0 else 1
            cells.append(BasicBlock(inputs, width, stride, option))
            inputs = width
        groups[f"layer{index + 1}"] = nn.SequentialCell(cells)
    return groups


def cifar_resnet(blocks: int, num_classes: int, in_channels: int) -> Network:
    """A ResNet for small images, 6·blocks + 2 layers deep: layers stem, layer1..layer3, pool, fc.

    Args:
        blocks: Blocks in each of the three groups: 1 for ResNet-8, 3 for ResNet-20, 5 for ResNet-32.
        num_classes: Number of classes.
        in_channels: Channels of the images.
    """
    stem = nn.SequentialCell(_convolution(in_channels, 16, 3, 1), nn.BatchNorm2d(16), nn.ReLU())
    body = {"stem": stem, **_groups(16, (16, 32, 64), blocks, "A")}
    return Network(body, GlobalPool(), nn.Dense(64, num_classes))


def imagenet_resnet10(num_classes: int, in_channels: int) -> Network:
    """ResNet-10, one block a group: layers stem, layer1..layer4, pool, fc.

    Args:
        num_classes: Number of classes.
        in_channels: Channels of the images.
    """
    body = {"stem": _large_stem(in_channels), **_groups(64, (64, 128, 256, 512), 1, "B")}
    return Network(body, GlobalPool(), nn.Dense(512, num_classes))


def imagenet_resnet50(num_classes: int, in_channels: int) -> Network:
    """ResNet-50, bottlenecks in groups of 3, 4, 6 and 3: layers stem, layer1..layer4, pool, fc.

    Args:
        num_classes: Number of classes.
        in_channels: Channels of the images.
    """
    body: dict[str, nn.Cell] = {"stem": _large_stem(in_channels)}
    inputs = 64
    for index, blocks in enumerate((3, 4, 6, 3)):
        width, cells = 64 << index, []
        for block in range(blocks):
            cells.append(Bottleneck(inputs, width, 2 if index > 0 and block == 0 else 1))
            inputs = width * Bottleneck.EXPANSION
        body[f"layer{index + 1}"] = nn.SequentialCell(cells)
    return Network(body, GlobalPool(), nn.Dense(inputs, num_classes))


def _large_stem(in_channels: int) -> nn.SequentialCell:
    """[B, in_channels, H, W] -> [B, 64, ⌈H/4⌉, ⌈W/4⌉]."""
    return nn.SequentialCell(
        _convolution(in_channels, 64, 7, 2),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        *padded_max_pool(),
    )


class ZeroBorder(nn.Pad):
    """A zero on each side of images, as good as nothing for maxima after a ReLU.

    MindSpore's own padding there is a 3-D pool, unknown to ONNX.
    """

    def __init__(self) -> None:
        super().__init__(((0, 0), (0, 0), (1, 1), (1, 1)))


def padded_max_pool() -> list[nn.Cell]:
    """Cells for maxima of 3×3 pixels, every second of them, behind a ReLU: [B, K, H, W] -> [B, K, ⌈H/2⌉, ⌈W/2⌉]."""
    return [ZeroBorder(), nn.MaxPool2d(kernel_size=3, stride=2)]
