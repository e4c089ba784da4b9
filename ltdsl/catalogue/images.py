"""Declarations of data sets that are files of the user's, or too large for memory."""

from typing import Annotated, ClassVar

from pydantic import Field, field_validator

from ltdsl.catalogue.datasets import CIFAR_PROTOCOL, Dataset
from ltdsl.catalogue.entry import Added, Fraction, Text

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
    group: Annotated[Text | None, Added("0.2")] = Field(
        None,
        min_length=1,
        max_length=200,
        examples=["patient_{group}_*"],
        description="Images that stay together where a part is drawn, such as those of a patient: a pattern "
        "of their file names, `patient_{group}_*`, or, of a list with columns, the name of one.",
    )

    @field_validator("group")
    @classmethod
    def _is_clear(cls, value: str | None) -> str | None:
        """Where the group ends must be clear without trying."""
        if value is not None and (
            value.count("{group}") > 1 or "*{group}" in value or "{group}*" in value
        ):
            raise ValueError(
                "`{group}` stands in a pattern once, with a sign of the name on either side or an end, as in "
                "`patient_{group}_*`"
            )
        return value


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

    @field_validator("group")
    @classmethod
    def _is_pattern(cls, value: str | None) -> str | None:
        """Folders have no columns."""
        if value is not None and "{group}" not in value:
            raise ValueError(
                "a pattern of file names has `{group}` in it, as in `patient_{group}_*`"
            )
        return value


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
    validation: Annotated[Text | None, Added("0.2")] = Field(
        None,
        min_length=1,
        description="The list of validation images: used in place of a share of the training images where the recipe "
        "has `validation`.",
    )


class Annotations(ListedImages):
    """Your own images by lists: lines with a path and a label, CSV, or the JSON of COCO, iNaturalist or the toolbox."""

    name = "annotations"
    protocol = _OWN_PROTOCOL

    path: Text | None = Field(
        ".",
        min_length=1,
        description="Folder that lists and the images in them are relative to, itself relative to the recipe's; "
        "`--data DIR` comes before it.",
    )

    class_names: Annotated[Text | None, Added("0.2")] = Field(
        None,
        min_length=1,
        description="A file with the name of each class, a line for each label from 0, or lines `label name`.",
    )
    image_column: Annotated[Text | None, Added("0.2")] = Field(
        None,
        min_length=1,
        description="The column of the images' paths, where a list has a header and its name does not say so.",
    )
    label_column: Annotated[Text | None, Added("0.2")] = Field(
        None, min_length=1, description="The column of labels or class names, likewise."
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
    protocol = CIFAR_PROTOCOL

    path: Text | None = Field(
        None,
        min_length=1,
        examples=["data.npz"],
        description="The file, relative to the recipe's folder; `--data FILE` comes before it.",
    )
