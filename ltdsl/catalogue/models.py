"""Declarations of the models."""

from typing import ClassVar

from pydantic import Field

from ltdsl.catalogue.entry import Entry, Text

_HE = "He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition, CVPR 2016"


class Model(Entry):
    """A network with feature maps, global average pooling and a linear classifier.

    Class attributes:
        layers: Layers whose outputs can be mixed, in order.
        weighs_maps: Whether its classifier weighs its last feature maps one by one; None where that depends on its
            parameters.
    """

    kind = "model"
    weighs_maps: ClassVar[bool | None] = True

    layers: ClassVar[tuple[str, ...]]


class ResNet8(Model):
    """Residual network of 8 layers for small images: 3 groups of 1 block, 16 to 64 channels, option A shortcuts."""

    name = "resnet8"
    citation = f"{_HE}, section 4.2 with n = 1"
    layers = ("layer1", "layer2", "layer3", "pool", "fc")


class ResNet32(Model):
    """Residual network of 32 layers for small images: 3 groups of 5 blocks, 16 to 64 channels, option A shortcuts."""

    name = "resnet32"
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
    citation = f"{_HE}, table 1; the stride as in Goyal et al., 2017, section 5.1"
    layers = ("layer1", "layer2", "layer3", "layer4", "pool", "fc")


class MindCV(Model):
    """Any model of the mindcv package that has feature maps; needs `pip install "ltdsl[mindcv]"`."""

    name = "mindcv"
    weighs_maps = None
    layers = ("pool", "fc")

    model: Text = Field(
        alias="name", min_length=1, description='A model\'s name in mindcv: "resnet50".'
    )
