"""EfficientNet-Lite0, made for CPUs: no squeeze-and-excitation, ReLU6 for swish, stem and head of fixed width.

Tan, Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks" (2019), table 1, as Google's
``efficientnet/lite/efficientnet_lite_builder.py`` changes it.
"""

from __future__ import annotations

from mindspore import Tensor, nn

from ltdsl_runtime.models.network import GlobalPool, Network
from ltdsl_runtime.models.norm import NormRelu

#: Of each group: kernel, stride of its first block, expansion, channels, blocks.
GROUPS = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)
STEM, HEAD = 32, 1280


def _normal(channels: int) -> nn.BatchNorm2d:
    """Batch norm with the authors' constants; MindSpore's momentum is the share that is kept."""
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.99)


def _normal_relu(channels: int) -> NormRelu:
    return NormRelu(channels, 6, eps=1e-3, momentum=0.99)


def _convolution(inputs: int, outputs: int, kernel: int, stride: int, group: int = 1) -> nn.Conv2d:
    # "same" pads as TensorFlow does, whose weights these are: at stride 2 more at the right and below
    return nn.Conv2d(inputs, outputs, kernel, stride, pad_mode="same", group=group, has_bias=False)


class InvertedResidual(nn.Cell):
    """A 1×1 convolution to more channels, one that keeps them apart, and a 1×1 convolution to few.

    Args:
        inputs: Channels of the input.
        outputs: Channels of the output.
        kernel: Size of the second convolution.
        stride: Its stride.
        expansion: Times as many channels in between.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inputs * expansion
        self.expands = expansion != 1
        if self.expands:
            self.expand = _convolution(inputs, wide, 1, 1)
            self.bn0 = _normal_relu(wide)
        self.depthwise = _convolution(wide, wide, kernel, stride, group=wide)
        self.bn1 = _normal_relu(wide)
        self.project = _convolution(wide, outputs, 1, 1)
        self.bn2 = _normal(outputs)
        self.adds = stride == 1 and inputs == outputs

    def construct(self, x: Tensor) -> Tensor:
        """[B, inputs, H, W] -> [B, outputs, ⌈H/stride⌉, ⌈W/stride⌉]."""
        out = x
        if self.expands:
            out = self.bn0(self.expand(out))
        out = self.bn1(self.depthwise(out))
        out = self.bn2(self.project(out))
        return out + x if self.adds else out


def efficientnet_lite0(num_classes: int, in_channels: int) -> Network:
    """EfficientNet-Lite0: layers stem, layer1..layer8, pool, fc; maps have a 32nd of the image's side.

    Without the dropout and the dropped blocks that its authors trained with.

    Args:
        num_classes: Number of classes.
        in_channels: Channels of the images.
    """
    body: dict[str, nn.Cell] = {
        "stem": nn.SequentialCell(_convolution(in_channels, STEM, 3, 2), _normal(STEM), nn.ReLU6())
    }
    inputs = STEM
    for index, (kernel, stride, expansion, outputs, blocks) in enumerate(GROUPS):
        cells = []
        for block in range(blocks):
            step = stride if block == 0 else 1
            cells.append(InvertedResidual(inputs, outputs, kernel, step, expansion))
            inputs = outputs
        body[f"layer{index + 1}"] = nn.SequentialCell(cells)
    body["layer8"] = nn.SequentialCell(_convolution(inputs, HEAD, 1, 1), _normal(HEAD), nn.ReLU6())
    return Network(body, GlobalPool(), nn.Dense(HEAD, num_classes))
