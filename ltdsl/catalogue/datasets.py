"""Declarations of the data sets, each with the protocol that its literature trains it by."""

from typing import ClassVar, Literal

from pydantic import Field

from ltdsl.catalogue.entry import Entry
from ltdsl.longtail import profile_counts

#: Profiles of a long tail: counts fall exponentially, or the second half of the classes is rare.
Profile = Literal["exponential", "step"]


class Dataset(Entry):
    """A data set: where images and labels come from.

    Class attributes:
        protocol: The settings it is usually trained with, as recipe text: the lowest layer of every recipe.
        shape: Channels, height and width of an image.
        needs_files: True where ``--data DIR`` must name a folder.
    """

    kind = "dataset"
    protocol: ClassVar[str]
    shape: ClassVar[tuple[int, int, int]]
    available: ClassVar[tuple[int, ...]]
    needs_files: ClassVar[bool] = True

    imbalance: float = Field(
        100.0,
        ge=1,
        le=100_000,
        description="Images of the largest class for each image of the smallest.",
    )
    profile: Profile = Field("exponential", description="How counts fall from head to tail.")

    def class_counts(self) -> tuple[int, ...]:
        """Training images of each class, before a validation part is taken from them."""
        return profile_counts(type(self).available, self.imbalance, self.profile)


class DigitsLT(Dataset):
    """UCI handwritten digits, embedded in the package: 10 classes, 16×16 grey images, 400 balanced test images."""

    name = "digits_lt"
    citation = (
        "Alpaydin, Kaynak: Optical Recognition of Handwritten Digits, UCI Machine Learning "
        "Repository, 1998, doi:10.24432/C50P49 (CC BY 4.0)"
    )
    shape = (1, 16, 16)
    available = (138, 142, 137, 143, 141, 142, 141, 139, 134, 140)
    needs_files = False
    protocol = """\
model = resnet8
epochs = 200
batch_size = 32
optimizer = sgd(lr = 0.05, momentum = 0.9, nesterov = true, weight_decay = 0.0005)
schedule = multistep(milestones = [80%, 90%], gamma = 0.1, warmup = 5)
augment = [random_crop(padding = 2)]
"""

    imbalance: float = Field(
        20.0,
        ge=1,
        le=100_000,
        description="Images of the largest class for each image of the smallest.",
    )


_CIFAR_PROTOCOL = """\
model = resnet32
epochs = 200
batch_size = 128
optimizer = sgd(lr = 0.1, momentum = 0.9, nesterov = true, weight_decay = 0.0002)
schedule = multistep(milestones = [80%, 90%], gamma = 0.01, warmup = 5)
augment = [random_crop(padding = 4), random_horizontal_flip]
"""


class Cifar10LT(Dataset):
    """CIFAR-10 made long-tailed: 10 classes, 32×32 colour images, 10,000 balanced test images."""

    name = "cifar10_lt"
    citation = "Krizhevsky: Learning Multiple Layers of Features from Tiny Images, 2009"
    shape = (3, 32, 32)
    available = (5000,) * 10
    protocol = _CIFAR_PROTOCOL


class Cifar100LT(Dataset):
    """CIFAR-100 made long-tailed: 100 classes, 32×32 colour images, 10,000 balanced test images."""

    name = "cifar100_lt"
    citation = "Krizhevsky: Learning Multiple Layers of Features from Tiny Images, 2009"
    shape = (3, 32, 32)
    available = (500,) * 100
    protocol = _CIFAR_PROTOCOL
