"""Declarations of the data sets, each with the protocol that its literature trains it by."""

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from ltdsl.catalogue.entry import Entry, Fraction, Text
from ltdsl.longtail import capped_counts, profile_counts

#: Profiles of a long tail: counts fall exponentially, or the second half of the classes is rare.
Profile = Literal["exponential", "step"]


class Dataset(Entry):
    """A data set: where images and labels come from.

    Class attributes:
        protocol: The settings it is usually trained with, as recipe text: the lowest layer of every recipe.
        available: Images that each class can give; None where only the files say.
        needs_files: True where ``--data DIR`` must name a folder, unless the recipe does.
    """

    kind = "dataset"
    protocol: ClassVar[str]
    available: ClassVar[tuple[int, ...] | None] = None
    needs_files: ClassVar[bool] = True

    imbalance: float | None = Field(
        None,
        ge=1,
        le=100_000,
        description="Makes the data set longer-tailed: a class keeps at most as many images as the profile from the "
        "largest class down gives it. Unset: all images.",
    )
    profile: Profile = Field("exponential", description="How counts fall from head to tail.")

    def class_counts(self, available: Sequence[int] | None = None) -> tuple[int, ...] | None:
        """Training images of each class, before a validation part is taken from them.

        Args:
            available: Images that the files have of each class, where the declaration does not know.

        Returns:
            The counts, or None where nobody knows them yet.
        """
        if available is None:
            return None
        if self.imbalance is None:
            return tuple(available)
        return capped_counts(available, self.imbalance, self.profile)


class LongTailed(Dataset):
    """A balanced data set of known size that is made long-tailed."""

    imbalance: float = Field(
        100.0,
        ge=1,
        le=100_000,
        description="Images of the largest class for each image of the smallest.",
    )

    def class_counts(self, available: Sequence[int] | None = None) -> tuple[int, ...]:
        """Training images of each class, known before any file is read."""
        available = available or type(self).available
        assert available is not None
        return profile_counts(available, self.imbalance, self.profile)


class DigitsLT(LongTailed):
    """UCI handwritten digits, embedded in the package: 10 classes, 16×16 grey images, 400 balanced test images."""

    name = "digits_lt"
    citation = (
        "Alpaydin, Kaynak: Optical Recognition of Handwritten Digits, UCI Machine Learning "
        "Repository, 1998, doi:10.24432/C50P49 (CC BY 4.0)"
    )
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


class Cifar10LT(LongTailed):
    """CIFAR-10 made long-tailed: 10 classes, 32×32 colour images, 10,000 balanced test images."""

    name = "cifar10_lt"
    citation = "Krizhevsky: Learning Multiple Layers of Features from Tiny Images, 2009"
    available = (5000,) * 10
    protocol = _CIFAR_PROTOCOL


class Cifar100LT(LongTailed):
    """CIFAR-100 made long-tailed: 100 classes, 32×32 colour images, 10,000 balanced test images."""

    name = "cifar100_lt"
    citation = "Krizhevsky: Learning Multiple Layers of Features from Tiny Images, 2009"
    available = (500,) * 100
    protocol = _CIFAR_PROTOCOL


# a small batch suits a few thousand images; rate and batch keep the proportion of ImageNet-LT's protocol
_OWN_PROTOCOL = """\
model = resnet10
epochs = 100
batch_size = 64
optimizer = sgd(lr = 0.025, momentum = 0.9, nesterov = true, weight_decay = 0.0005)
schedule = multistep(milestones = [60%, 80%], gamma = 0.1, warmup = 5)
augment = [random_resized_crop, random_horizontal_flip]
"""

_LARGE_PROTOCOL = """\
model = {model}
epochs = 100
batch_size = 512
optimizer = sgd(lr = 0.2, momentum = 0.9, nesterov = true, weight_decay = 0.0001)
schedule = multistep(milestones = [60%, 80%], gamma = 0.1)
augment = {augment}
"""


class ImageFiles(Dataset):
    """Images in files, of any size."""

    size: int = Field(
        224, ge=8, le=4096, description="Height and width of the network's input, pixels."
    )
    crop: Fraction = Field(
        0.875,
        ge=0.1,
        description="In evaluation, the share of the shorter side that is cut out of an image's centre: 87.5% resizes "
        "to 256 for an input of 224. 100% suits small images.",
    )


class HeldOut(Dataset):
    """Data that may come without a test part."""

    holdout: Fraction = Field(
        0.2,
        gt=0,
        le=0.9,
        description="Share of each class's images that is tested with, where there is no test part.",
    )
    holdout_seed: int = Field(
        0,
        ge=0,
        lt=2**32,
        description="Seed of which images are tested with, where `holdout` counts.",
    )


class ImageFolder(ImageFiles, HeldOut):
    """Your own images: one folder a class, within `train` and `test` (or `val`) folders or without."""

    name = "image_folder"
    protocol = _OWN_PROTOCOL

    path: Text | None = Field(
        None,
        min_length=1,
        description="The folder, relative to the recipe's; `--data DIR` comes before it.",
    )


class ListedImages(ImageFiles, HeldOut):
    """Images that lists name.

    Class attributes:
        published: Training images and classes of the published list; None where the list is the user's.
    """

    published: ClassVar[tuple[int, int] | None] = None

    path: Text | None = Field(
        None,
        min_length=1,
        description="Folder that lists and the images in them are relative to, itself relative to the recipe's; "
        "`--data DIR` comes before it.",
    )
    train: Text = Field(min_length=1, description="The list of training images.")
    test: Text | None = Field(None, min_length=1, description="The list of test images.")


class Annotations(ListedImages):
    """Your own images by lists: text lines `path label`, or the JSON of the reference toolbox or of iNaturalist."""

    name = "annotations"
    protocol = _OWN_PROTOCOL

    path: Text | None = Field(
        ".",
        min_length=1,
        description="Folder that lists and the images in them are relative to, itself relative to the recipe's; "
        "`--data DIR` comes before it.",
    )


class ImageNetLT(ListedImages):
    """ImageNet-LT: 115,846 training images in 1,000 classes of 1,280 down to 5, balanced test images."""

    name = "imagenet_lt"
    citation = "Liu et al.: Large-Scale Long-Tailed Recognition in an Open World, CVPR 2019; images of ILSVRC 2012"
    published = (115_846, 1_000)
    protocol = _LARGE_PROTOCOL.format(
        model="resnet10",
        augment="[random_resized_crop, random_horizontal_flip, color_jitter]",
    )

    train: Text = Field(
        "ImageNet_LT_train.txt", min_length=1, description="The list of training images."
    )
    test: Text | None = Field(
        "ImageNet_LT_test.txt", min_length=1, description="The list of test images."
    )


class INat18(ListedImages):
    """iNaturalist 2018: 437,513 training images in 8,142 classes of 1,000 down to 2, balanced validation images."""

    name = "inat18"
    citation = (
        "Van Horn et al.: The iNaturalist Species Classification and Detection Dataset, CVPR 2018"
    )
    published = (437_513, 8_142)
    protocol = _LARGE_PROTOCOL.format(
        model="resnet50", augment="[random_resized_crop, random_horizontal_flip]"
    )

    train: Text = Field("train2018.json", min_length=1, description="The list of training images.")
    test: Text | None = Field("val2018.json", min_length=1, description="The list of test images.")


class Npz(HeldOut):
    """Your own images in a NumPy file: `x_train`, `y_train` and, where there are any, `x_test`, `y_test`, bytes."""

    name = "npz"
    protocol = _CIFAR_PROTOCOL

    path: Text | None = Field(
        None,
        min_length=1,
        description="The file, relative to the recipe's folder; `--data FILE` comes before it.",
    )
